"""Parts of the page that leads from a need to a model: the needs, the variants, one shown off."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aeviz.analysis import denoising, errors, estimate, inpainting, sampling
from aeviz.analysis.estimate import Estimate
from aeviz.app import library, pages, sidebar, widgets
from aeviz.app.subject import MOVED, ModelSubject
from aeviz.app.views import ladder
from aeviz.data import corruption, datasets, perturb
from aeviz.models import apply
from aeviz.models.base import NEEDS
from aeviz.models.zoo import MODELS, describe, short_title

COLUMNS, SIGMA, CUT, HIDDEN = 8, 0.5, 14, 0.6
WIDTH = 32
PAGE = {  # where a model shows how it serves a need
    "noise": ("denoise", "Clean noisy images with it"),
    "features": ("map", "Move along its latent dimensions"),
    "stability": ("stability", "See how far its codes move"),
    "samples": ("sample", "Draw new images with it"),
    "classes": ("sample", "Ask it for a digit"),
    "sequences": ("inpainting", "Cut a digit off and have it completed"),
    "missing": ("inpainting", "Hide patches and have them filled in"),
}
FEW = 200
"""Test images on which it is measured how well a model serves a need, where its card has not."""
MOVED_BY = perturb.KINDS["noise"].start
MSE = ("MSE of its reconstructions", "", ".5f")
MEASURED = {
    "baseline": MSE,
    "compression": MSE,
    "symbols": MSE,
    "images": MSE,
    "noise": (
        "PSNR after Gaussian noise of standard deviation {sigma}, dB",
        "the best linear map",
        ".2f",
    ),
    "stability": (
        "Noise of standard deviation {moved} moves its code, in median distances between two "
        "images, by",
        "",
        ".3f",
    ),
    "sequences": (
        "MSE of the hidden pixels, {cut} rows shown",
        "a Gaussian that is told the same",
        ".4f",
    ),
    "missing": (
        "MSE of the hidden pixels, {hidden:.0%} of the patches hidden",
        "a Gaussian that is told the same",
        ".4f",
    ),
}
"""What says how well a need is served, its opponent, PCA as wide where none is named, and form."""
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
    st.header(f"{chosen.title}, {chosen.year}", anchor=False)
    st.markdown(f"{chosen.idea} {chosen.when}")
    if name:
        subject = ModelSubject(library.codec(name), datasets.load("mnist"))
        widgets.rows(_demonstration(need, subject), least=3)
        title = describe(variant, subject.code_dim)
        st.caption(f"Pretrained model: {title}, on MNIST test images.")
        if need in MEASURED:
            _figure(need, subject)
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


def _figure(need: str, subject: ModelSubject) -> None:
    """How well a model serves a need, and what does it without a network."""
    if need == "stability":
        found = tuple(its.moves("noise", MOVED_BY) for its in (subject, subject.pca()))
    elif need in ("noise", "sequences", "missing"):
        found = _measured(need, subject.key, subject)
    else:
        found = ladder.beside(subject)
    what, other, form = MEASURED[need]
    n = {"stability": MOVED, "noise": FEW, "sequences": FEW, "missing": FEW}.get(need)
    of = f"the first {n}" if n else f"all {len(subject.data.test_labels):,}"
    components = subject.pca().title
    ours, theirs = (its.said(form) for its in found)
    st.markdown(
        f"{what.format(sigma=SIGMA, moved=MOVED_BY, hidden=HIDDEN, cut=CUT)}: **{ours}**; "
        f"{other or components}: {theirs}. Means over {of} test images ± one standard error."
    )
    theirs = denoising.FITTED_ON if need == "noise" else len(subject.data.train_images)
    st.caption(
        f"The model learned from {subject.learned_from}; {other or components} from {theirs:,}."
    )


@st.cache_data(max_entries=100, show_spinner="Measuring how well it does that")
def _measured(need: str, key: str, _subject: ModelSubject) -> tuple[Estimate, Estimate]:
    """PSNR, dB, or MSE of hidden pixels: of the model, and of the best linear map."""
    data = _subject.data
    images = datasets.to_float(data.test_images[:FEW])
    if need == "noise":
        noisy = corruption.noisy(images, SIGMA, 0)
        linear = denoising.fitted(data, "gaussian", SIGMA).clean(noisy)
        made = apply.reconstruct(_subject.model, noisy)
        ours, theirs = (estimate.mean(errors.mse(images, its)) for its in (made, linear))
        return estimate.psnr(ours), estimate.psnr(theirs)
    visible = _visible(need, images)
    made = apply.reconstruct(_subject.model, images * visible, None, visible)
    gaussian = inpainting.gaussian(data)
    linear = np.stack([gaussian.fill(x, seen) for x, seen in zip(images, visible, strict=True)])
    ours, theirs = (
        estimate.mean(inpainting.hidden_errors(images, its, visible)) for its in (made, linear)
    )
    return ours, theirs


def _visible(need: str, images: np.ndarray) -> np.ndarray:
    """Which pixels of images (N, H, W) are visible, bool, where a model is to draw the others."""
    if need == "sequences":
        return np.broadcast_to(np.arange(images.shape[1])[:, None] < CUT, images.shape)
    return inpainting.hide_patches(len(images), HIDDEN)


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
    elif need in ("sequences", "missing"):
        visible = _visible(need, images)
    seen = given if visible is None else np.where(visible, images, 0.35)
    made = apply.reconstruct(model, given, None, visible)
    return [widgets.Row(GIVEN.get(need, "Original"), seen), widgets.Row("Reconstruction", made)]
