import re

import numpy as np
import streamlit as st

from aeviz import figures, latent, ui
from aeviz.models import MODELS
from aeviz.patches import covered, patches
from aeviz.player import player

START = 1
SIDE = 7  # patches along a side, four pixels each
MOST = SIDE * SIDE
HIDE = {"patches": "Patches, by clicking", "rows": "Rows, from below"}
SIZE = "clamp(8.5rem, 13.5vw, 14rem)"

name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
ui.heading(
    "What was in the missing part?",
    "A part of the picture is hidden, and the model draws what it expects there. "
    "Look for how little it needs to be right, and for digits that could have been another one.",
)


def hide(number: int) -> None:
    """Hide this many patches, drawn at random."""
    chosen = np.random.default_rng().permutation(MOST) < number
    st.session_state.hidden = "".join(map(str, chosen.astype(int)))


def clicked() -> None:
    """Take over what the person hides and shows."""
    st.session_state.hidden = st.session_state.patches.hidden


if not model.uses_visible:
    able = [k for k, card in ui.shipped_cards().items() if MODELS[card.variant].uses_visible]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(
            "This model cannot be told that something is hidden: it takes it for black.", width=560
        )
        for other in able:
            st.button(f"Use {ui.describe(other)}", on_click=ui.use_model, args=(other,))

if "hidden" not in st.session_state:
    asked = st.query_params.get("hidden", "")
    if re.fullmatch(rf"[01]{{{MOST}}}", asked):
        st.session_state.hidden = asked
    else:
        hide(3 * MOST // 4)

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    number = ui.pick_test_picture("Picture", "picture", START, dataset)
    shown_rows = 28
    ways = {"rows": HIDE["rows"]} if model.reads_rows else HIDE
    way = ui.choice("Hide", ways, "hide")
    if way == "rows":
        shown_rows = st.slider(
            "Rows shown", 0, 28, 14, key="rows_shown", bind="query-params", width=300
        )

if way == "patches":
    st.query_params.hidden = st.session_state.hidden
    cells = np.array([cell == "0" for cell in st.session_state.hidden]).reshape(SIDE, SIDE)
    visible = figures.enlarge(cells, 28 // SIDE)
else:
    st.query_params.pop("hidden", None)
    visible = np.arange(28)[:, None].repeat(28, 1) < shown_rows

picture = latent.to_float(dataset.test_images[number])
title = dataset.classes[dataset.test_labels[number]]
# A model that takes labels has to find this one: the class may be what is hidden.
drawn = latent.reconstruct(model, (picture * visible)[None], None, visible[None])[0]
filled = np.where(visible, picture, drawn)
given, results = st.columns([2, 3], gap="large")
with given:
    if way == "patches":
        patches("patches", picture, st.session_state.hidden, clicked)
        st.caption("Click a patch to hide or show it, or drag over several.")
        with st.container(horizontal=True, gap="small"):
            st.button("Hide three quarters", on_click=hide, args=(3 * MOST // 4,), type="primary")
            st.button("Hide half", on_click=hide, args=(MOST // 2,))
            st.button("Show all", on_click=hide, args=(0,))
    else:
        ui.sheet(covered(picture, visible), "shown rows")
with results:
    hidden = ~visible
    error = np.square(drawn - picture)[hidden].mean() if hidden.any() else None
    ui.gallery(
        [
            ui.Item([(filled, "filled in")], "Filled in"),
            ui.Item([(drawn, "drawn by the decoder")], "Drawn by the decoder"),
            ui.Item([(picture, "original")], f"Original\n{title}"),
            ui.Item([(figures.signed(filled - picture), "error")], "Filled in minus original"),
        ],
        size=SIZE,
    )
    ui.error_key()
    st.markdown(
        "Nothing is hidden."
        if error is None
        else f"**{hidden.mean():.0%}** of the pixels are hidden. On these its MSE is "
        f"**{error:.4f}**; leaving them black costs **{np.square(picture)[hidden].mean():.4f}**."
    )

st.subheader("What does it expect after each row?", anchor=False)
reading = np.arange(28) < np.arange(29)[:, None]
frames = reading[:, :, None].repeat(28, 2)
seen = picture * frames
expected = latent.reconstruct(model, seen, None, frames)
player(
    "reading",
    {"Rows that it is given": seen, "What it draws from them": expected},
    [f"{k} of 28 rows: MSE {np.square(e - picture).mean():.4f}" for k, e in enumerate(expected)],
    seconds=7.0,
)
ui.explain(
    "The masked autoencoder cuts the picture into 49 patches and gives its encoder the shown ones "
    "only: a hidden patch is not blackened, it is left out. The recurrent one reads row after row "
    "and stops at the first hidden one. Any other model gets the picture with black in place of "
    "what is hidden, and takes the black for paper. From the code the decoder draws the whole "
    "picture; filled in are its pixels where yours are hidden. It was trained to be right on "
    "average, so where several digits would fit it draws a mixture of them, pale and blurred. "
    "Below, the model is given one row more in each frame and draws the whole picture anew.",
    r"\hat x = g\bigl(f(x_{\mathcal V})\bigr) \qquad \mathrm{MSE} = \tfrac{1}{|\mathcal H|}"
    r" \sum_{i \in \mathcal H} (x_i - \hat x_i)^2, \quad \mathcal V \text{ shown}, \;"
    r" \mathcal H \text{ hidden}",
)
