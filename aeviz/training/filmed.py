"""A run's film as a GIF: evenly along the doublings of its steps, blended between its frames."""

from __future__ import annotations

import numpy as np

from aeviz.charts import moving
from aeviz.charts.moving import Shot, Window
from aeviz.data import datasets
from aeviz.training import film, place, store
from aeviz.training.film import Frame

SHOTS = 90
OUTSIDE, MARGIN, MEMORY = 0.01, 1.3, 4
"""The window holds all but these shares of the codes on each side, with so much room around them,
as they were since this part of the steps: as the film on the page has it."""


def gif(run: str) -> bytes:
    """The film of a run as a GIF.

    Raises:
        RunError: it has none, or it cannot be read.
    """
    frames = [film.from_bytes(content) for _, content in film.read(run)]
    if len(frames) < 2:
        raise place.RunError("This run has no film: train it again to have one.")
    data = datasets.load(store.spec(run).data)
    images, labels = data.test_images[frames[-1].digits], data.test_labels[: len(frames[-1].points)]
    return moving.gif(_shots(frames, images, store.spec(run).title), labels)


def _shots(frames: list[Frame], images: np.ndarray, title: str) -> list[Shot]:
    along = np.log2([1 + frame.step for frame in frames])
    windows = _windows(frames)
    losses = np.array([_loss(frame) for frame in frames])
    finite = losses[np.isfinite(losses)]
    start, best = losses[0], float(finite.min()) if len(finite) else 0.0
    top = 1.6 * float(np.median(finite)) if len(finite) else 1.0
    known = {frame.measured: loss for frame, loss in zip(frames, losses, strict=True)}
    curve = np.array(
        [
            (np.log2(1 + step) / along[-1], loss / top)
            for step, loss in known.items()
            if np.isfinite(loss)
        ]
    )
    shots = []
    for at in np.linspace(0, along[-1], SHOTS):
        k = int(np.clip(np.searchsorted(along, at, "right") - 1, 0, len(frames) - 2))
        a, b = frames[k], frames[k + 1]
        share = float(np.clip((at - along[k]) / max(along[k + 1] - along[k], 1e-9), 0, 1))
        near = a if share < 0.5 else b
        window = tuple((1 - share) * np.array(windows[k]) + share * np.array(windows[k + 1]))
        gained = (start - _loss(near)) / max(start - best, 1e-9)
        rows = [("Test images", images), ("Their reconstructions", _mixed(a, b, share))]
        if near.samples is not None:
            rows.append(("Samples from the prior", near.samples))
        shots.append(
            Shot(
                title=f"{title}: step {near.step:,}",
                points=(1 - share) * a.points + share * b.points,
                window=window,
                tiles=near.tiles,
                extent=near.extent,
                worth=float(np.clip((gained - 0.35) / 0.45, 0, 1)),
                rows=rows,
                curve=curve,
                at=float(at / along[-1]),
            )
        )
    return shots


def _mixed(a: Frame, b: Frame, share: float) -> np.ndarray:
    both = (1 - share) * a.reconstructions.astype(float) + share * b.reconstructions
    return np.round(both).astype(np.uint8)


def _loss(frame: Frame) -> float:
    values = [value for value in frame.validation.values() if value is not None]
    return float(sum(values)) if values else float("nan")


def _windows(frames: list[Frame]) -> list[Window]:
    own = []
    for frame in frames:
        low, high = np.quantile(frame.points, [OUTSIDE, 1 - OUTSIDE], axis=0)
        half = np.maximum(MARGIN * (high - low) / 2, 1e-6)
        half = np.full(2, half.max()) if frame.equal else half
        own.append(np.concatenate([(low + high) / 2 - half, (low + high) / 2 + half]))
    found = []
    for k, frame in enumerate(frames):
        some = [own[j] for j in range(k + 1) if frames[j].step >= frame.step / MEMORY]
        low, high = np.min(some, axis=0)[:2], np.max(some, axis=0)[2:]
        half = (high - low) / 2
        half = np.full(2, half.max()) if frame.equal else half
        (x0, y0), (x1, y1) = (low + high) / 2 - half, (low + high) / 2 + half
        found.append((float(x0), float(x1), float(y0), float(y1)))
    return found
