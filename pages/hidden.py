import numpy as np
import streamlit as st

from aeviz.analysis import inpainting
from aeviz.app import ui
from aeviz.app.components.player import player
from aeviz.app.pictures import pick_images
from aeviz.app.views import inpainting as view
from aeviz.charts import figures
from aeviz.models import apply

START = 1

name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
ui.heading(
    "What was in the missing part?",
    "A part of the picture is hidden, and four kinds of models draw what they expect there. "
    "Look for how little they need to be right, and for digits that could have been another one.",
)
picked = pick_images(dataset, "hidden_picture", START)
chosen = 0
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
    way, rows = view.choose_way()
picture = picked.images[chosen]
title = picked.names[chosen]
if picked.labels is not None:
    title = dataset.classes[picked.labels[chosen]]
visible = view.visible(way, rows)

given, results = st.columns([2, 5], gap="large")
with given:
    view.given(way, picture, visible)

names = inpainting.side_by_side(ui.shipped_cards())
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
            f"{ui.describe(of)}\n{error}\n{view.note(of, result.losses, visible)}",
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
expected = apply.reconstruct(model, seen, None, frames)
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
