"""Parts of the loss page: its terms, and what it did to dimensions, units, entries, and slopes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import mechanism
from aeviz.app import library, pages, session, sidebar, texts, widgets
from aeviz.app.subject import ModelSubject
from aeviz.app.views.run import levels_of, metric_title
from aeviz.charts import curves, pixels, theme
from aeviz.charts.bars import firing, loss_terms, named_bars
from aeviz.data import datasets
from aeviz.models import zoo
from aeviz.training.curves import by_term, kept_by_term

THINGS = ("active_fraction", "kl_per_dim", "perplexity", "squared_jacobian")
"""Metrics that a loss may report, each of which shows something of its own."""
COLUMNS = len(mechanism.REACH)
"""Images in a row."""
ATOMS, MOST_ENTRIES = 24, 64
"""Images in a gallery."""
ORDERS = {"size": "Largest first", "code": "As in the code"}
SCALES = {"spread": "By the spread of the codes", "plain": "As it is"}
"""Codes of two models have scales of their own, so they compare by their spread alone."""


def _chart(figure: Any, key: str, alt: str) -> None:
    """A figure without a tool bar."""
    st.plotly_chart(figure, config=theme.PLAIN, key=key, alt=alt)


def _reported(subject: ModelSubject) -> list[str]:
    return [thing for thing in THINGS if thing in subject.costs()[0].metrics]


def look_for(subject: ModelSubject) -> str:
    """What there is to see of this model's loss."""
    return texts.of("loss").part((*_reported(subject), "otherwise")[0])


def examples(subject: ModelSubject) -> None:
    """A button for each thing that a loss may report: to a model that shows it."""
    shown = _reported(subject)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("See it on", width="content")
        for thing in THINGS:
            if other := library.reporting(thing):
                title = zoo.short_title(library.card(other).variant)
                st.button(title, on_click=sidebar.use, args=(other,), disabled=thing in shown)


# -- its terms ----------------------------------------------------------------------------------


def terms(subject: ModelSubject) -> None:
    """Each term of the loss on test and on training images, and over the steps of training."""
    bars, words = st.columns([3, 2], gap="large")
    steps, fallen = _curves(subject)
    with bars:
        costs = zip(("Test", "Training"), subject.costs(), strict=True)
        named = {title: _titled(cost.terms) for title, cost in costs}
        figure = loss_terms(named, subject.model.unit)
        _chart(figure, "terms", "each term of the loss")
    with words:
        _in_words(subject)
        if not fallen:
            _train_one(subject.model.variant)
    if fallen:
        fallen, height = _titled(fallen), 150 + 110 * len(fallen)
        model, spec = subject.model, library.spec(subject.key)
        whole = model.card.digit is None and (spec is None or spec.classes is None)
        levels = levels_of(model.config, model.card.data, model.unit) if whole else None
        figure = curves.loss_curves(steps, fallen, unit=model.unit, levels=levels, height=height)
        _chart(figure, "curves", "each term of the loss over the steps")
        st.caption(
            "Training: averaged over steps, with what only training has, such as dropout. The "
            "scale is logarithmic where the first fall would press the rest flat."
            + (" Dotted: what the mean image and PCA leave on test images." if levels else "")
        )


def _titled(values: dict[str, Any]) -> dict[str, Any]:
    return {metric_title(term): value for term, value in values.items()}


def _curves(subject: ModelSubject) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, ...]]]:
    """Steps (K,) and each term over them (K,), of a run or as a file keeps it; empty without."""
    if points := library.metrics(subject.key):
        return np.array([point.step for point in points]), by_term(points)
    if curve := subject.model.card.curve:
        return np.array(curve.steps), kept_by_term(curve)
    return np.array([]), {}


