"""Parts of the anomaly page: which model, its scores, its threshold, and training another one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from aeviz.analysis import anomaly
from aeviz.app import own, session, ui
from aeviz.app.components.watch import watch
from aeviz.charts import figures
from aeviz.data import datasets
from aeviz.models.zoo import describe
from aeviz.training import runs

MOST_DIGITS = 5
"""More normal digits would take more than a minute to learn, and leave few to mix in."""
START = "3"
NO_FASHION = (
    "Fashion-MNIST is not here: choose it once as Data in the sidebar, which downloads 31 MB, or "
    "start aeviz with AEVIZ_DATA naming a folder that holds FashionMNIST/raw."
)

# -- which model ------------------------------------------------------------------------------


@st.cache_resource(max_entries=48, show_spinner="Scoring some thousand pictures")
def scores(name: str, kind: str, classes: tuple[int, ...], odd: bool) -> anomaly.Scores:
    """Scores of a model for digits of these normal classes, and for odd pictures if asked."""
    return anomaly.measure(kind, ui.load_model(name), datasets.load(), classes, odd=odd)


@st.cache_data(max_entries=200, show_spinner=False)
def copies(name: str, kind: str, images: np.ndarray) -> np.ndarray:
    """What a model makes of images (N, 28, 28), to be compared by a kind of score.

    Kept: the same examples are shown until the threshold passes them, with 24 copies of each.
    """
    return anomaly.copies(kind, ui.load_model(name), images)


def trained() -> list[str]:
    """The runs that this person started here, or that the address names."""
    known: list[str] = st.session_state.setdefault("odd_runs", [])
    for run in st.query_params.get("odd_runs", "").split(","):
        if run not in known and (spec := own.spec(run)) and spec.classes:
            known.append(run)
    if known:
        st.query_params.odd_runs = ",".join(known)
    return [run for run in known if own.spec(run)]


def models_of(classes: tuple[int, ...]) -> dict[float, str]:
    """Share of anomalies in training -> the newest model that takes these digits for normal."""
    found = {0.0: anomaly.shipped(classes[0])} if len(classes) == 1 else {}
    for run in trained():
        spec = own.spec(run)
        if spec and spec.classes == classes and not own.trouble(run):
            found[spec.contamination] = run
    return dict(sorted(found.items()))


def words(classes: tuple[int, ...]) -> str:
    """Digits as a person lists them: "3", "3 and 5", "1, 3 and 5"."""
    *first, last = map(str, classes)
    return f"{', '.join(first)} and {last}" if first else last


def choose_digits() -> tuple[str, tuple[int, ...]]:
    """Widgets for what is normal among the digits and for training on it; the model and digits."""
    wanted = st.pills(
        "Normal digits",
        list("0123456789"),
        selection_mode="multi",
        default=[START],
        key="normal_digits",
        bind="query-params",
        wrap=True,
    )
    if not 1 <= len(wanted) <= MOST_DIGITS:
        st.info(f"Choose one to {MOST_DIGITS} digits; until then {START} is normal.")
        wanted = [START]
    classes = tuple(sorted(map(int, wanted)))
    share = st.slider(
        "Anomalies that slip into training, %",
        0,
        20,
        key="slipped_in",
        bind="query-params",
        help="Pictures of other digits, drawn at random, among those that it is trained on.",
    )
    found = models_of(classes)
    _train(classes, share / 100, known=share / 100 in found)
    if not found:
        st.info(
            f"No model of {words(classes)} is trained yet; until then {classes[0]} alone is normal."
        )
        return anomaly.shipped(classes[0]), classes[:1]
    return found.get(share / 100, next(iter(found.values()))), classes


def _train(classes: tuple[int, ...], share: float, *, known: bool) -> None:
    """A button that trains a model, or how far its training is."""
    run = (trained() or [""])[-1]
    if run and not runs.status(run).ended:
        _watch(run)
        st.button("Stop", on_click=own.control, args=(run, "stop"))
        return
    if run and not runs.is_finished(run):
        status = runs.status(run)
        st.error(f"{status.message} {runs.WAY_OUT.get(status.state, '')}")
    card = ui.load_model(anomaly.shipped(classes[0])).card
    spec = runs.RunSpec.model_validate(anomaly.recipe(card, classes, share))
    st.button(
        "Train with these",
        on_click=_start,
        args=(spec,),
        help=runs.summary(spec),
        type="secondary" if known else "primary",
    )


def _start(spec: runs.RunSpec) -> None:
    trained()
    try:
        st.session_state.odd_runs.append(runs.create(spec))
    except runs.RunError as error:
        st.error(str(error))


@st.fragment
def _watch(run: str) -> None:
    status = runs.status(run)
    if status.ended:
        st.rerun()  # the whole page: its model is there
    watch("odd-run", status.progress, status.fraction, state=status.state, step=status.step)


def biography(name: str) -> str:
    """A sentence on what a model is and what it was trained on."""
    card = ui.load_model(name).card
    title = describe(card.variant, card.code_dim)
    pictures = f"{card.trained_on:,} pictures"
    spec = own.spec(name)
    if spec is None:
        what = "all classes" if card.digit is None else f"the digit {card.digit} alone"
        return f"{title}: shipped, trained on {pictures} of {what}."
    what = "all classes" if spec.classes is None else words(spec.classes)
    mixed = f", {spec.contamination:.0%} of them of other digits" if spec.contamination else ""
    return f"{title}: yours of {runs.started(name)}, trained on {pictures} of {what}{mixed}."


LOOK = {
    "": "Look for how soon they learn to copy what they should find odd.",
    "latent": "The latent distance is from codes of normal pictures alone: look for whether an "
    "encoder that has seen anomalies puts them further away from these.",
}
"""What to look for by a kind of score; most compare a picture with its copy."""


def damage(kind: str, classes: tuple[int, ...]) -> None:
    """AUROC of each model of these digits against the share of anomalies in its training."""

    def auroc(name: str, by: str = kind) -> float:
        return scores(name, by, classes, True).curves.auroc

    found = models_of(classes)
    yours = {share: auroc(name) for share, name in found.items() if runs.is_run(name)}
    known, begin = {}, ""
    if len(classes) == 1:
        known = {0.0: auroc(anomaly.shipped(classes[0]))} | anomaly.contaminated(classes[0], kind)
        begin = (
            f"Models of the digit {classes[0]} were trained with ever more anomalies among their "
            "pictures. "
        )
    st.markdown(
        f"{begin}{LOOK.get(kind, LOOK[''])} Set how many slip in, in step 1, and train: each model "
        "that you train adds a point."
    )
    linear = auroc(next(iter(found.values())), anomaly.BASELINE)
    figure = figures.contamination_curve(known, yours, linear)
    st.plotly_chart(figure, config=figures.PLAIN, key="damage")
    if known:
        st.caption(
            "Trained beforehand: one model for each share, so a point may lie a little high or low."
        )


# -- the threshold ----------------------------------------------------------------------------


def threshold(selection: str, suggested: float) -> float:
    """Where it was dragged to, if that was for what is selected, else the suggested one."""
    if session.value("odd_dragged") is None:
        session.put("odd_dragged", (selection, _number(st.query_params.get("threshold", ""))))
    of, value = session.value("odd_dragged")
    if of == selection and value is not None:
        st.query_params.threshold = f"{value:.6g}"
        return value
    st.query_params.pop("threshold", None)
    return suggested


def _number(text: str) -> float | None:
    """A positive number of an address; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def drag(selection: str) -> None:
    """Take over where the threshold was dragged to; for the component."""
    threshold = float(st.session_state.threshold_line.threshold["value"])
    session.put("odd_dragged", (selection, threshold))


