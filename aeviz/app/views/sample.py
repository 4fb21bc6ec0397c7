"""Parts of the page of samples: codes drawn at random, where they lie, what is decoded of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from aeviz.analysis import estimate, neighbours, sampling
from aeviz.analysis.estimate import Estimate
from aeviz.app import sidebar, texts, widgets
from aeviz.app.components.marked_map import marked_map
from aeviz.app.subject import ModelSubject
from aeviz.app.views import explore
from aeviz.charts import pixels
from aeviz.models.base import Autoencoder

NEAREST = {"no": "Hide", "pixels": "In pixels", "codes": "In latent space"}
GRID = 20


@dataclass(frozen=True)
class Source:
    """Where codes come from.

    kind: as `ModelSubject.draw` takes it; temperature: factor on the spread, or of a softmax;
    components: Gaussians of a mixture.
    """

    kind: str
    temperature: float = 1.0
    components: int = 1


@dataclass(frozen=True)
class Drawn:
    """Codes (N, D) that were drawn, and the images (N, H, W) that are decoded from them.

    even: they stand in a grid; near: a key of NEAREST.
    """

    source: Source
    codes: np.ndarray
    images: np.ndarray
    even: bool
    near: str


@widgets.alone
def exhibit() -> None:
    """Codes that are drawn, and what is decoded of them."""
    subject = sidebar.subject()
    with widgets.exhibit("sample"):
        images, inspector = st.columns([3, 2], gap="large")
        with inspector:
            drawn = draw(subject)
            on_map(subject, drawn)
        with images:
            if drawn.even:
                sheet(drawn)
            else:
                gallery(subject, drawn)
        with inspector:
            likeness(subject, drawn)


def say_prior(subject: ModelSubject) -> None:
    """Why codes come from a mixture, for a model without a prior."""
    model = subject.model
    if not _has_prior(subject):
        st.info(
            f"A {model.title.lower()} has no prior to draw from. {model.no_prior} Here codes are "
            "drawn from a Gaussian mixture that was fitted to its training codes afterwards. It "
            "keeps to where codes are; one Gaussian with their mean and covariance draws from the "
            "holes between them as well, and shows what the decoder makes of these."
        )


def _has_prior(subject: ModelSubject) -> bool:
    return sampling.sample_prior(subject.model, 1) is not None


def _plain(subject: ModelSubject) -> bool:
    """Whether it draws from N(0, I) itself, and not from what was fitted to its codes."""
    return subject.model.gaussian_prior and subject.model.sampler == Autoencoder.sampler


def _sources(subject: ModelSubject) -> dict[str, str]:
    model = subject.model
    if not _has_prior(subject):
        return {"mixture": "A Gaussian mixture", "gaussian": "One Gaussian"}
    normal = {"normal": "The prior N(0, I)"} if model.gaussian_prior and not _plain(subject) else {}
    return {"prior": model.sampler, **normal, "mixture": "A Gaussian mixture"}


def draw(subject: ModelSubject) -> Drawn:
    """Widgets that choose where codes come from, and the codes."""
    kind = widgets.choice("Codes come from", _sources(subject), "sample_from")
    told = widgets.decoded_as(subject, "sample_label", in_turn=True)
    normal = kind == "normal" or (kind == "prior" and _plain(subject))
    even, near, source = normal and subject.code_dim == 2 and _evenly(), "no", Source(kind)
    if even:
        codes = sampling.prior_grid(GRID)
    else:
        softmax = kind == "prior" and subject.model.config.codebook_size > 0
        seed, count, temperature = _how_many(softmax=softmax)
        near = widgets.choice(
            "Nearest training image",
            NEAREST,
            "sample_nearest",
            "Is a sample new, or does it repeat an image that the model was trained on?",
        )
        components = _components(subject) if kind == "mixture" else 1
        source = Source("mixture" if kind == "gaussian" else kind, temperature, components)
        codes = subject.draw(source.kind, count, temperature, seed, components)
    labels = None if told is None else np.resize(told, len(codes))
    return Drawn(source, codes, subject.codec.decode(codes, labels), even, near)


def _components(subject: ModelSubject) -> int:
    axes = sampling.MIXTURE_AXES
    wide = f"Fitted along the first {axes} principal axes of the codes."
    return widgets.slider(
        "Gaussians in the mixture",
        1,
        40,
        10,
        key="sample_components",
        help=wide if subject.code_dim > axes else None,
    )


def _evenly() -> bool:
    return widgets.toggle(
        "An even grid",
        "sample_grid",
        help="Equal slices of the prior's probability instead of chance: the middles of "
        f"{GRID} slices of each latent dimension go through the inverse normal CDF.",
    )


def _how_many(*, softmax: bool) -> tuple[int, int, float]:
    """Widgets that choose the seed of the draw, how many codes, and the temperature.

    Args:
        softmax: it is that of a softmax over codebook entries, and no factor on a spread.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        seed = widgets.draw_again("sample_seed")
    with st.container(horizontal=True, gap="medium"):
        count = widgets.slider("How many", 4, 64, 36, 4, key="sample_count")
        temperature = widgets.slider(
            "Softmax temperature" if softmax else "Temperature",
            0.0,
            2.0,
            1.0,
            0.1,
            key="sample_temperature",
            help="Divides the logits of the next codebook entry: at 0 the likeliest one is taken; "
            "higher makes the chances more even."
            if softmax
            else "Factor on the spread: lower gives typical images, higher gives unusual ones.",
        )
    return seed, count, temperature


