"""Which model: everything that asks for one by its name, or for one that suits.

A name is that of a pretrained checkpoint or of a run; only this module asks which.
"""

from __future__ import annotations

from functools import cache

import streamlit as st

from aeviz.analysis import baselines, denoising, families, mechanism
from aeviz.analysis.codec import ModelCodec
from aeviz.data import datasets
from aeviz.models import checkpoint, zoo
from aeviz.models.base import Autoencoder
from aeviz.models.card import Card
from aeviz.training import place, store
from aeviz.training.curves import Point
from aeviz.training.spec import RunSpec

TAGS = {
    "ladder": "one wide layer",
    "masking": "hidden pixels",
    "deep": "more layers",
    "long": "trained longer",
    "bernoulli": "cross-entropy",
    "binarised": "black and white",
}
"""What the last part of a name means, where two models differ in nothing else: no two may be called
the same.
"""

# -- a model by its name ------------------------------------------------------------------------


def is_run(name: str) -> bool:
    """True for a run that is here, or a step of one; its model may be missing, see `trouble`."""
    return place.names_model(name) and place.is_run(place.split(name)[0])


def stamp(run: str, *names: str) -> tuple[tuple[int, int] | None, ...]:
    """Another one once one of these files of a run has changed; for what is kept of them."""
    found = []
    for name in names:
        try:
            state = (place.path_of(run) / name).stat()
            found.append((state.st_mtime_ns, state.st_size))
        except OSError:  # not there, or not for us: whoever reads it says so
            found.append(None)
    return tuple(found)


@st.cache_resource(max_entries=24, show_spinner="Loading the model")
def _loaded(file: str, stamp: object) -> Autoencoder | str:
    try:
        return checkpoint.load(file)
    except checkpoint.CheckpointError as error:
        return str(error)


def _of_run(name: str) -> Autoencoder | str:
    """The model of a run, or why there is none."""
    try:
        file = store.model_file(name)
    except place.RunError as error:
        return str(error)
    folder = place.path_of(place.split(name)[0])
    return _loaded(str(file), stamp(folder.name, str(file.relative_to(folder))))


@st.cache_resource(max_entries=80, show_spinner="Loading the model")
def _pretrained(name: str) -> Autoencoder:
    return checkpoint.load(checkpoint.FOLDER / name)


def model(name: str) -> Autoencoder:
    """A pretrained model or that of a run that has ended, loaded once for everybody.

    Raises:
        CheckpointError: it cannot be used, see `trouble`.
    """
    if not place.names_model(name):
        return _pretrained(name)
    found = _of_run(name)
    if isinstance(found, str):
        raise checkpoint.CheckpointError(found)
    return found


def trouble(name: str) -> str:
    """Why the model of a run cannot be used, in one sentence; empty where it can."""
    if not place.names_model(name):
        return ""
    try:
        store.model_file(name)
    except place.RunError as error:  # no weights of that step
        return str(error)
    if not store.is_finished(name):
        return "This run has left no model."
    found = _of_run(name)
    return found if isinstance(found, str) else ""


def card(name: str) -> Card:
    """What a model says of itself."""
    return pretrained().get(name) or model(name).card


def classes(name: str) -> tuple[str, ...]:
    """What the labels mean that a model was trained with."""
    return datasets.SOURCES[card(name).data].classes


def spec(name: str) -> RunSpec | None:
    """What a run was asked to do; None for a pretrained model, and where that cannot be read."""
    try:
        return store.spec(place.split(name)[0]) if is_run(name) else None
    except place.RunError:
        return None


def metrics(name: str) -> list[Point]:
    """The curve of a run, point by point; empty for a pretrained model, and where it is damaged."""
    try:
        return store.metrics(place.split(name)[0]) if is_run(name) else []
    except place.RunError:  # its model has the curve as well
        return []


def title(name: str) -> str:
    """A model's name as a person reads it: variant, code width, where it comes from."""
    if not is_run(name):
        return _pretrained_title(name)
    its = card(name)
    text = zoo.describe(its.variant, its.code_dim)
    run, step = place.split(name)
    at = "" if step is None else f" at step {its.steps:,}"
    return f"Yours, {place.started(run)}: {text}{at}"  # what tells them apart comes first