def _in_words(subject: ModelSubject) -> None:
    (test, _), trained_on = subject.costs(), subject.model.card.data
    parts = " + ".join(f"{term} **{it.brief()}**" for term, it in _titled(test.terms).items())
    total = f" = **{test.total.brief()}**" if len(test.terms) > 1 else ""
    note = "If the training loss is much lower, the model has overfit."
    if trained_on != subject.data.name:
        note = f"It was trained on {datasets.SOURCES[trained_on].title}, so all of them are new."
    elif (spec := library.spec(subject.key)) and spec.classes is not None:
        note = "It was trained on some of the classes; the test images are of all."
    st.markdown(
        f"On test images: {parts}{total} {subject.model.unit}, ± one standard error. {note}"
    )


def _train_one(variant: str) -> None:
    st.markdown("Its file keeps no curve of its training: train one to see each term fall.")
    if st.button(f"Train: {zoo.short_title(variant)}"):
        pages.to("train", variant=variant)


# -- what became of the code --------------------------------------------------------------------


def code(subject: ModelSubject) -> None:
    """What this loss did to the code: to a codebook, to units, or to latent dimensions."""
    shown, metrics = _reported(subject), subject.costs()[0].metrics
    if "perplexity" in shown:
        _entries(subject)
    elif "active_fraction" in shown:
        _unit(subject, _units(subject))
    elif "kl_per_dim" in shown:
        _dimension(subject, _kl(subject, metrics["kl_per_dim"]))
    else:
        st.header("What does one latent dimension do?", anchor=False)
        _dimension(subject, _pick_dimension(subject, int(subject.codes().var(0).argmax())))


def _pick_dimension(subject: ModelSubject, start: int) -> int:
    """A widget that chooses one dimension of a code; counted from 0, where it begins at 1.

    Args:
        start: chosen at first, and again for another model.
    """
    if session.get("number_of", subject.key) != subject.key:
        session.put("number", start + 1)
    session.note("number_of", subject.key)
    widest = subject.code_dim
    return -1 + widgets.number("Latent dimension", 1, widest, "number", start + 1, width=190)


def _most(subject: ModelSubject, dimension: int) -> tuple[np.ndarray, list[str]]:
    """The test images that have most of a dimension: indices (13,), and a text for each."""
    data, values = subject.data, subject.codes()[:, dimension]
    top = (-values).argsort(kind="stable")[:COLUMNS]
    return top, [f"{data.classes[data.test_labels[k]]}\n{values[k]:.2f}" for k in top]


def _dimension(subject: ModelSubject, dimension: int) -> None:
    """What one dimension of a code does to the image, and which images have most of it."""
    asked, by_prior = widgets.decoded_as(subject, "loss_label"), subject.model.gaussian_prior
    moved = mechanism.sweep(subject.codes(), dimension, by_prior=by_prior)
    decoded = subject.codec.decode(moved, None if asked is None else asked.repeat(COLUMNS))
    top, titles = _most(subject, dimension)
    what, steps = f"z{dimension + 1}", [f"{step:+.1f}" for step in mechanism.REACH]
    widgets.rows(
        [
            widgets.Row(f"{what} from -3 to 3, all others at their mean", decoded, steps),
            widgets.Row(
                f"Test images with the largest {what}", subject.data.test_images[top], titles
            ),
        ],
        least=3,
    )
    of = "the prior" if by_prior else f"{what} in the test codes"
    st.caption(f"Above: in standard deviations of {of}. Below: class and value.")