def on_map(subject: ModelSubject, drawn: Drawn) -> None:
    """The codes drawn, among those of test images."""
    places = subject.plane().project(drawn.codes)
    dots = [] if drawn.even else [_dot(k) for k in range(len(places))]
    marked_map("samples-map", explore.ground_of(subject), places, dots)
    st.caption("Ringed dots: the codes drawn. Coloured: test codes, put there by the encoder.")


def _dot(k: int) -> str:
    """What links a sample to its dot on the map."""
    return f"sample-{k}"


def likeness(subject: ModelSubject, drawn: Drawn) -> None:
    """How well a nearest neighbour tells draws from the codes of test images."""
    source = drawn.source
    if source.kind == "prior" and subject.model.config.codebook_size > 0:
        return  # it draws entry by entry: a minute for as many as are needed
    found = subject.told_apart(source.kind, source.temperature, source.components)
    posterior = source.kind != "mixture" and subject.model.has_posterior
    codes = "draws from the posteriors" if posterior else "the codes"
    draw, code = (estimate.percent(share, sampling.TOLD) for share in found)
    st.caption(
        f"Are these draws spread as {codes} of test images are? The nearest neighbour of a draw is "
        f"another draw in **{draw}** of cases (± one standard error), that of a code another "
        f"code in **{code}**. Both would be 50 % if they were, and 100 % if they lay apart. "
        f"{_less_than_half(*found)}Measured on {sampling.TOLD:,} of each."
    )


def _less_than_half(draws: Estimate, codes: Estimate) -> str:
    """What it means where draws, or codes, have less than half of their neighbours in common."""
    text = texts.of("sample")
    if codes.value + codes.error < 0.5:
        return text.part("crowded") + " "
    return text.part("scattered") + " " if draws.value + draws.error < 0.5 else ""


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
        widgets.gallery(
            [widgets.Item([one], dot=_dot(k)) for k, one in enumerate(samples)], size="4.9rem"
        )
        return
    data, items = subject.data, []
    for k, (distance, i) in enumerate(zip(*_nearest(subject, drawn), strict=True)):
        both = [samples[k], (data.train_images[i], f"nearest to sample {k + 1}")]
        its_class = data.classes[data.train_labels[i]]
        items.append(widgets.Item(both, f"{its_class}, {distance:.2g}", _dot(k)))
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
