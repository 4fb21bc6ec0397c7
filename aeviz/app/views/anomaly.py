"""Parts of the anomaly page: which model on what, its threshold, and what it flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz.analysis import anomaly, anomaly_score, detection
from aeviz.analysis.anomaly_score import Scored
from aeviz.app import library, pictures, session, sidebar, texts, widgets
from aeviz.app.components.threshold import threshold_line
from aeviz.app.subject import ModelSubject
from aeviz.app.views import separation
from aeviz.app.views.one_class import (
    BY_SUBJECT,
    biography,
    choose_digits,
    linear,
    scores,
    seen,
)
from aeviz.app.views.run import elbo_note
from aeviz.charts import export
from aeviz.data import datasets

TASKS = {
    "digits": "Chosen digits, not the others",
    "fashion": "All digits, not clothes",
    "own": "All digits, not my images",
}
SLIDER = 220
"""Width, px: two of them and a button beside a pad."""
SHOWN = 10
"""In a gallery."""
SHARES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Of anomalies in the world, %: each about twice the one before."""
START = 1.0
USUAL = 95.0
"""So many normal validation images lie below the threshold at first, %."""
GALLERIES = {"caught": "Caught", "missed": "Missed", "alarms": "False alarms"}

# -- a model and what it is run on ------------------------------------------------------------


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=BY_SUBJECT)
def _reconstructed(subject: ModelSubject, kind: str, images: np.ndarray) -> np.ndarray:
    # Kept: the same examples are shown until the threshold passes them, and a kind of score takes
    # the mean of 24 reconstructions of each.
    return anomaly.reconstructions(kind, subject.model, images)


@dataclass(frozen=True)
class Trial:
    """A model, what is normal to it and what is not, and a kind of score.

    task, kind: keys of `TASKS` and of `anomaly.SCORES`; at_hand: there are odd test images;
    given: what the person picked, or handed in as their own.
    """

    subject: ModelSubject
    task: str
    classes: tuple[int, ...]
    kind: str
    at_hand: bool
    given: anomaly.Images
    own: bool

    @property
    def selection(self) -> str:
        """What a threshold that was dragged is for."""
        return f"{self.subject.key} {self.kind} {self.task} {self.classes}"

    @property
    def given_is_odd(self) -> bool:
        """True where the person's own images are the anomalies."""
        return self.own and not self.at_hand

    @cached_property
    def normal(self) -> anomaly.Images:
        """Normal test images."""
        return anomaly.normal_images(self.subject.data, self.classes)

    @cached_property
    def odd(self) -> anomaly.Images:
        """Anomalies, if there are any."""
        if self.given_is_odd:
            return self.given
        data = self.subject.data
        if not self.at_hand:
            return anomaly.no_images(data)
        return anomaly.odd_images(data, self.classes)

    @cached_property
    def scores(self) -> anomaly.Scores:
        """Of the model."""
        return self._scored(self.subject.model, by_pca=False)

    @cached_property
    def linear(self) -> anomaly.Scores:
        """Of PCA in its place, by the same score."""
        return self._scored(linear(self.subject), by_pca=True)

    def _scored(self, of: Scored, *, by_pca: bool) -> anomaly.Scores:
        found = scores(self.subject, self.kind, self.classes, self.at_hand, by_pca)
        if not self.given_is_odd:
            return found
        return replace(found, odd=anomaly.score(self.kind, of, self.given.images, found.reference))

    @cached_property
    def of_given(self) -> np.ndarray:
        """Scores of what the person picked or handed in."""
        if self.given_is_odd:
            return self.scores.odd
        model, against = self.subject.model, self.scores.reference
        return anomaly.score(self.kind, model, self.given.images, against)


def choose_normal() -> tuple[str, tuple[int, ...], ModelSubject]:
    """Widgets for what is normal; a key of `TASKS`, the normal classes and the model."""
    digits = datasets.load("mnist")
    st.header("What is normal?", anchor=False)
    task = widgets.choice("What is normal, and what is not", TASKS, "odd_task", inline=True)
    name, classes = sidebar.model_name(), tuple(range(len(digits.classes)))
    if task == "digits":
        name, classes = choose_digits()
    elif library.card(name).data != digits.name:
        st.info("The selected model was not trained on digits; using the home-page model instead.")
        name = library.home()
    subject = ModelSubject(library.codec(name), digits)
    st.caption(biography(subject))
    return task, classes, subject