def _kl(subject: ModelSubject, kl: np.ndarray) -> int:
    """KL of each dimension of a code (D,), in nats; returns the dimension that was chosen."""
    st.header("Which latent dimensions are active?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        order = widgets.choice("Order", ORDERS, "kl_order")
        dimension = _pick_dimension(subject, int(kl.argmax()))
    ranks = (-kl).argsort(kind="stable") if order == "size" else np.arange(len(kl))
    figure = named_bars(
        kl[ranks],
        [f"z{k + 1}" for k in ranks],
        across="latent dimension",
        up="KL, nats",
        marked=ranks.tolist().index(dimension),
    )
    _chart(figure, "kl", "KL of each latent dimension")
    unused, least = mechanism.collapsed(kl), f"{mechanism.COLLAPSED} nats"
    active = len(kl) - len(unused)
    st.markdown(
        f"**{active} of {zoo.dimensions(len(kl))}** {'is' if active == 1 else 'are'} active, with "
        f"**{kl.sum():.1f} nats** in all. "
        + (
            f"**{len(unused)} collapsed** to less than {least}: {mechanism.listed(unused)}."
            if len(unused)
            else f"None collapsed to less than {least}."
        )
    )
    return dimension


def _to_scale(images: np.ndarray) -> np.ndarray:
    """Signed images (N, H, W), each divided by its largest value."""
    return images / np.abs(images).max((1, 2), keepdims=True).clip(1e-6)


def _units(subject: ModelSubject) -> int:
    """How often units fire, and what they draw; returns the dimension that was chosen."""
    st.header("How often does a unit fire?", anchor=False)
    codes = subject.codes()
    units = mechanism.units(subject.model, codes)
    shares, dead = units.shares, int(units.dead.sum())
    _chart(firing(shares, graded=units.graded), "firing", "how many units fire how often")
    never = f"{'never half active' if units.graded else 'silent'} on all {len(codes):,} test images"
    st.markdown(
        f"On one image {_active(subject, units)}. "
        + (
            f"**{dead:,} {'is' if dead == 1 else 'are'} dead**: {never}."
            if dead
            else f"None is dead: each fires on some of the {len(codes):,} test images."
        )
    )
    _explained(subject, units.active.value)
    st.header("What does a unit draw?", anchor=False)
    used = (-shares).argsort(kind="stable")[:ATOMS]
    atoms = _to_scale(mechanism.atoms(subject.model, codes, used))
    widgets.gallery(
        [
            widgets.Item([(pixels.signed(atom), f"atom of z{k + 1}")], f"z{k + 1}\n{shares[k]:.1%}")
            for k, atom in zip(used, atoms, strict=True)
        ],
        size="4.4rem",
    )
    st.caption(
        f"The {len(used)} units that fire most often, and how often. Each alone adds what is red "
        "to the image of an empty code and takes away what is blue, each on its own scale."
    )
    return _pick_dimension(subject, int(used[0]))


def _active(subject: ModelSubject, units: mechanism.Units) -> str:
    """How many units are active: so many by construction, or on average, with an error."""
    active, wide = units.active, f"{len(units.shares):,} units"
    if k := subject.model.most_active:
        return f"**{k:,} of {wide}** are active, as k = {k:,} is set"
    mean = ", as the sum of their activities" if units.graded else ""
    return f"**{active.said('.1f')} of {wide}** are active, on average{mean}"


def _explained(subject: ModelSubject, active: float) -> None:
    """How much of the variance of pixels so many active units explain, and PCA with as many."""
    images = subject.data.test_images
    linear = subject.pca(min(max(round(active), 1), math.prod(subject.data.shape)))
    ours, theirs = (mechanism.explained(images, s.errors().mse) for s in (subject, linear))
    st.markdown(
        f"With these its reconstructions explain **{ours.said()}** of the variance of the "
        f"test pixels; {linear.title} explains **{theirs.said()}**."
    )
    st.caption(
        "± is one standard error over the test images. Explained variance: 1 less the squared "
        "error divided by the squared deviation from the mean image. PCA uses the same components "
        "for every image; a sparse code also says which of its units it uses."
    )


def _unit(subject: ModelSubject, unit: int) -> None:
    """Which images excite one unit of the code most, and what it adds to reconstructions."""
    top, titles = _most(subject, unit)
    added = mechanism.adds(subject.model, subject.codes()[top], unit)
    what = f"z{unit + 1}"
    widgets.rows(
        [
            widgets.Row(
                f"Test images that excite {what} most", subject.data.test_images[top], titles
            ),
            widgets.Row(
                f"What {what} adds to their reconstructions", pixels.signed(_to_scale(added))
            ),
        ],
        least=3,
    )
    st.caption(
        "Class and activity. Below: the reconstruction minus the one with this unit silenced, each "
        "on its own scale."
    )


def _entries(subject: ModelSubject) -> None:
    """How often each entry of a codebook is used, and what it encodes."""
    shares, windows = subject.entries()
    st.header("Which codebook entries are used?", anchor=False)
    ranks = (-shares).argsort(kind="stable")
    figure = named_bars(
        100 * shares[ranks],
        [f"entry {k + 1}" for k in ranks],
        across="codebook entry, the most used first",
        up="share of all places, %",
        level=(100 / len(shares), "if all were used alike"),
    )
    _chart(figure, "usage", "how often each codebook entry is used")
    dead = int(np.sum(shares == 0))
    st.markdown(
        f"Perplexity **{mechanism.perplexity(shares):.1f}**: the codes of all test images are as "
        f"varied as if so many of the {len(shares)} entries were used, all alike. "
        + (
            f"**{dead} {'is' if dead == 1 else 'are'} dead**: used in no test image."
            if dead
            else "None is dead: each is used somewhere."
        )
    )
    st.header("What does each entry encode?", anchor=False)
    widgets.gallery(
        [
            widgets.Item([(windows[k], f"entry {k + 1}")], f"entry {k + 1}\n{shares[k]:.1%}")
            for k in ranks[:MOST_ENTRIES]
        ],
        size="4.4rem",
    )
    side = windows.shape[1]
    st.caption(
        f"Each entry as the mean of the {side} by {side} pixels of test images around the places "
        "where it stands, and its share of all places. Look for strokes by their direction, for "
        "empty paper, and for the paper beside a stroke."
    )


# -- how steep the encoder is -------------------------------------------------------------------


def slopes(subject: ModelSubject) -> None:
    """Singular values of the encoder's Jacobian, beside another model's; nothing if it jumps."""
    values = subject.spectrum()
    if values is None:
        return
    st.header("How far does the code move when pixels do?", anchor=False)
    curve, words = st.columns([3, 2], gap="large")
    with words:
        shown, apart = _spectra(subject)
        norms = {title: float(np.median(np.square(v).sum(1))) for title, v in shown.items()}
        said = " and ".join(f"**{_short(norm)}** for {title}" for title, norm in norms.items())
        st.markdown(
            f"The sum of their squares, $|J|_F^2${apart}, has the median {said}. "
            + (
                "It is a term of this model's loss: only directions that tell digits apart "
                "are worth its price."
                if "squared_jacobian" in _reported(subject)
                else "It is no term of this model's loss."
            )
        )
    with curve:
        _chart(curves.spectra(shown), "spectrum", "singular values of the encoder's Jacobian")
        st.caption(
            f"At {len(values)} test images: the median as a line, 10 to 90 % of them as a band."
        )


def _spectra(subject: ModelSubject) -> tuple[dict[str, np.ndarray], str]:
    """Widgets that choose a scale and another model.

    Returns:
        The singular values of both by title, and what the sum of their squares is divided by.
    """
    scale, subjects = widgets.choice("Distance in the code", SCALES, "slopes"), [subject]
    if others := sorted(library.as_wide(subject.key), key=_telling):
        titles = {other: library.title(other) for other in others}
        other = widgets.choice("Beside it", titles, "slopes_beside", vertical=True)
        subjects.append(sidebar.subject(other))
    found = {s.title: (s, v) for s in subjects if (v := s.spectrum()) is not None}
    if scale == "plain":
        return {title: values for title, (_, values) in found.items()}, ""
    return {
        title: values / mechanism.spread(s.codes()) for title, (s, values) in found.items()
    }, ", divided by the mean variance of a latent dimension"


def _telling(name: str) -> int:
    """The less, the more a model's slopes say beside another's: first one whose loss has them."""
    variant = zoo.MODELS[library.card(name).variant]
    if "squared_jacobian" in mechanism.reports(variant):
        return 0
    return 1 if variant.needs[0] == "compression" else 2


def _short(value: float) -> str:
    """Three digits, and no powers of ten where there is no need."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
