"""Parts of the page on uses of a code: what is measured of models, as a table and against bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from aeviz.analysis import baselines, estimate, uses
from aeviz.analysis.baselines import References
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.rate import Point
from aeviz.analysis.uses import Use
from aeviz.app import library, widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import curves, theme
from aeviz.data import datasets
from aeviz.data.datasets import Dataset

DISTORTION = {"psnr": "PSNR (dB)", "mse": "MSE"}
SHARE = {
    "probe_accuracy": ("Linear probe", "Test accuracy of a logistic regression on the codes."),
    "neighbour_accuracy": ("5-NN", "Test accuracy of a vote of the five nearest codes."),
    "v_measure": ("V-measure", "How well ten clusters, found without labels, match the classes."),
    "trustworthiness": (
        "Trust",
        "Trustworthiness: 1 where the five nearest codes are also among the nearest images.",
    ),
}
NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "Image as": st.column_config.TextColumn(pinned=True),
    "Dimensions": NUMBER(help="Width of the code."),
    **{key: NUMBER(title, help=text) for key, (title, text) in SHARE.items()},
    "Bytes": NUMBER(
        help="For an image: its code, rounded and entropy-coded. The step of rounding is the "
        "largest with which the MSE of held-out images rises by at most 5 %."
    ),
    "PSNR": NUMBER("PSNR (dB)", help="Of test images reconstructed from so many bytes."),
    "Ratio": NUMBER(
        format="%.0f : 1", help="Compression: how many times less than a byte for each pixel."
    ),
    "Once": NUMBER(
        "Decoder (kB)",
        format="%,.0f",
        help="What the receiver needs once: the weights of the decoder, or PCA's components, and "
        "the frequencies of the entropy code.",
    ),
}
"""No widths: the browser knows how wide a head is in the type that was chosen."""
Line = dict[str, Estimate | float | str | None]


@dataclass(frozen=True)
class Measured:
    """What codes are good for on a data set.

    found: title -> the code of a chosen model and PCA as wide; others: title -> the code of a
    pretrained model that is not chosen; saw_held_out: titles of those that learned from the images
    on which steps are chosen.
    """

    data: Dataset
    references: References
    found: dict[str, tuple[Use, Use]]
    others: dict[str, Use]
    saw_held_out: list[str]


def measure(chosen: list[ModelSubject]) -> Measured:
    """What is measured of models, with a button for each that is not.

    That of the MNIST digits where pixels, PCA and files are not measured on the chosen data yet.
    """
    kept, data = library.measured(), chosen[0].data
    references = kept.references if data.name == "mnist" else baselines.get(data)
    known = references is not None
    if references is None:
        _offer_references(data)
        references, data = kept.references, datasets.load("mnist")
    found = {}
    for subject in (replace(subject, data=data) for subject in chosen):
        if both := _of(subject, references):
            found[subject.title] = both
        elif known:
            _offer_model(subject)
    others = {library.title(name): use for name, use in kept.models.items()}
    others = {title: use for title, use in others.items() if title not in found}
    saw = [s.title for s in chosen if _saw_held_out(s, data)]
    return Measured(data, references, found, others if data.name == "mnist" else {}, saw)


def _saw_held_out(subject: ModelSubject, data: Dataset) -> bool:
    card = subject.model.card
    return card.data == data.name and card.trained_on > len(data.train_images) - data.held_out


def _of(subject: ModelSubject, references: References) -> tuple[Use, Use] | None:
    """A model's code and PCA's at the same width: kept, or measured when it was asked for."""
    kept = library.measured().models
    if subject.data.name == "mnist" and subject.key in kept:
        use = kept[subject.key]
        return use, references.linear[min(use.numbers, math.prod(subject.data.shape))]
    found = uses.get(subject.data, library.content(subject.key))
    return None if found is None else (found.use, found.linear)


def _offer_references(data: Dataset) -> None:
    st.info(
        f"Pixels, PCA and files are not measured on {data.title} yet. Until then the figures are "
        "of the MNIST digits."
    )
    widgets.offer(
        f"Measure them on {data.title}",
        baselines.job(data),
        partial(baselines.start, data),
        "This takes about two minutes, once. Other pages work meanwhile.",
    )


def _offer_model(subject: ModelSubject) -> None:
    asked = (subject.data, library.content(subject.key))
    widgets.offer(
        f"Measure {subject.title}",
        uses.job(*asked),
        partial(uses.start, *asked),
        "This takes less than a minute, once for each model. Other pages work meanwhile.",
    )


# -- the table ----------------------------------------------------------------------------------


def table(measured: Measured) -> None:
    """A line for the pixels, for PCA as wide as each code, and for each code."""
    pixels = math.prod(measured.data.shape)
    first = {"Image as": "Pixels", "Dimensions": pixels, **measured.references.pixels}
    exact = {"Bytes": Estimate(pixels, 0.0), "PSNR": Estimate(math.inf, 0.0)}
    lines: list[Line] = [first | exact | {"Ratio": 1.0, "Once": 0.0}]
    linear = {pca.numbers: pca for _, pca in measured.found.values()}
    lines += [_line(_pca(width), linear[width], pixels) for width in sorted(linear)]
    lines += [_line(title, use, pixels) for title, (use, _) in measured.found.items()]
    if widgets.toggle("All pretrained models", "all_codes", help="Click a head to sort."):
        lines += [_line(title, use, pixels) for title, use in measured.others.items()]
    st.dataframe(_with_errors(lines), column_config=COLUMNS, hide_index=True, key="uses")
    st.caption(
        f"± is one standard error. Probe, neighbours and clusters are fitted to the codes of "
        f"{uses.CODES:,} training images and scored on all {len(measured.data.test_images):,} test "
        f"images, trustworthiness on {uses.PARTS} samples of them. {_seen(measured)}"
    )


def _line(title: str, use: Use, pixels: int) -> Line:
    point = use.point
    cost = {"Bytes": point.size, "PSNR": estimate.psnr(point.mse)}
    ratio = {"Ratio": pixels / point.size.value, "Once": point.decoder / 1000}
    return {"Image as": title, "Dimensions": use.numbers, **use.figures, **cost, **ratio}


def _with_errors(lines: list[Line]) -> Styler:
    """Sorted by its value, a figure is shown with its error."""
    texts: dict[str, dict[float, str]] = {}
    for line in lines:
        for key, found in line.items():
            if isinstance(found, Estimate):
                texts.setdefault(key, {})[found.value] = found.brief()
    values = [
        {key: found.value if isinstance(found, Estimate) else found for key, found in line.items()}
        for line in lines
    ]
    frame = pd.DataFrame(values, columns=[key for key in COLUMNS if key in lines[-1]])
    style = frame.style
    style.format({key: known.get for key, known in texts.items()}, na_rep="")
    return style


def _seen(measured: Measured) -> str:
    """Who has seen the images on which the step is chosen."""
    saw = [title for title in measured.found if title in measured.saw_held_out]
    fresh = [title for title in measured.found if title not in measured.saw_held_out]
    return (
        f"The step of rounding is chosen on {uses.SAMPLE:,} of the last "
        f"{measured.data.held_out:,} training images. PCA has learned from those"
        + (f", and so {'has' if len(saw) == 1 else 'have'} {' and '.join(saw)}" if saw else "")
        + (f", but not {' nor '.join(fresh)}" if fresh else "")
        + ". Nothing has learned from test images."
    )


def _pca(width: int) -> str:
    return f"PCA, {width:,} component{'' if width == 1 else 's'}"


# -- bytes and errors ---------------------------------------------------------------------------


def rate_distortion(measured: Measured) -> None:
    """Bytes against the error of the reconstruction, and what each model's code costs in words."""
    by = widgets.choice("Error of the reconstruction", DISTORTION, "distortion")
    better = "up" if by == "psnr" else "down"
    st.markdown(
        "All latent dimensions are rounded with one step, what is left is entropy-coded, and the "
        "decoder reconstructs the image from it: a line for each model, from large steps to small "
        f"ones. Further left is smaller, further {better} is better."
    )
    codes = {title: use for title, (use, _) in measured.found.items()}
    files = dict(measured.references.files)
    lossless = [(baselines.PNG, point.size.value) for point in files.pop(baselines.PNG, [])]
    st.plotly_chart(
        curves.rate_distortion(
            {title: _curve(title, use.points) for title, use in codes.items()},
            {title: use.chosen for title, use in codes.items()},
            _points(measured.others),
            _linear(measured.references) | {name: _curve(name, p) for name, p in files.items()},
            lossless[0] if lossless else None,
            in_decibel=by == "psnr",
        ),
        config=theme.CONFIG,
        key="bytes",
        alt="bytes of an image against the error of its reconstruction",
    )
    for title, use in codes.items():
        st.markdown(baselines.finding(title, use, measured.references))


