"""Parts of the page that leads from a need to a model: the needs, the variants, one shown off."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aeviz.analysis import inpainting, sampling
from aeviz.app import library, pages, sidebar, widgets
from aeviz.app.subject import ModelSubject
from aeviz.data import corruption, datasets
from aeviz.models import apply
from aeviz.models.base import NEEDS
from aeviz.models.zoo import MODELS, describe, short_title

COLUMNS, SIGMA, CUT, HIDDEN = 8, 0.5, 14, 0.6
WIDTH = 32
PAGE = {  # where a model shows how it serves a need
    "noise": ("denoise", "Clean noisy images with it"),
    "features": ("map", "Move along its latent dimensions"),
    "stability": ("map", "See where its codes lie"),
    "samples": ("sample", "Draw new images with it"),
    "classes": ("sample", "Ask it for a digit"),
    "sequences": ("inpainting", "Cut a digit off and have it completed"),
    "missing": ("inpainting", "Hide patches and have them filled in"),
}
GIVEN = {"noise": "Noisy", "sequences": "Cut off", "missing": "With parts hidden"}
"""What a model is given, where that is not the image itself."""


def _suited(need: str) -> list[str]:
    """The variants that serve a need, the most usual first."""
    found = [name for name, c in MODELS.items() if need in c.needs]
    return sorted(found, key=lambda name: (MODELS[name].needs.index(need), MODELS[name].order))


def pick_need() -> str:
    """Buttons that choose a need that a variant serves."""
    needs = {need: text for need, text in NEEDS.items() if _suited(need)}
    return widgets.choice("I need", needs, "need", vertical=True)


def pick_variant(need: str) -> str:
    """Buttons that choose a variant that serves a need; none where there is only one."""
    suited = _suited(need)
    if len(suited) == 1:
        return suited[0]
    titles = {name: short_title(name) for name in suited}
    # A key for each need: the answer to one is not at once the answer to the next.
    return widgets.choice("These do it, the most usual first", titles, f"answer-{need}")


def answer(need: str, variant: str) -> None:
    """What a variant is, what a pretrained model of it does for a need, and where to go on."""
    chosen, name = MODELS[variant], library.nearest(variant, WIDTH)
    st.subheader(f"{chosen.title}, {chosen.year}", anchor=False)
    st.markdown(f"{chosen.idea} {chosen.when}")
    if name:
        subject = ModelSubject(library.codec(name), datasets.load("mnist"))
        widgets.rows(_demonstration(need, subject), least="3rem")
        title = describe(variant, subject.code_dim)
        st.caption(f"Pretrained model: {title}, on MNIST test images.")
    with st.container(horizontal=True, gap="small"):
        page, label = PAGE.get(need, ("reconstruct", "Compare its reconstructions with the images"))
        if name:
            if st.button(label, on_click=sidebar.use, args=(name,), type="primary"):
                pages.to(page)
            if st.button("See its layers", on_click=sidebar.use, args=(name,)):
                pages.to("anatomy")
        if st.button("Train one" if name else "Train one: none is pretrained"):
            pages.to("train", variant=variant)
    st.markdown(f"**How it fails.** {chosen.fails}")


def _demonstration(need: str, subject: ModelSubject) -> list[widgets.Row]:
    """What a model does for a need, on the first test images."""
    model, images = subject.model, datasets.to_float(subject.data.test_images[:COLUMNS])
    if need == "classes":
        drawn = sampling.sample_prior(model, 1)
        code = subject.codes()[:1] if drawn is None else drawn
        classes = np.arange(len(subject.data.classes))
        made = subject.codec.decode(code.repeat(len(classes), 0), classes)
        row = widgets.Row("One latent code, decoded as each digit", made, subject.data.classes)
        return [row]
    if need == "samples":
        drawn = sampling.sample_prior(model, COLUMNS)
        if drawn is None:
            drawn = sampling.sample_mixture(subject.mixture(10), COLUMNS)
        return [widgets.Row("Digits that nobody wrote", subject.codec.decode(drawn))]
    given, visible = images, None
    if need == "noise":
        given = corruption.noisy(images, SIGMA, 0)
    elif need == "sequences":
        visible = np.broadcast_to(np.arange(images.shape[1])[:, None] < CUT, images.shape)
    elif need == "missing":
        visible = inpainting.hide_patches(COLUMNS, HIDDEN)
    seen = given if visible is None else np.where(visible, images, 0.35)
    made = apply.reconstruct(model, given, None, visible)
    return [widgets.Row(GIVEN.get(need, "Original"), seen), widgets.Row("Reconstruction", made)]
