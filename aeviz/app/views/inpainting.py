"""Parts of the inpainting page: what is hidden, what each model draws there, and row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from aeviz.analysis import inpainting
from aeviz.app import library, pictures, session, sidebar, texts, widgets
from aeviz.app.components import patches
from aeviz.app.components.player import player
from aeviz.app.subject import ModelSubject
from aeviz.charts import pixels
from aeviz.data.digits import SIDE
from aeviz.models import apply

START = 1
"""The test image that is chosen at first."""
PATCHES = 49
MOST = 3 * PATCHES // 4
"""So many patches are hidden at first."""
MIDDLE = patches.middle(6.5, SIDE)
LINEAR = "Gaussian (linear)"
WAYS = {"patches": "Patches", "paint": "By painting", "rows": "Lower rows"}

# -- what is hidden ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """A way to hide cells of an image by hand.

    key: of what is hidden, also its name in the address; brush: its radius in pixels.
    """

    key: str
    brush: float
    how: str


GRIDS = {
    "patches": Grid("hidden", 0.0, "Click a patch to hide or show it, or drag over several."),
    "paint": Grid(
        "painted",
        2.0,
        "Paint over the digit to hide it. Start a stroke on paint to wipe it off.",
    ),
}


def choose_way() -> tuple[str, np.ndarray]:
    """Widgets for how a part is hidden: a key of `WAYS`, and which pixels (28, 28) stay visible.

    What is hidden by hand goes into the address.
    """
    rows = SIDE
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        way = widgets.choice("Hide", WAYS, "hide")
        if way == "rows":
            rows = widgets.slider("Rows shown", 0, SIDE, SIDE // 2, key="rows_shown", width=300)
    known = re.compile(rf"[01]{{{PATCHES}}}").fullmatch
    session.begin(
        "hidden", patches.at_random(MOST, PATCHES), str, lambda text: known(text) is not None
    )
    session.begin("painted", MIDDLE, _unpacked, lambda text: len(text) == len(MIDDLE))
    for other, grid in GRIDS.items():
        if other != way:
            session.say(grid.key)
    if way == "rows":
        return way, np.arange(SIDE)[:, None].repeat(SIDE, 1) < rows
    hidden: str = session.value(GRIDS[way].key)
    session.say(GRIDS[way].key, hidden if way == "patches" else patches.packed(hidden))
    return way, patches.visible_pixels(hidden, SIDE)


def _unpacked(text: str) -> str:
    return patches.unpacked(text, len(MIDDLE)) or ""


def show_given(way: str, image: np.ndarray, visible: np.ndarray) -> None:
    """The image (28, 28) as the models get it, to hide and show parts of, with shortcuts.

    Args:
        visible: (28, 28) bool, from `choose_way`.
    """
    if way == "rows":
        widgets.sheet(patches.covered(image, visible), "shown rows")
        return
    grid = GRIDS[way]
    hidden: str = session.value(grid.key)
    patches.patches(f"{grid.key}-grid", image, hidden, partial(_keep, grid.key), brush=grid.brush)
    st.caption(grid.how)
    shortcuts = {
        "patches": {
            "Hide three quarters": patches.at_random(MOST, PATCHES),
            "Hide half": patches.at_random(PATCHES // 2, PATCHES),
        },
        "paint": {
            "Hide the middle": MIDDLE,
            "Swap": hidden.translate(str.maketrans("01", "10")),
        },
    }[way] | {"Show all": "0" * len(hidden)}
    with st.container(horizontal=True, gap="small"):
        for k, (label, then) in enumerate(shortcuts.items()):
            kind = "secondary" if k else "primary"
            st.button(label, on_click=session.put, args=(grid.key, then), type=kind)


def _keep(key: str) -> None:
    """Take over what the person hides and shows."""
    session.put(key, session.get(f"{key}-grid").hidden["cells"])


# -- what each model draws there --------------------------------------------------------------


def compared(chosen: ModelSubject) -> list[ModelSubject]:
    """The chosen model, and one of each kind that is pretrained."""
    names = inpainting.side_by_side(library.pretrained())
    if chosen.key not in names:
        names.insert(0, chosen.key)
    return [sidebar.subject(name) for name in names]


def side_by_side(
    subjects: list[ModelSubject], picked: pictures.Picked, visible: np.ndarray
) -> None:
    """The first image, and what each model draws where it is not visible (28, 28) bool."""
    image, title, hidden = picked.images[0], picked.names[0], ~visible
    if picked.labels is not None:
        title = subjects[0].data.classes[picked.labels[0]]
    items = [widgets.Item([(image, "original")], f"Original\n{title}")]
    mse: dict[str, float] = {}

    def add(name: str, of: str, filled: np.ndarray, note: str) -> None:
        error = "nothing hidden"
        if hidden.any():
            mse[name] = inpainting.hidden_mse(image, filled, visible)
            error = f"MSE {mse[name]:.4f}"
        signed = pixels.signed(filled - image)
        both = [(filled, f"filled in by {of}"), (signed, f"error of {of}")]
        items.append(widgets.Item(both, f"{name}\n{error}\n{note}"))

    for subject in subjects:
        filled = subject.fill(image, visible)
        note = _note(subject, filled.losses, visible)
        add(subject.title, subject.key, filled.image, note)
    linear = inpainting.gaussian(subjects[0].data)
    add(LINEAR, "the Gaussian", linear.fill(image, visible), "told what is hidden")
    # As wide as leaves all in one row beside the image on a laptop; on a phone three, wider ones.
    least = "max(5.2rem, min(6.1rem, 40rem - 41vw))"
    widgets.gallery(items, size=f"clamp({least}, {41 / len(items):.2f}vw, 12rem)", narrow=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        widgets.error_key()
        widgets.download("this row as PNG", lambda: widgets.strip(items), "aeviz-filled-in.png")
    if not mse:
        st.markdown("Nothing is hidden.")
        return
    best, mean = min(mse, key=mse.__getitem__), linear.mean.reshape(image.shape)
    black, grey = (
        inpainting.hidden_mse(image, filled, visible) for filled in (np.zeros_like(image), mean)
    )
    st.markdown(
        f"**{hidden.mean():.0%}** of the pixels are hidden. Leaving them empty has an MSE of "
        f"**{black:.4f}**, the mean training image **{grey:.4f}**; *{best}* has the lowest of this "
        f"image, **{mse[best]:.4f}**."
    )
    widgets.seen_in_training(subjects)


def _note(subject: ModelSubject, losses: np.ndarray, visible: np.ndarray) -> str:
    """What a model is told of what is hidden, or how it finds out.

    Args:
        losses: of `inpainting.Filled`.
    """
    model = subject.model
    if model.reads_rows:
        rows = inpainting.rows_read(visible)
        return f"told: it reads {rows} row{'' if rows == 1 else 's'} and stops"
    if model.uses_visible:
        return "told what is hidden"
    if not len(losses):
        return f"not told: it reconstructs its own guess, {inpainting.ROUNDS} times"
    tried = f", each of {model.classes} classes tried" if model.uses_labels else ""
    found = f"search for a code: {losses[0]:.0f} to {losses[-1]:.0f} nats"
    return f"its encoder cannot be told: {found}{tried}"


def row_by_row(subject: ModelSubject, image: np.ndarray) -> None:
    """A film of what a model draws from one row of the image (H, W) more in each frame."""
    height, width = image.shape
    given = np.arange(height) < np.arange(height + 1)[:, None]  # one row more in each frame
    visible = given[:, :, None].repeat(width, 2)
    seen = image * visible
    expected = apply.reconstruct(subject.model, seen, None, visible)
    errors = [
        f"MSE of the others {inpainting.hidden_mse(image, drawn, shown):.4f}"
        for drawn, shown in zip(expected[:-1], visible[:-1], strict=True)
    ]
    if not subject.model.uses_visible:
        st.markdown(texts.of("inpainting").part("not_told"))
    player(
        "reading",
        {"Rows that it is given": seen, "What it draws from them": expected},
        [f"{k} of {height} rows: {text}" for k, text in enumerate([*errors, "nothing hidden"])],
        seconds=7.0,
    )
