import re
from functools import partial

import numpy as np
import streamlit as st

from aeviz import figures, fill, latent, picture_ui, ui
from aeviz.patches import at_random, covered, middle, packed, patches, unpacked, visible_pixels
from aeviz.player import player

START = 1
PATCHES = 49
MIDDLE = middle(6.5)
HIDE = {"patches": "Patches", "paint": "By painting", "rows": "Lower rows"}
KEYS = {"patches": "hidden", "paint": "painted"}
BRUSH = {"patches": 0.0, "paint": 2.0}  # pixels
HOW = {
    "patches": "Click a patch to hide or show it, or drag over several.",
    "paint": "Paint over the digit to hide it. A stroke that begins on paint wipes it off.",
}
name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
ui.heading(
    "What was in the missing part?",
    "A part of the picture is hidden, and four kinds of models draw what they expect there. "
    "Look for how little they need to be right, and for digits that could have been another one.",
)


def put(key: str, hidden: str) -> None:
    """Hide these cells and no others."""
    st.session_state[key] = hidden


def keep(key: str) -> None:
    """Take over what the person hides and shows."""
    st.session_state[key] = st.session_state[f"{key}-grid"].hidden


def note(of: str, result: fill.Filled) -> str:
    """What a model is told of the hole, or how it finds out."""
    other = ui.load_model(of)
    if other.reads_rows:
        rows = fill.rows_read(visible)
        return f"told: it reads {rows} row{'' if rows == 1 else 's'} and stops"
    if other.uses_visible:
        return "told what is hidden"
    if not len(result.losses):
        return f"not told: it copies its own guess, {fill.ROUNDS} times"
    return f"search for a code: {result.losses[0]:.0f} to {result.losses[-1]:.0f} nats"


if "hidden" not in st.session_state:
    asked = st.query_params.get("hidden", "")
    known = re.fullmatch(rf"[01]{{{PATCHES}}}", asked)
    put("hidden", asked if known else at_random(3 * PATCHES // 4))
if "painted" not in st.session_state:
    put("painted", unpacked(st.query_params.get("painted", ""), len(MIDDLE)) or MIDDLE)

picked = picture_ui.pick(dataset, "hidden_picture", START)
shown_rows, chosen = 28, 0
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    if len(picked.names) > 1:
        many = len(picked.names)  # another key for another number: the last choice may be gone
        chosen = st.selectbox(
            "Which of them",
            range(many),
            format_func=picked.names.__getitem__,
            key=f"hidden-of-{many}",
            width=200,
        )
    way = ui.choice("Hide", HIDE, "hide")
    if way == "rows":
        shown_rows = st.slider(
            "Rows shown", 0, 28, 14, key="rows_shown", bind="query-params", width=300
        )
picture = picked.pictures[chosen]
title = picked.names[chosen]
if picked.labels is not None:
    title = dataset.classes[picked.labels[chosen]]

text = {"patches": st.session_state.hidden, "paint": st.session_state.painted}
for other, key in KEYS.items():
    if other == way:
        st.query_params[key] = text[way] if way == "patches" else packed(text[way])
    else:
        st.query_params.pop(key, None)
rows = np.arange(28)[:, None].repeat(28, 1) < shown_rows
visible = visible_pixels(text[way]) if way in text else rows

given, results = st.columns([2, 5], gap="large")
with given:
    if way == "rows":
        ui.sheet(covered(picture, visible), "shown rows")
    else:
        key = KEYS[way]
        patches(f"{key}-grid", picture, text[way], partial(keep, key), brush=BRUSH[way])
        st.caption(HOW[way])
        shortcuts = {
            "patches": {
                "Hide three quarters": at_random(3 * PATCHES // 4),
                "Hide half": at_random(PATCHES // 2),
            },
            "paint": {
                "Hide the middle": MIDDLE,
                "Swap": text["paint"].translate(str.maketrans("01", "10")),
            },
        }[way] | {"Show all": "0" * len(text[way])}
        with st.container(horizontal=True, gap="small"):
            for k, (label, then) in enumerate(shortcuts.items()):
                kind = "secondary" if k else "primary"
                st.button(label, on_click=put, args=(key, then), type=kind)

names = fill.side_by_side(ui.shipped_cards())
if name not in names:
    names.insert(0, name)
hidden = ~visible
found = {of: ui.filled(of, dataset.name, picture, visible) for of in names}
errors = {
    of: np.square(f.picture - picture)[hidden].mean() for of, f in found.items() if hidden.any()
}
items = [ui.Item([(picture, "original")], f"Original\n{title}")]
for of, result in found.items():
    error = f"MSE {errors[of]:.4f}" if errors else "nothing hidden"
    signed = figures.signed(result.picture - picture)
    items.append(
        ui.Item(
            [(result.picture, f"filled in by {of}"), (signed, f"error of {of}")],
            f"{ui.describe(of)}\n{error}\n{note(of, result)}",
        )
    )
with results:
    # As wide as leaves all in one row beside the picture on a laptop; on a phone three.
    ui.gallery(items, size=f"clamp(6.1rem, {41 / len(items):.1f}vw, 12rem)", narrow=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        ui.error_key()
        ui.download("this row as PNG", lambda: ui.strip(items), "aeviz-filled-in.png")
    if errors:
        best = min(errors, key=errors.__getitem__)
        st.markdown(
            f"**{hidden.mean():.0%}** of the pixels are hidden. Leaving these black has an MSE of "
            f"**{np.square(picture)[hidden].mean():.4f}**; the least, **{errors[best]:.4f}**, has "
            f"*{ui.describe(best)}*."
        )
    else:
        st.markdown("Nothing is hidden.")

st.subheader("What does it expect after each row?", anchor=False)
st.markdown(f"*{ui.describe(name)}*, chosen in the sidebar, is given one row more in each frame.")
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
    "Each model gets the shown pixels and never the hidden ones. The masked autoencoder cuts the "
    "picture into 49 patches and gives its encoder those without a hidden pixel only: the others "
    "are not blackened, they are left out. The recurrent one reads row after row and stops at the "
    "first that has a hidden pixel. A denoising autoencoder cannot be told: it gets black there, "
    "draws the picture, gets its own drawing there, and so on. For the variational "
    "autoencoder, and any other with a smooth decoder, a code is sought by gradient descent, whose "
    "picture makes the shown pixels likely and which is itself likely under the prior, where there "
    "is one: both in nats, before and after. Models draw the average of what they think "
    "possible, so where several digits would fit it is pale and blurred. MSE is of the hidden "
    "pixels alone. The film below always gives black in place of what is hidden to a model that "
    "cannot be told.",
    r"\hat x = g\bigl(f(x_{\mathcal V})\bigr) \;\text{ or }\; \hat x = g(\hat z), \quad"
    r" \hat z = \arg\min_z -\!\sum_{i \in \mathcal V} \bigl(x_i \ln g_i(z) + (1 - x_i)"
    r" \ln(1 - g_i(z))\bigr) + \tfrac12 \lVert z \rVert^2 \qquad \mathrm{MSE} ="
    r" \tfrac{1}{|\mathcal H|} \sum_{i \in \mathcal H} (x_i - \hat x_i)^2",
)