def choose() -> tuple[Trial, DeltaGenerator, DeltaGenerator]:
    """Widgets for a trial; returns the places for the threshold and for what it flags too.

    The first stands beside the image that was handed in, so that a person sees at once what the
    last stroke does to its score; what is normal is chosen below both.
    """
    given, place, settings = widgets.beside()
    flags = st.container()
    with st.container(key="aside-normal"):
        task, classes, subject = choose_normal()
    with given:
        st.header("New data", anchor=False)
        at_hand = task == "digits" or (task == "fashion" and bool(datasets.find_folder("fashion")))
        if task == "fashion" and not at_hand:
            st.info(texts.of("anomaly").part("no_fashion"))
        source = pictures.choose_source(subject.data, "anomaly")
        if task == "own" and not source.handed_in:
            st.caption("Hand in what is not a digit, such as a letter: that is the anomaly.")
        picked = source.images()
    with settings:
        offered = anomaly.offered(subject.model)
        kind = widgets.choice(
            "Anomaly score", offered, "odd_score", vertical=True, read=anomaly.score_key
        )
        with st.container(key="aside-score"):
            st.caption(_about(subject, kind))
            if not subject.model.has_posterior:
                st.caption("Negative ELBO needs a posterior: all digits, and a variational model.")
    images = anomaly.Images(picked.images, picked.names)
    return Trial(subject, task, classes, kind, at_hand, images, picked.labels is None), place, flags


def _about(subject: ModelSubject, kind: str) -> str:
    """What a kind of score is, of a model and of PCA, and what PCA is fitted to."""
    text, score = texts.of("anomaly"), anomaly.SCORES[kind]
    sentences = [score.text]
    if kind == anomaly_score.BLURRED and subject.model.corrupts:
        sentences.append(text.part("averaged", draws=anomaly_score.DRAWS))
    if kind == "elbo":
        sentences.append(elbo_note(subject.model.config))
    images = f"{len(seen(subject)):,}"
    known = {"components": anomaly.PCA_WIDTH, "images": images, "score": score.of_pca}
    return " ".join([*sentences, text.part("pca", **known)])


# -- the threshold ----------------------------------------------------------------------------


def choose_threshold(trial: Trial) -> float:
    """A threshold to drag through the scores of a trial, and what it does; returns it."""
    scores, line = trial.scores, st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        quantile = widgets.slider(
            "Normal images below it (%)",
            50.0,
            100.0,
            USUAL,
            0.5,
            key="let_through",
            help="The threshold that lets through so many of the normal validation images.",
            on_change=_forget,
            width=SLIDER,
        )
        suggested = detection.quantile_threshold(scores.validation, quantile / 100)
        share = widgets.steps(
            "Anomalies in the world",
            SHARES,
            "odd_share",
            START,
            text="{:g} %".format,
            help=texts.of("anomaly").part("share"),
            width=SLIDER,
        )
        threshold = _threshold(trial.selection, suggested)
        _way_back(quantile, dragged=threshold != suggested)
    about = anomaly.SCORES[trial.kind]
    title = f"{about.title}, {about.unit}" if about.unit else about.title
    with line:
        threshold_line(
            "threshold_line",
            scores.normal,
            scores.odd,
            threshold,
            partial(_drag, trial.selection),
            title=f"{title} (logarithmic)",
            suggested=(f"{quantile:g} %", suggested),
            share=share / 100,
            marks={"Your image" if trial.own else _title(trial.given.names[0]): trial.of_given},
        )
    return threshold


def quality(trial: Trial, threshold: float) -> None:
    """How well the scores of a trial separate, in curves and in words."""
    scores, card = trial.scores, trial.subject.model.card
    quantile, share = session.value("let_through"), session.value("odd_share")
    st.header("How well does it separate?", anchor=False)
    st.caption(
        separation.what_is_shown(scores, anomaly.saw_all(card, trial.subject.data), quantile, share)
    )
    if len(trial.odd):
        separation.curves_of(scores, trial.linear, threshold, share / 100)
        st.markdown(_beside_pca(trial))


def _threshold(selection: str, suggested: float) -> float:
    """Where it was dragged to, if that was for what is selected, else the suggested one."""
    if session.value("odd_dragged") is None:
        (asked,) = session.asked_numbers("threshold", 1) or (0.0,)
        session.put("odd_dragged", (selection, asked if asked > 0 else None))
    of, value = session.value("odd_dragged")
    if of != selection or value is None:
        session.say("threshold")
        return suggested
    session.say("threshold", f"{value:.6g}")
    return value


def _drag(selection: str) -> None:
    """Take over where the threshold was dragged to; for the component."""
    threshold = float(session.get("threshold_line").threshold["value"])
    session.put("odd_dragged", (selection, threshold))


def _forget() -> None:
    """Go back to the suggested threshold; for callbacks."""
    session.put("odd_dragged", ("", None))


def _way_back(quantile: float, *, dragged: bool) -> None:
    """A button back to where the slider has the threshold, or the slider itself to its start."""
    to = quantile if dragged else USUAL
    off = not dragged and quantile == USUAL
    st.button(f"Back to {to:g} %", on_click=_back, args=(to,), disabled=off)