def forget() -> None:
    """Go back to the suggested threshold; for callbacks."""
    session.put("odd_dragged", ("", None))


def what_is_shown(shown: anomaly.Scores, seen: bool, quantile: float) -> str:
    """What the histograms are of, and which pictures the suggested threshold is set by.

    Args:
        seen: the model was trained on the validation pictures.
        quantile: share of them below the threshold, %.
    """
    odd, validation = len(shown.odd), f"{len(shown.validation):,}"
    hanging = "one anomaly" if odd == 1 else f"{odd:,} anomalies"
    hanging = f"Hanging, on a scale of their own: {hanging}" if odd else "No anomalies yet"
    source = (
        f"The model was trained on every normal training picture, so the {quantile:g} % are of "
        f"{validation} that it has seen; it copies new ones worse, and raises more false alarms "
        "on them"
        if seen
        else f"The {quantile:g} % are of {validation} training pictures that were held out from "
        "this model"
    )
    return (
        f"Rising: {len(shown.normal):,} normal test pictures. {hanging}. "
        f"{source}. Test pictures are never used to set it. Precision also depends on "
        "how many anomalies there are among the pictures."
    )


def curves(model: anomaly.Scores, linear: anomaly.Scores, threshold: float) -> None:
    """ROC and precision-recall curve of a model and of PCA, the threshold marked on both."""
    counts = anomaly.count(model.normal, model.odd, threshold)
    ours, theirs = model.curves, linear.curves
    recall, false = counts.recall or 0.0, counts.false_positive_rate or 0.0
    precision = 1.0 if counts.precision is None else counts.precision
    odds = len(model.odd) / (len(model.odd) + len(model.normal))
    roc, precision_recall = st.columns(2, gap="medium")
    roc.plotly_chart(
        figures.operating_curve(
            {f"Model, AUROC {ours.auroc:.3f}": ours.roc, f"PCA, {theirs.auroc:.3f}": theirs.roc},
            (false, recall),
            ("false-positive rate", "recall"),
            (0.0, 1.0),
        ),
        config=figures.PLAIN,
        key="roc",
    )
    precision_recall.plotly_chart(
        figures.operating_curve(
            {f"Model, AP {ours.ap:.3f}": ours.pr, f"PCA, {theirs.ap:.3f}": theirs.pr},
            (recall, precision),
            ("recall", "precision"),
            (odds, odds),
        ),
        config=figures.PLAIN,
        key="precision-recall",
    )
    st.caption("The black dot is your threshold; the dotted line is what guessing gives.")


# -- what it flags ----------------------------------------------------------------------------


def gallery(
    pictures: anomaly.Pictures, found: np.ndarray, copies: np.ndarray, chosen: Sequence[int]
) -> None:
    """Originals above their copies, with names and scores (N,)."""
    ui.gallery(
        [
            ui.Item(
                [
                    (datasets.to_float(pictures.images[k]), f"{pictures.names[k]}, original"),
                    (copy, f"{pictures.names[k]}, copy"),
                ],
                f"{pictures.names[k]}\n{found[k]:.3g}",
            )
            for k, copy in zip(chosen, copies, strict=True)
        ],
        size="clamp(3.9rem, 5.6vw, 5.6rem)",
    )