def _drawn(points: list[Point], texts: list[str]) -> curves.Curve:
    return curves.Curve([p.size.value for p in points], [p.mse.value for p in points], texts)


def _curve(title: str, points: list[Point]) -> curves.Curve:
    """Points for the plot, each with what it is."""
    return _drawn(points, [f"{title}, step {p.step:.2g}" if p.step else title for p in points])


def _points(found: dict[str, Use]) -> curves.Curve:
    """The chosen point of each code, with what it is."""
    return _drawn([use.point for use in found.values()], list(found))


def _linear(references: References) -> dict[str, curves.Curve]:
    """PCA with the number of components that is best for each size."""
    widths, points = zip(*references.best_linear, strict=True)
    texts = [f"{_pca(w)}, step {p.step:.2g}" for w, p in zip(widths, points, strict=True)]
    return {"PCA, best number of components": _drawn(list(points), texts)}


def facts(measured: Measured) -> dict[str, object]:
    """What the explanation names."""
    sizes = {
        name: [point.size.value for point in points]
        for name, points in measured.references.files.items()
    }
    scans, jpegs = (
        f"{sizes[name][0]:.0f} to {sizes[name][-1]:.0f}" if name in sizes else "no"
        for name in (baselines.SCAN, baselines.JPEG)
    )
    return {
        "neighbours": uses.NEIGHBOURS,
        "clusters": len(measured.data.classes),
        "codes": f"{uses.CODES:,}",
        "sample": f"{uses.SAMPLE:,}",
        "qualities": ", ".join(map(str, baselines.QUALITIES)),
        "scans": scans,
        "jpegs": jpegs,
    }