def _back(quantile: float) -> None:
    session.put("let_through", quantile)
    _forget()


def _beside_pca(trial: Trial) -> str:
    """Whether the model separates better than PCA by this score, and by the other error."""
    if min(len(trial.normal), len(trial.odd)) < 2:
        return ""
    said = f"By this score {separation.against(trial.scores, trial.linear)}."
    other = {anomaly_score.PLAIN: anomaly_score.BLURRED, anomaly_score.BLURRED: anomaly_score.PLAIN}
    if trial.kind not in other:
        return said
    it = replace(trial, kind=other[trial.kind])
    title = anomaly.SCORES[it.kind].title.lower()
    found = separation.against(it.scores, it.linear)
    return f"{said} By the *{title}*, another anomaly score, {found}."


# -- what it flags ----------------------------------------------------------------------------


def flag(trial: Trial, threshold: float) -> None:
    """What a threshold flags and what it misses, to look at and to take home."""
    scores, given, found = trial.scores, trial.given, trial.of_given
    st.header("Flag and act", anchor=False)
    verdicts = [
        f"{_title(name, trial.own)}: {score:.3g}, "
        f"**{'flagged' if score > threshold else 'not flagged'}**"
        for name, score in zip(given.names, found, strict=True)
    ]
    whose = "Yours" if trial.own else "Picked"
    st.markdown(f"{whose}: {'; '.join(verdicts)}. Threshold: {threshold:.3g}.")
    _gallery(trial, given, found, range(len(given))[:SHOWN], own=trial.own)
    examples = anomaly.examples(scores, threshold, SHOWN)
    for key, chosen in examples.items():
        text = texts.of("anomaly").part(key) if len(chosen) else "None."
        if key == "missed" and len(chosen):
            text += _why_missed(trial, chosen, examples["caught"])
        st.markdown(f"**{GALLERIES[key]}.** {text}")
        if key == "alarms":
            _gallery(trial, trial.normal, scores.normal, chosen)
        else:
            _gallery(trial, trial.odd, scores.odd, chosen, own=trial.given_is_odd)

    def flagged() -> anomaly.Flagged:
        groups = {"normal": (trial.normal, scores.normal), "anomaly": (trial.odd, scores.odd)}
        extra = {"unknown": (given, found)} if trial.own and trial.at_hand else {}
        return anomaly.flag(groups | extra, threshold)

    with st.container(horizontal=True, gap="small"):
        widgets.download("flagged list", lambda: export.flagged_table(flagged()), "flagged.csv")
        widgets.download("flagged images", lambda: export.flagged_archive(flagged()), "flagged.zip")


def _why_missed(trial: Trial, missed: np.ndarray, caught: np.ndarray) -> str:
    """What the anomalies that are missed have in common: little ink, strokes that come back."""
    text, images = texts.of("anomaly"), datasets.to_float(trial.odd.images)
    if trial.kind == "latent":
        return " " + text.part("missed_latent")
    said, ink = "", anomaly_score.ink(images)
    share = float(ink[missed].mean() / ink.mean())
    if trial.kind == anomaly_score.PLAIN and share < 1:
        said += " " + text.part("missed_ink", ink=f"{share:.0%}")
    lost = [
        anomaly_score.lost(images[some], _reconstructed(trial.subject, trial.kind, images[some]))
        for some in (missed, caught)
        if len(some)
    ]
    if len(lost) == 2 and lost[0] < lost[1]:
        known = {"lost": f"{lost[0]:.0%}", "caught": f"{lost[1]:.0%}"}
        said += " " + text.part("missed_strokes", **known)
    return said


def _gallery(
    trial: Trial,
    pictures: anomaly.Images,
    found: np.ndarray,
    chosen: Sequence[int] | np.ndarray,
    *,
    own: bool = False,
) -> None:
    """Some images above their reconstructions, with their titles and their scores (N,)."""
    images = datasets.to_float(pictures.images[list(chosen)])
    items = []
    reconstructions = _reconstructed(trial.subject, trial.kind, images)
    for k, image, reconstruction in zip(chosen, images, reconstructions, strict=True):
        title = _title(pictures.names[k], own)
        pair = [(image, f"{title}, original"), (reconstruction, f"{title}, reconstruction")]
        caption = title.replace(", ", "\n")
        items.append(widgets.Item(pair, f"{caption}\n{found[k]:.3g}"))
    widgets.gallery(items, size="clamp(3.9rem, 5.6vw, 5.6rem)", narrow=True)


def _title(name: str, own: bool = False) -> str:
    """What a person reads for "3-17", the name of a test image; their own names are left alone."""
    label, _, index = name.rpartition("-")
    return name if own else f"{label}, test image {index}"
