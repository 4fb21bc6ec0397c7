"""Parts of the anomaly page: models of chosen digits alone, and what anomalies in training harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import anomaly, pca
from aeviz.analysis.estimate import Estimate
from aeviz.app import library, own, session, texts, widgets
from aeviz.app.components.watch import watch
from aeviz.app.subject import ModelSubject
from aeviz.charts import curves, theme
from aeviz.data.datasets import MNIST
from aeviz.models.zoo import describe
from aeviz.training import place, store, turns
from aeviz.training.spec import RunSpec, summary, training_set
from aeviz.training.status import WAY_OUT

DIGITS = MNIST.classes
START = "3"
MOST_DIGITS = 5
"""More normal digits would take more than a minute to learn, and leave few to mix in."""
BY_SUBJECT: dict[str | type[Any], Callable[[Any], Any]] = {
    ModelSubject: lambda subject: (subject.key, subject.data.name)
}
"""How a cache tells subjects apart."""


def seen(subject: ModelSubject) -> np.ndarray:
    """Indices of the training images that a model was trained on."""
    if spec := library.spec(subject.key):
        labels = subject.data.train_labels
        return np.arange(len(labels))[training_set(spec, labels)]
    return anomaly.seen(subject.model.card, subject.data)


@st.cache_resource(max_entries=24, show_spinner="Fitting PCA", hash_funcs=BY_SUBJECT)
def linear(subject: ModelSubject) -> pca.PCA:
    """PCA of the images that a model was trained on."""
    return anomaly.fit_pca(subject.data, seen(subject))


@st.cache_resource(
    max_entries=96, show_spinner="Scoring some thousand images", hash_funcs=BY_SUBJECT
)
def scores(
    subject: ModelSubject,
    kind: str,
    classes: tuple[int, ...],
    odd: bool = True,
    by_pca: bool = False,
) -> anomaly.Scores:
    """Scores of a model for images of these normal classes, and for odd images if asked.

    Args:
        by_pca: of PCA in its place, fitted to the same images.
    """
    of = linear(subject) if by_pca else subject.model
    card, data = subject.model.card, subject.data
    return anomaly.measure(kind, of, card, data, classes, seen(subject), odd=odd)


# -- which digits -----------------------------------------------------------------------------


def choose_digits() -> tuple[str, tuple[int, ...]]:
    """Widgets for what is normal among the digits and for training on it; the model and digits."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with row:
        wanted = _pick_digits()
    if not 1 <= len(wanted) <= MOST_DIGITS:
        st.info(f"Choose one to {MOST_DIGITS} digits; until then {START} is normal.")
        wanted = [START]
    classes = tuple(sorted(map(int, wanted)))
    with row:
        share = widgets.slider(
            "Training-set contamination (%)",
            0,
            20,
            0,
            key="slipped_in",
            help="Images of other digits, drawn at random, among those that it is trained on.",
            width=250,
        )
    found = _models_of(classes)
    with row:
        _train(classes, share / 100, known=share / 100 in found)
    if not found:
        st.info(
            f"No model of {_listed(classes)} is trained yet; until then {classes[0]} alone is "
            "normal."
        )
        return anomaly.pretrained(classes[0]), classes[:1]
    return found.get(share / 100, next(iter(found.values()))), classes


def _pick_digits() -> list[str]:
    key, start = "normal_digits", [START]
    session.begin(
        key,
        start,
        lambda _: session.asked_repeatedly(key) or start,
        lambda chosen: set(chosen) <= set(DIGITS),
    )
    box = session.box(key)
    chosen = st.pills(
        "Normal digits",
        DIGITS,
        selection_mode="multi",
        default=session.value(key),
        key=box,
        wrap=True,
        width="content",
    )
    session.settled(key, start)
    return chosen


def _listed(classes: tuple[int, ...]) -> str:
    """Digits as a person lists them: "3", "3 and 5", "1, 3 and 5"."""
    *first, last = map(str, classes)
    return f"{', '.join(first)} and {last}" if first else last


