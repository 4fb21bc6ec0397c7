"""What a run measures on its way, as curves over its steps."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from aeviz.models import checkpoint, objective
from aeviz.models.base import Loss
from aeviz.models.card import Curve

Numbers = dict[str, float | list[float]]


class Means(BaseModel):
    """Loss terms and metrics, averaged; a vector metric is a list."""

    terms: dict[str, float]
    metrics: Numbers = {}


class Point(BaseModel):
    """One point of the curves.

    train: averaged over the steps since the point before, at the end over as many as that one;
        at step 0, before any, over the first training images.
    validation: after the step, over the same held-out images with the same noise each time.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    step: int
    epoch: float
    train: Means
    validation: Means


def means(losses: list[Loss]) -> Means:
    """The terms and metrics of some losses, each averaged."""

    def mean(kind: str) -> Numbers:
        first = getattr(losses[0], kind)
        return {
            name: torch.stack(objective.alike([getattr(loss, kind)[name] for loss in losses]))
            .mean(0)
            .tolist()
            for name in first
        }

    return Means.model_validate({"terms": mean("terms"), "metrics": mean("metrics")})


def by_term(points: list[Point]) -> dict[str, tuple[np.ndarray, ...]]:
    """Each loss term, and their sum where there is more than one: training, validation (K,)."""
    names = list(points[0].train.terms) if points else []
    return _with_total(
        {
            name: (
                np.array([point.train.terms[name] for point in points]),
                np.array([point.validation.terms[name] for point in points]),
            )
            for name in names
        }
    )


def kept_by_term(curve: Curve) -> dict[str, tuple[np.ndarray, ...]]:
    """The same as a checkpoint keeps it: training alone, (K,)."""
    return _with_total({name: (np.array(values),) for name, values in curve.terms.items()})


def _with_total(terms: dict[str, tuple[np.ndarray, ...]]) -> dict[str, tuple[np.ndarray, ...]]:
    if len(terms) < 2:
        return terms
    return terms | {"total": tuple(np.sum(v, axis=0) for v in zip(*terms.values(), strict=True))}


def to_keep(points: list[Point]) -> Curve | None:
    """What a checkpoint keeps of a run's curves: some 120 of their points at most."""
    after = [point for point in points if point.step > 0]
    kept = after[:: max(len(after) // 60, 1)]
    if not kept:
        return None
    terms = {n: [float(f"{p.train.terms[n]:.4g}") for p in kept] for n in kept[0].train.terms}
    return Curve(steps=[point.step for point in kept], terms=terms)


def measured(card: checkpoint.Card) -> str:
    """The figures of a card as a person reads them; empty where it has none."""
    shown = (("mse", "MSE", ".4f", ""), ("psnr", "PSNR", ".1f", " dB"))
    shown = (*shown, ("bce", "cross-entropy", ".3f", " nats a pixel"))
    found = card.figures
    apart = {k: f" ± {error:.1g}" for k, error in card.errors.items()}
    parts = [
        f"{text} **{found[k]:{how}}{apart.get(k, '')}{unit}**"
        for k, text, how, unit in shown
        if k in found
    ]
    return f"On all test images: {', '.join(parts)}." if parts else ""
