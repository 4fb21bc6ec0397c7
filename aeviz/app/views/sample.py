"""Parts of the page of samples: codes drawn at random, where they lie, what is decoded of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from aeviz.analysis import neighbours, sampling
from aeviz.app import widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import maps, pixels, theme

NEAREST = {"no": "Hide", "pixels": "In pixels", "codes": "In latent space"}
DOTS = 3000
GRID = 20


@dataclass(frozen=True)
class Drawn:
    """Codes (N, D) that were drawn, and the images (N, H, W) that are decoded from them.

    even: they stand in a grid; near: a key of NEAREST.
    """

    codes: np.ndarray
    images: np.ndarray
    even: bool
    near: str


def say_prior(subject: ModelSubject) -> None:
    """Why codes come from a mixture, for a model without a prior."""
    model = subject.model
    if not _has_prior(subject):
        st.info(
            f"A {model.title.lower()} has no prior to draw from. {model.no_prior} Here codes are "
            "drawn from a Gaussian mixture that was fitted to its training codes afterwards."
        )


def _has_prior(subject: ModelSubject) -> bool:
    return sampling.sample_prior(subject.model, 1) is not None


def draw(subject: ModelSubject) -> Drawn:
    """Widgets that choose where codes come from, and the codes."""
    model, source = subject.model, "mixture"
    if _has_prior(subject):
        sources = {"prior": model.sampler, "mixture": "A Gaussian mixture"}
        source = widgets.choice("Codes come from", sources, "sample_from")
    told = widgets.decoded_as(subject, "sample_label", in_turn=True)
    flat = source == "prior" and model.gaussian_prior and subject.code_dim == 2
    even, near = flat and _evenly(), "no"
    if even:
        codes = sampling.prior_grid(GRID)
    else:
        seed, count, temperature = _how_many()
        near = widgets.choice(
            "Nearest training image",
            NEAREST,
            "sample_nearest",
            "Is a sample new, or does it repeat an image that the model was trained on?",
        )
        if source == "mixture":
            components = widgets.slider(
                "Gaussians in the mixture", 1, 40, 10, key="sample_components"
            )
            mixture = subject.mixture(components)
            codes = sampling.sample_mixture(mixture, count, temperature, seed)
        else:
            codes = sampling.sample_prior(model, count, temperature, seed)
    assert codes is not None  # without a prior the source is the mixture
    labels = None if told is None else np.resize(told, len(codes))
    return Drawn(codes, subject.codec.decode(codes, labels), even, near)


def _evenly() -> bool:
    return widgets.toggle(
        "An even grid",
        "sample_grid",
        help="Equal slices of the prior's probability instead of chance: the middles of "
        f"{GRID} slices of each latent dimension go through the inverse normal CDF.",
    )


def _how_many() -> tuple[int, int, float]:
    """Widgets that choose the seed of the draw, how many codes, and how far they spread."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        seed = widgets.draw_again("sample_seed")
    with st.container(horizontal=True, gap="medium"):
        count = widgets.slider("How many", 4, 64, 36, 4, key="sample_count")
        temperature = widgets.slider(
            "Temperature",
            0.0,
            2.0,
            1.0,
            0.1,
            key="sample_temperature",
            help="Factor on the spread: lower gives typical images, higher gives unusual ones.",
        )
    return seed, count, temperature


def on_map(subject: ModelSubject, drawn: Drawn) -> None:
    """The codes drawn, among those of test images."""
    data, plane = subject.data, subject.plane()
    points = plane.project(subject.codes())[:DOTS]
    dots = maps.code_map(points, data.test_labels[:DOTS], data.classes, height=430)
    size = 3 if drawn.even else 6
    maps.overlay(dots, points, plane.project(drawn.codes), size, plane.axis_titles)
    st.plotly_chart(widgets.drawable(dots), config=theme.CONFIG, key="samples")
    st.caption("Black dots: the codes drawn. Coloured: test codes, put there by the encoder.")


def sheet(drawn: Drawn) -> None:
    """The images of an even grid."""
    alt = f"{GRID} by {GRID} images decoded from an even grid"
    widgets.sheet(pixels.tiles(drawn.images, GRID), alt)
    st.caption(
        "Each image stands for an equal share of the prior. Look for how much of it goes to "
        "each digit, and for the seams where one turns into another."
    )


def gallery(subject: ModelSubject, drawn: Drawn) -> None:
    """The images, and below each the nearest training image where that is asked for."""
    samples = [(image, f"sample {k + 1}") for k, image in enumerate(drawn.images)]
    if drawn.near == "no":
        widgets.gallery([widgets.Item([sample]) for sample in samples], size="4.9rem")
        return
    data, items = subject.data, []
    for k, (distance, i) in enumerate(zip(*_nearest(subject, drawn), strict=True)):
        both = [samples[k], (data.train_images[i], f"nearest to sample {k + 1}")]
        items.append(widgets.Item(both, f"{data.classes[data.train_labels[i]]}, {distance:.2g}"))
    widgets.gallery(items, size="4.9rem")
    st.caption(
        f"Above: the sample. Below: the nearest of {len(data.train_images):,} training images, its "
        f"class, and its Euclidean distance {NEAREST[drawn.near].lower()}."
    )


def _nearest(subject: ModelSubject, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest training image and its index, for each image (N,)."""
    with st.spinner("Comparing with all training images"):
        if drawn.near == "pixels":
            return neighbours.nearest_images(subject.data.train_images, drawn.images)
        distances, indices = neighbours.nearest(subject.training_codes(), drawn.codes)
        return distances[:, 0], indices[:, 0]
