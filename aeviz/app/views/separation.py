"""Parts of the anomaly page: how well scores separate, in curves and in words."""

from __future__ import annotations

import streamlit as st

from aeviz.analysis import anomaly, detection
from aeviz.app import texts
from aeviz.charts import curves, theme


def what_is_shown(shown: anomaly.Scores, saw_all: bool, quantile: float, share: float) -> str:
    """What the histograms are of, and which images the suggested threshold is set by.

    Args:
        saw_all: the model was trained on the validation images.
        quantile: share of them below the threshold, %.
        share: of anomalies in the world, %.
    """
    odd, validation = len(shown.odd), f"{len(shown.validation):,}"
    below = "one anomaly" if odd == 1 else f"{odd:,} anomalies"
    below = f"Below it, on its own scale: {below}" if odd else "No anomalies yet"
    source = (
        f"The model was trained on every normal training image, so the {quantile:g} % are of "
        f"{validation} that it has seen; it reconstructs new ones worse, and raises more false "
        "alarms on them"
        if saw_all
        else f"The {quantile:g} % are of {validation} training images that were held out from this "
        "model"
    )
    precision = ""
    if odd:
        here = f"{100 * odd / (odd + len(shown.normal)):.0f} %"
        known = {"share": f"{share:g} %", "here": here}
        precision = " " + texts.of("anomaly").part("precision", **known)
    return (
        f"Above the axis: {len(shown.normal):,} normal test images. {below}. {source}. Test images "
        f"are never used to set it.{precision}"
    )


def curves_of(
    model: anomaly.Scores, linear: anomaly.Scores, threshold: float, share: float
) -> None:
    """ROC and precision-recall curve of a model and of PCA, the threshold marked on both.

    Args:
        share: of anomalies in the world.
    """
    counts = detection.count(model.normal, model.odd, threshold)
    ours, theirs = model.curves, linear.curves
    recall, false = counts.recall or 0.0, counts.false_positive_rate or 0.0
    precision = counts.precision(share)
    roc, precision_recall = st.columns(2, gap="medium")
    roc.plotly_chart(
        curves.operating_curve(
            {
                f"Model, AUROC {ours.auroc.said('.3f')}": ours.roc,
                f"PCA, AUROC {theirs.auroc.said('.3f')}": theirs.roc,
            },
            (false, recall),
            ("false-positive rate", "recall"),
            (0.0, 1.0),
        ),
        config=theme.PLAIN,
        key="roc",
        alt="recall against the false-positive rate",
    )
    ap, by_pca = (found.average_precision(share) for found in (ours, theirs))
    precision_recall.plotly_chart(
        curves.operating_curve(
            {
                f"Model, AP {ap.said('.3f')}": ours.precision_recall(share),
                f"PCA, AP {by_pca.said('.3f')}": theirs.precision_recall(share),
            },
            (recall, 1.0 if precision is None else precision),
            ("recall", f"precision at {100 * share:g} % anomalies"),
            (share, share),
        ),
        config=theme.PLAIN,
        key="precision-recall",
        alt="precision against recall",
    )
    st.caption(texts.of("anomaly").part("curves"))


def against(model: anomaly.Scores, linear: anomaly.Scores) -> str:
    """A model beside PCA on the same images."""
    return detection.beside_pca((model.normal, linear.normal), (model.odd, linear.odd))