def biography(subject: ModelSubject) -> str:
    """A sentence on what a model is and what it was trained on."""
    card, spec = subject.model.card, library.spec(subject.key)
    title = describe(card.variant, card.code_dim)
    images = f"trained on {card.trained_on:,} images"
    if spec is None:
        what = "all classes" if card.digit is None else f"the digit {card.digit} alone"
        return f"{title}: pre{images} of {what}."
    what = "all classes" if spec.classes is None else _listed(spec.classes)
    mixed = f", {spec.contamination:.0%} of them of other digits" if spec.contamination else ""
    return f"{title}: yours of {place.started(subject.key)}, {images} of {what}{mixed}."


# -- training another one ---------------------------------------------------------------------


def _trained() -> list[str]:
    """The runs that this person started here, or that the address names."""
    known: list[str] = session.start("odd_runs", list)
    for run in session.asked_list("odd_runs"):
        if run not in known and (spec := library.spec(run)) and spec.classes:
            known.append(run)
    if known:
        session.say("odd_runs", known)
    return [run for run in known if library.spec(run)]


def _own_models_of(classes: tuple[int, ...]) -> dict[float, str]:
    """Share of anomalies in training -> the newest run that takes these digits for normal."""
    found = {}
    for run in _trained():
        spec = library.spec(run)
        if spec and spec.classes == classes and not library.trouble(run):
            found[spec.contamination] = run
    return found


def _models_of(classes: tuple[int, ...]) -> dict[float, str]:
    """The same, the least share first, with the pretrained model of a single digit."""
    found = {0.0: anomaly.pretrained(classes[0])} if len(classes) == 1 else {}
    return dict(sorted((found | _own_models_of(classes)).items()))


def _train(classes: tuple[int, ...], share: float, *, known: bool) -> None:
    """A button that trains a model, or how far its training is."""
    run = (_trained() or [""])[-1]
    if run and not store.status(run).ended:
        _watch(run)
        st.button("Stop", on_click=own.control, args=(run, "stop"))
        return
    if run and not store.is_finished(run):
        status = store.status(run)
        st.error(f"{status.message} {WAY_OUT.get(status.state, '')}")
    card = library.model(anomaly.pretrained(classes[0])).card
    spec = RunSpec.model_validate(anomaly.recipe(card, classes, share))
    st.button(
        "Train with these",
        on_click=_start,
        args=(spec,),
        help=summary(spec),
        type="secondary" if known else "primary",
    )


def _start(spec: RunSpec) -> None:
    try:
        run = own.start(spec)
        runs = session.start("odd_runs", list)
        if run not in runs:
            runs.append(run)
    except place.RunError as error:
        st.error(str(error))


@st.fragment
def _watch(run: str) -> None:
    status = turns.status(run)
    if status.ended:
        st.rerun()  # the whole page: its model is there
    watch("odd-run", status.progress, status.fraction, state=status.state, step=status.step)


def harm(subject: ModelSubject, kind: str, classes: tuple[int, ...]) -> None:
    """AUROC of each model of these digits against the share of anomalies in its training.

    Args:
        subject: one of these models.
        kind: of score.
    """
    text = texts.of("anomaly")

    def auroc(name: str, by_pca: bool = False) -> Estimate:
        its = ModelSubject(library.codec(name), subject.data)
        return scores(its, kind, classes, by_pca=by_pca).curves.auroc

    models, mine = _models_of(classes), _own_models_of(classes)
    yours = {share: auroc(name) for share, name in mine.items()}
    by_pca = {share: auroc(name, by_pca=True) for share, name in models.items()}
    known, begin = {}, ""
    if len(classes) == 1:
        (digit,) = classes
        known = {0.0: auroc(anomaly.pretrained(digit))} | anomaly.contaminated(digit, kind)
        by_pca |= anomaly.contaminated(digit, kind, "pca")
        begin = (
            f"Models of the digit {digit} were trained with ever more anomalies among their "
            "images. "
        )
    look = text.part("harm_latent" if kind == "latent" else "harm")
    st.markdown(f"{begin}{look} {text.part('add')}")
    figure = curves.contamination_curve(known, yours, by_pca)
    st.plotly_chart(
        figure,
        config=theme.PLAIN,
        key="damage",
        alt="AUROC against the share of anomalies in the training set",
    )
    st.caption(text.part("points_known" if known else "points"))
