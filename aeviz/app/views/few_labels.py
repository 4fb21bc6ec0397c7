"""Parts of the page on few labels: what is measured of a model, as curves and as a table."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from aeviz.analysis import few_labels
from aeviz.analysis.few_labels import Learned
from aeviz.app import library, sidebar, widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import curves, theme

NOTES = {
    few_labels.FEW: "This takes a minute or two, once for each model. Other pages work meanwhile.",
    few_labels.ALL: "Fine-tuning on 60,000 digits takes several minutes. Other pages work "
    "meanwhile.",
}


@st.cache_resource(show_spinner=False)
def _kept() -> dict[str, Learned]:
    """What pretrained models do with few labels, measured beforehand."""
    return few_labels.kept()


def measured(subject: ModelSubject) -> Learned:
    """What was measured of a model, with a button for what was not; until then another model's."""
    kept = _kept()
    if subject.data.name == "mnist" and subject.key in kept:
        return kept[subject.key]
    reason = few_labels.refusal(subject.model)
    found = few_labels.get(subject.data, library.content(subject.key))
    if found is None:
        other = next(iter(kept))
        why = reason or f"{subject.title} is not measured on {subject.data.title} yet."
        st.info(f"{why} These are the figures of {library.title(other)} on the MNIST digits.")
    counts = found.counts if found else []
    if reason is None and few_labels.FEW[0] not in counts:
        label = f"Measure {subject.title} with 10, 100 and 1,000 labels"
        _offer(subject, few_labels.FEW, label)
    elif reason is None and few_labels.ALL[0] not in counts:
        _offer(subject, few_labels.ALL, "Measure it with all 60,000 labels too")
    return found or next(iter(kept.values()))


def _offer(subject: ModelSubject, counts: tuple[int, ...], label: str) -> None:
    asked = (subject.data, library.content(subject.key), counts)
    start = partial(few_labels.start, *asked)
    widgets.offer(label, few_labels.job(*asked), start, NOTES[counts])


def accuracy(subject: ModelSubject, found: Learned) -> None:
    """The accuracy of each method against the number of labels: curves, a table, other models."""
    names = {method: few_labels.title(method, found.numbers) for method in found.accuracy}
    chart, words = st.columns([5, 7], gap="medium")
    with chart:
        st.plotly_chart(
            curves.label_curves({name: _curve(found, method) for method, name in names.items()}),
            config=theme.CONFIG,
            key="accuracy",
            alt="accuracy against the number of labelled digits",
        )
    with words:
        with st.container(key="few-labels"):  # as wide as it must be: it scrolls sideways
            st.table(_rows(found, names), hide_index=True)
        at_90 = 100 * math.sqrt(0.9 * 0.1 / found.tested)
        st.caption(
            f"Accuracy (%) on all {found.tested:,} test digits: the mean over several draws of the "
            "labelled digits, ± one standard error. The error has two sources: which digits were "
            "drawn, which shows in how far the draws differ, and which digits it is tested on, "
            f"{at_90:.1f} points at 90 %. Where there is one draw, the first is not known, and the "
            "true error is larger. Pretraining is worth what fine-tuning has more than the same "
            "network from scratch with the same labels, in points."
        )
        _others(subject)


def _rows(found: Learned, names: dict[str, str]) -> list[dict[str, str]]:
    """A line for each method, and one for what pretraining is worth."""
    lines = {
        name: [few_labels.points(found.mean(method, count)) for count in found.counts]
        for method, name in names.items()
    }
    if "scratch" in names:
        worth = [few_labels.points(found.worth(count), signed=True) for count in found.counts]
        lines["Pretraining is worth"] = worth
    heads = [f"{count:,} ({_draws(found, count)})" for count in found.counts]
    return [{"Labels": name} | dict(zip(heads, line, strict=True)) for name, line in lines.items()]


def _draws(found: Learned, count: int) -> str:
    number = max(len(of.get(count, [])) for of in found.accuracy.values())
    return f"{number} draw{'' if number == 1 else 's'}"


def _curve(found: Learned, method: str) -> tuple[list[int], list[float], list[float]]:
    """Numbers of labels, mean accuracies and their standard errors."""
    known = {n: share for n in found.counts if (share := found.mean(method, n)) is not None}
    shares = known.values()
    return list(known), [share.value for share in shares], [share.error for share in shares]


def _others(subject: ModelSubject) -> None:
    """A button for each other model that was measured beforehand."""
    with st.container(horizontal=True, gap="small"):
        for other in _kept():
            if other != subject.key:
                label = f"See {library.title(other)}"
                st.button(label, key=f"use-{other}", on_click=sidebar.use, args=(other,))
