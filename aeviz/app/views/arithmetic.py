"""Parts of the page of arithmetic: a sum of mean codes, how good such sums are, and a hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from aeviz.analysis import arithmetic, classifier, estimate, neighbours
from aeviz.analysis.arithmetic import Landing, Term
from aeviz.app import library, pictures, sidebar, texts, widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import maps, theme
from aeviz.data.datasets import Dataset
from aeviz.models import apply

NONE = "none"
SIGNS = {1: "+", -1: "\N{MINUS SIGN}"}
STARTS = {"First": "3", "Second": "-5", "Third": "8", "Fourth": NONE}
"""The terms at first, as an address has them; the last two may be left out."""
MAP, DOTS = "sum-map", 3000
START = 9
"""Test image whose hand is carried over at first."""
NEAREST = 5
ASKED = 1_000
"""Codes of each kind that sums are compared with."""
HANDS = 200
"""Test images whose hand is carried over to say how well that goes."""
ROWS = {
    "sums": "all sums a \N{MINUS SIGN} b + c of mean codes",
    "codes": "codes of test images",
    "draws": "draws from one Gaussian",
}


@dataclass(frozen=True)
class Sum:
    """Terms of mean codes, and what they are together."""

    subject: ModelSubject
    terms: tuple[Term, ...]

    @cached_property
    def of_class(self) -> np.ndarray:
        """The mean code of each class, (C, D), of the test images."""
        return arithmetic.means(self.subject.codes(), self.subject.data.test_labels)

    @cached_property
    def steps(self) -> np.ndarray:
        """The codes (K, D) after each term."""
        return arithmetic.sums(self.of_class, self.terms)

    def name(self, first: int = 0, last: int | None = None) -> str:
        """Some of its terms as they are written."""
        classes, text = self.subject.data.classes, ""
        for k, term in enumerate(self.terms[first:last]):
            sign = SIGNS[term.sign]
            start = first + k == 0 and term.sign > 0
            text += classes[term.label] if start else f" {sign} {classes[term.label]}"
        return text.strip()


def pick_sum(subject: ModelSubject) -> Sum:
    """Widgets that choose two to four terms, each with its sign."""
    classes = subject.data.classes
    names = {f"{label}": f"{SIGNS[1]} {name}" for label, name in enumerate(classes)}
    names |= {f"-{label}": f"{SIGNS[-1]} {name}" for label, name in enumerate(classes)}
    terms = []
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for k, (title, start) in enumerate(STARTS.items(), 1):
            options = names if k <= 2 else {NONE: "nothing"} | names
            key = f"sum_{k}"
            chosen = widgets.choice(title, options, key, menu=True, start=start, width=125)
            if chosen != NONE:
                terms.append(Term(-1 if chosen.startswith("-") else 1, int(chosen.lstrip("-"))))
    return Sum(subject, tuple(terms))


def equation(found: Sum) -> None:
    """The decoded mean of each term and the decoded sum, and what the classifier reads in it."""
    subject = found.subject
    of_terms = found.of_class[[term.label for term in found.terms]]
    images = subject.codec.decode(np.concatenate([of_terms, found.steps[-1:]]))
    names = [found.name(k, k + 1) for k in range(len(found.terms))]
    items = [
        widgets.Item([(image, f"decoded mean of {name}")], name)
        for image, name in zip(images, names, strict=False)
    ]
    whole, read = found.name(), verdict(subject.data, images[-1:])[0]
    items.append(widgets.Item([(images[-1], f"decoded {whole}")], f"= {whole}\n{read}".strip()))
    share = 92 / len(items)  # all in one row, on a phone three
    widgets.gallery(items, size=f"min(8.5rem, max({share:.1f}cqw, 5.5rem))")
    if sum(term.sign for term in found.terms) != 1:
        st.caption(texts.of("arithmetic").part("origin"))


def verdict(data: Dataset, images: np.ndarray) -> list[str]:
    """What the classifier reads in each of some images, in words; empty where it knows nothing."""
    if not classifier.knows(data):
        return [""] * len(images)
    log_p = classifier.log_probabilities(images)
    sure = np.exp(log_p.max(1))
    return [
        f"read as {data.classes[label]}, {'over 0.99' if p > 0.99 else f'{p:.2f}'}"
        for label, p in zip(log_p.argmax(1), sure, strict=True)
    ]


def nearest(found: Sum) -> None:
    """The real digits whose codes are nearest to the sum."""
    subject, data, unit = found.subject, found.subject.data, found.subject.distance().value
    away, which = subject.neighbours(found.steps[-1], NEAREST)
    st.markdown("**Nearest real images**")
    widgets.gallery(
        [
            widgets.Item(
                [(data.test_images[index], f"test image {index}")],
                f"{data.classes[data.test_labels[index]]}\n{distance / unit:.2f}",
            )
            for distance, index in zip(away, which, strict=True)
        ],
        size="4.2rem",
    )
    st.caption(
        f"Of {len(data.test_images):,} test images, by their codes. Below each its class, and its "
        "distance from the sum in units of the median distance between two test codes."
    )


def on_map(found: Sum) -> None:
    """The terms as arrows, one after another, among the codes of test images."""
    subject, plane = found.subject, found.subject.plane()
    data, ends = subject.data, plane.project(found.steps)
    names = [found.name(k, k + 1) for k in range(len(found.terms))]
    seen = maps.sum_map(
        plane.project(subject.codes())[:DOTS],
        data.test_labels[:DOTS],
        data.classes,
        ends,
        names,
        plane.axis_titles,
    )
    st.plotly_chart(
        widgets.drawable(seen),
        config=theme.PLAIN,
        key=MAP,
        alt="the terms of the sum as arrows on the map of the codes",
    )
    widgets.class_key(data.classes)
    st.caption(texts.of("arithmetic").part("arrows"))


# -- how good sums are --------------------------------------------------------------------------


@st.cache_data(max_entries=200, show_spinner="Adding up all triples of classes")
def _landings(key: str, data_name: str, _subject: ModelSubject) -> dict[str, Landing]:
    """How all sums a - b + c do, beside codes themselves and draws of the same spread."""
    data, codes, unit = _subject.data, _subject.codes(), _subject.distance().value
    of_class = arithmetic.means(codes, data.test_labels)
    which = arithmetic.triples(len(of_class))
    a, b, c = of_class[which.T]
    added = (a - b + c).astype(np.float32)
    some = np.random.default_rng(0).permutation(len(codes))[:ASKED]
    draws = _subject.draw("mixture", ASKED, 1.0, 0, 1).astype(np.float32)

    def away(queries: np.ndarray, nth: int = 0) -> np.ndarray:
        return neighbours.nearest(codes, queries, nth + 1)[0][:, nth] / unit

    def read(queries: np.ndarray) -> np.ndarray:
        return arithmetic.is_read(_subject.codec.decode(queries))

    gaps, knows = away(added), classifier.knows(data)
    seen = read(added) if knows else None
    return {
        "sums": Landing(
            None
            if seen is None
            else arithmetic.jackknife(lambda kept: float(seen[kept].mean()), which),
            arithmetic.jackknife(lambda kept: float(np.median(gaps[kept])), which),
        ),
        "codes": Landing(
            estimate.mean(read(codes[some])) if knows else None,
            arithmetic.median(away(codes[some], nth=1)),  # the nearest is the code itself
        ),
        "draws": Landing(
            estimate.mean(read(draws)) if knows else None, arithmetic.median(away(draws))
        ),
    }


def how_good(subject: ModelSubject) -> None:
    """A table: sums of three means, beside codes themselves and draws of the same spread."""
    found, knows = (
        _landings(subject.key, subject.data.name, subject),
        classifier.knows(subject.data),
    )
    st.header("Is that better than chance?", anchor=False)
    head = ["decoded from", *(["read as a digit"] if knows else []), "nearest real code"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for key, title in ROWS.items():
        landing = found[key]
        cells = [title]
        if landing.read:
            cells.append(estimate.percent(landing.read, 0 if key == "sums" else ASKED))
        lines.append("| " + " | ".join([*cells, landing.away.brief()]) + " |")
    st.markdown("\n".join(lines))
    triples = len(arithmetic.triples(len(subject.data.classes)))
    known = {"triples": triples, "asked": f"{ASKED:,}", "sure": f"{arithmetic.SURE:g}"}
    accuracy = estimate.percent(classifier.tested())
    text = texts.of("arithmetic")
    st.caption(
        text.part("table", **known) + (" " + text.part("read", accuracy=accuracy) if knows else "")
    )


# -- a hand -------------------------------------------------------------------------------------


def told_model(subject: ModelSubject) -> ModelSubject | None:
    """The chosen model where it is told the class, else a pretrained one that is."""
    if subject.uses_labels:
        return subject
    name = library.told()
    return sidebar.subject(name) if name else None


def style(subject: ModelSubject) -> None:
    """One's own image, or a test image, in whose hand all ten classes are written."""
    data, model = subject.data, subject.model
    st.header("Can a hand be carried over?", anchor=False)
    text = texts.of("arithmetic")
    st.markdown(texts.glossed(text.part("style", model=subject.title)), unsafe_allow_html=True)
    if model.card.data != data.name:
        st.info(text.part("style_data", data=data.title))
        return
    picked = pictures.pick_images(data, "style", START)
    image = picked.images[:1]
    label = _label(subject, picked)
    written = arithmetic.carried(model, image, np.array([label]))[0]
    texts_below = verdict(data, written)
    whose = "the test image" if picked.labels is not None else "your image"
    items = [widgets.Item([(image[0], whose)], f"{whose},\na {data.classes[label]}")]
    items += [
        widgets.Item([(one, f"decoded as {name}")], f"as {name}\n{read}".strip())
        for one, name, read in zip(written, data.classes, texts_below, strict=True)
    ]
    widgets.gallery(items, size="min(6.4rem, 27cqw)", narrow=True)
    if classifier.knows(data):
        asked = estimate.percent(_as_asked(subject.key, data.name, subject))
        st.caption(text.part("style_read", asked=asked, hands=HANDS))


def _label(subject: ModelSubject, picked: pictures.Picked) -> int:
    """The class of an image: as it is known, as the model reads it, or as a person says."""
    if picked.labels is not None:
        return int(picked.labels[0])
    found = apply.classify(subject.model, picked.images[:1])
    assert found is not None  # the model uses labels
    classes = subject.data.classes
    names = {"auto": f"{classes[int(found[0])]}, as the model reads it"}
    names |= {str(label): name for label, name in enumerate(classes)}
    chosen = widgets.choice("It is a", names, "style_label", menu=True, width=240)
    return int(found[0]) if chosen == "auto" else int(chosen)


@st.cache_data(max_entries=200, show_spinner="Writing in many hands")
def _as_asked(key: str, data_name: str, _subject: ModelSubject) -> estimate.Estimate:
    data = _subject.data
    some = np.random.default_rng(0).permutation(len(data.test_images))[:HANDS]
    images, labels = data.test_images[some], data.test_labels[some]
    return arithmetic.read_as_asked(arithmetic.carried(_subject.model, images, labels))
