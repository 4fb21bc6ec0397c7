"""Parts of the page on uses of a code: what is measured of models, as a table and against bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from aeviz.analysis import baselines, uses
from aeviz.analysis.baselines import References
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
COLUMNS = {
    "Image as": st.column_config.TextColumn(pinned=True, width=212),
    "Dimensions": st.column_config.NumberColumn(help="Width of the code.", width=90),
    **{
        key: st.column_config.ProgressColumn(
            title, format="%.3f", min_value=0, max_value=1, help=text, color="#2590b8", width=106
        )
        for key, (title, text) in SHARE.items()
    },
    "Bits": st.column_config.NumberColumn(
        "Bits each",
        help="For each latent dimension: the fewest with which the MSE of held-out images rises "
        "by at most 5 %. None where the code is made of symbols.",
        width=75,
    ),
    "Bytes": st.column_config.NumberColumn(
        format="%.1f", help="For an image: its whole code with so many bits each.", width=75
    ),
    "Ratio": st.column_config.NumberColumn(
        "Compression",
        format="%.0f : 1",
        help=f"Of {uses.PIXELS} bytes, one for each pixel.",
        width=100,
    ),
}
Line = dict[str, float | str | None]


@dataclass(frozen=True)
class Measured:
    """What codes are good for on a data set.

    found: title -> the code of a chosen model and PCA as wide; others: title -> the code of a
    pretrained model that is not chosen.
    """

    data: Dataset
    references: References
    found: dict[str, tuple[Use, Use]]
    others: dict[str, Use]


@st.cache_resource(show_spinner=False)
def _kept() -> baselines.Kept:
    """What pretrained codes are good for, measured beforehand."""
    return baselines.kept()


def measure(chosen: list[ModelSubject]) -> Measured:
    """What is measured of models, with a button for each that is not.

    That of the MNIST digits where pixels, PCA and files are not measured on the chosen data yet.
    """
    kept, data = _kept(), chosen[0].data
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
    return Measured(data, references, found, others if data.name == "mnist" else {})


def _of(subject: ModelSubject, references: References) -> tuple[Use, Use] | None:
    """A model's code and PCA's at the same width: kept, or measured when it was asked for."""
    kept = _kept().models
    if subject.data.name == "mnist" and subject.key in kept:
        use = kept[subject.key]
        return use, references.linear[min(use.numbers, uses.PIXELS)]
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
    first = {"Image as": "Pixels", "Dimensions": uses.PIXELS, **measured.references.pixels}
    lines: list[Line] = [first | {"Bits": 8, "Bytes": uses.PIXELS, "Ratio": 1.0}]
    linear = {pca.numbers: pca for _, pca in measured.found.values()}
    lines += [_line(_pca(width), linear[width]) for width in sorted(linear)]
    lines += [_line(title, use) for title, (use, _) in measured.found.items()]
    if widgets.toggle("All pretrained models", "all_codes", help="Click a head to sort."):
        lines += [_line(title, use) for title, use in measured.others.items()]
    st.dataframe(lines, column_config=COLUMNS, hide_index=True, key="uses", width="stretch")
    st.caption(
        f"Probe, neighbours and clusters are fitted to the codes of {uses.CODES:,} training images "
        f"and scored on all {len(measured.data.test_images):,} test images; trustworthiness is of "
        f"{uses.SAMPLE:,} test images, drawn once."
    )


def _line(title: str, use: Use) -> Line:
    bits, size = use.point.bits, use.point.size
    cost = {"Bits": bits, "Bytes": size, "Ratio": uses.PIXELS / size}
    return {"Image as": title, "Dimensions": use.numbers, **use.figures, **cost}


def _pca(width: int) -> str:
    return f"PCA, {width:,} component{'' if width == 1 else 's'}"


# -- bytes and errors ---------------------------------------------------------------------------


def rate_distortion(measured: Measured) -> None:
    """Bytes against the error of the reconstruction, and what each model's code costs in words."""
    by = widgets.choice("Error of the reconstruction", DISTORTION, "distortion")
    better = "up" if by == "psnr" else "down"
    st.markdown(
        "The value of each latent dimension is rounded to 1, 2, 3 bits and so on, and the decoder "
        "reconstructs the image from what is left: a line for each model. Further left is smaller, "
        f"further {better} is better."
    )
    codes = {title: use for title, (use, _) in measured.found.items()}
    files = dict(measured.references.files)
    (png,) = files.pop(baselines.PNG)
    st.plotly_chart(
        curves.rate_distortion(
            {title: _curve(title, use.points) for title, use in codes.items()},
            {title: use.chosen for title, use in codes.items()},
            _points(measured.others),
            _linear(measured.references) | {name: _curve(name, p) for name, p in files.items()},
            (baselines.PNG, png.size),
            in_decibel=by == "psnr",
        ),
        config=theme.CONFIG,
        key="bytes",
        alt="bytes of an image against the error of its reconstruction",
    )
    for title, use in codes.items():
        st.markdown(baselines.finding(title, use, measured.references))


def _curve(title: str, points: list[uses.Point]) -> curves.Curve:
    """Points for the plot, each with what it is."""
    texts = [f"{title}, {p.bits} bits each" if p.bits else title for p in points]
    return curves.Curve([p.size for p in points], [p.mse for p in points], texts)


def _points(found: dict[str, Use]) -> curves.Curve:
    """The chosen point of each code, with what it is."""
    points = [use.point for use in found.values()]
    return curves.Curve([p.size for p in points], [p.mse for p in points], list(found))


def _linear(references: References) -> dict[str, curves.Curve]:
    """PCA by its width, but for as many components as pixels."""
    widths = [use for use in references.linear.values() if use.numbers < uses.PIXELS]
    titles = (f"{_pca(use.numbers)}, {use.point.bits} bits each" for use in widths)
    curve = _points(dict(zip(titles, widths, strict=True)))
    return {f"PCA, 1 to {widths[-1].numbers} components": curve}


def facts(measured: Measured) -> dict[str, object]:
    """What the explanation names."""
    files = measured.references.files
    sizes = {
        name: [point.size for point in files[name]] for name in (baselines.SCAN, baselines.JPEG)
    }
    scans, jpegs = (f"{found[0]:.0f} to {found[-1]:.0f}" for found in sizes.values())
    return {
        "neighbours": uses.NEIGHBOURS,
        "clusters": uses.CLUSTERS,
        "codes": f"{uses.CODES:,}",
        "sample": f"{uses.SAMPLE:,}",
        "qualities": ", ".join(map(str, baselines.QUALITIES)),
        "scans": scans,
        "jpegs": jpegs,
    }