@cache
def _pretrained_title(name: str) -> str:
    its = card(name)
    text = zoo.describe(its.variant, its.code_dim)
    tag = name.partition(f"-{its.latent_dim}d-")[2]
    twins = [c for c in pretrained().values() if zoo.describe(c.variant, c.code_dim) == text]
    return f"{text}, {TAGS.get(tag, tag)}" if tag and len(twins) > 1 else text


def content(name: str) -> bytes:
    """The file of a model.

    Raises:
        CheckpointError, RunError: it cannot be read.
    """
    if is_run(name):
        return store.model_bytes(name)
    return checkpoint.read(checkpoint.FOLDER / f"{name}.safetensors")


def codec(name: str) -> ModelCodec:
    """A model as a way from images to codes and back."""
    return ModelCodec(model(name), settled(name), title(name))


def settled(name: str) -> str:
    """The name of a model that stays its own: of a run at a step, with the step of its weights.

    While the run trains, later weights may come closer to the step that is asked for.
    """
    if not is_run(name) or place.split(name)[1] is None:
        return name
    return f"{place.split(name)[0]}@{card(name).steps}"


def run_title(run: str) -> str:
    """A run as a person tells it from others."""
    known = spec(run)
    return f"{known.title if known else 'Not readable'}, {place.started(run)}"


# -- one that suits -----------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def pretrained() -> dict[str, Card]:
    """The pretrained models by name; not a copy, as a page asks a hundred times."""
    return checkpoint.pretrained()


@st.cache_resource(show_spinner=False)
def measured() -> baselines.Kept:
    """What pretrained codes are good for, measured beforehand; shared and not copied."""
    return baselines.kept()


def home() -> str:
    """The pretrained model whose card says that it is shown on the home page."""
    return next(name for name, card in pretrained().items() if card.home)


def nearest(variant: str, latent_dim: int) -> str | None:
    """The pretrained model of a variant with the nearest latent dimension; None without any."""
    away = {
        name: abs(card.latent_dim - latent_dim)
        for name, card in pretrained().items()
        if card.variant == variant
    }
    return min(away, key=away.__getitem__, default=None)


def beside(name: str) -> str:
    """A pretrained model to stand beside one: another variant, as wide as can be had, a good one.

    None that takes labels, as it would know more about the images.
    """
    its = card(name)
    others = {
        other: (abs(c.latent_dim - its.latent_dim), c.figures["mse"])
        for other, c in pretrained().items()
        if c.variant != its.variant and not zoo.MODELS[c.variant].uses_labels
    }
    return min(others, key=others.__getitem__)


def as_wide(name: str) -> list[str]:
    """Other pretrained models whose codes are as wide, the simplest variants first."""
    width = model(name).code_dim
    return [other for other, c in pretrained().items() if c.code_dim == width and other != name]


def cleaner() -> str | None:
    """The pretrained model that removes noise best; None without one that was trained to."""
    return denoising.best_cleaner(pretrained())


@st.cache_data(show_spinner="Looking at the pretrained models")
def reporting(metric: str) -> str | None:
    """The pretrained model of the simplest variant whose loss has a metric, about 32 wide."""
    found = ((c, nearest(variant, 32)) for variant, c in zoo.MODELS.items())
    able = (name for c, name in found if name and metric in mechanism.reports(c))
    return next(able, None)


def told() -> str | None:
    """The pretrained model with the widest code of those that are told the class; None if none is.

    The more a code holds, the more of a hand is carried over.
    """
    able = [name for name, c in pretrained().items() if zoo.MODELS[c.variant].uses_labels]
    return max(able, key=lambda name: pretrained()[name].latent_dim, default=None)


def ladder() -> dict[int, str]:
    """Pretrained models that differ in the latent dimension alone: dimension -> name."""
    return checkpoint.ladder(pretrained())


@st.cache_resource(show_spinner=False)
def _families() -> dict[str, Card]:
    return checkpoint.pretrained(families.FOLDER)


def family(kind: str) -> dict[float, str]:
    """Pretrained models that differ in one setting alone, apart from the list: its value -> name.

    Args:
        kind: a key of `families.KINDS`.
    """
    return families.members(_families(), kind)
