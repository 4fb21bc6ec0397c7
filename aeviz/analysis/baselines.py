"""What codes are compared with: pixels, PCA, files; and what was measured beforehand."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel

from aeviz import jobs
from aeviz.analysis import errors, estimate, uses
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.rate import Point
from aeviz.data import datasets
from aeviz.models import checkpoint

KEPT = Path(__file__).parent / "measured" / "uses.json"
QUALITIES = (1, 5, 10, 20, 40, 60, 80, 90)
"""Of JPEG files, on Pillow's scale up to 95."""


class References(BaseModel):
    """What a code is compared with: pixels as they are, PCA by width, files by their format.

    There are no files where images have several channels.
    """

    pixels: dict[str, Estimate]
    linear: dict[int, uses.Use]
    files: dict[str, list[Point]]

    @property
    def best_linear(self) -> list[tuple[int, Point]]:
        """PCA at its best width for each size, with the width, small ones first.

        Of all widths and steps those that are the best of their size on held-out images.
        """
        found = [(width, point) for width, use in self.linear.items() for point in use.points]
        return [found[k] for k in frontier([point.held_out or (0, 0) for _, point in found])]


def widths(dataset: datasets.Dataset) -> list[int]:
    """Of PCA: powers of two, the widths of pretrained codes, and all pixels."""
    pixels = math.prod(dataset.shape)
    powers = [2**k for k in range(pixels.bit_length() - 1)]
    cards = checkpoint.pretrained().values()
    codes = [min(card.config.code_dim(dataset.shape), pixels) for card in cards]
    return sorted({*powers, *codes, pixels})


def frontier(found: list[tuple[float, float]]) -> list[int]:
    """Which (size, error) are better than all smaller ones, small ones first."""
    best: list[int] = []
    for k in sorted(range(len(found)), key=found.__getitem__):
        if not best or found[k][1] < found[best[-1]][1]:
            best.append(k)
    return best


# -- files -------------------------------------------------------------------------------------

JPEG, SCAN, PNG = "JPEG", "JPEG without its header", "PNG"


def encoded(image: np.ndarray, kind: str, **options: Any) -> bytes:
    """An image (H, W) uint8 as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def scan_length(jpeg: bytes) -> int:
    """Bytes of a JPEG file's pixels alone, without the tables before them and the end mark."""
    start = jpeg.index(b"\xff\xda")  # start of scan; the next two bytes are its header's length
    return len(jpeg) - (start + 2 + int.from_bytes(jpeg[start + 2 : start + 4])) - 2


def files(dataset: datasets.Dataset) -> dict[str, list[Point]]:
    """Size and MSE of grey test images as files, each as small as Pillow makes it.

    Without its header: with the tables that are the same in every file, which the receiver needs
    once and not with each of many.
    """
    images = dataset.test_images
    if dataset.shape[0] > 1:
        return {}
    found: dict[str, list[Point]] = {JPEG: [], SCAN: []}
    for quality in QUALITIES:
        small = [encoded(x, "JPEG", quality=quality, optimize=True) for x in images]
        plain = [encoded(x, "JPEG", quality=quality) for x in images]
        decoded = np.stack([np.asarray(Image.open(io.BytesIO(content))) for content in small])
        mse = estimate.mean(errors.mse(images, decoded))
        scans = [*map(scan_length, plain)]
        found[JPEG].append(_file([*map(len, small)], mse))
        found[SCAN].append(_file(scans, mse, len(plain[0]) - scans[0]))
    lossless = [len(encoded(x, "PNG", optimize=True)) for x in images]
    found[PNG] = [_file(lossless, Estimate(0.0, 0.0))]
    return found


def _file(sizes: list[int], mse: Estimate, once: int = 0) -> Point:
    return Point(step=None, size=estimate.mean(np.array(sizes)), mse=mse, decoder=once)


# -- what a code costs beside them --------------------------------------------------------------


@dataclass(frozen=True)
class Price:
    """What storing images costs: bytes of each, and bytes that the receiver needs once."""

    size: Estimate
    once: float


def price_for(mse: float, points: list[Point]) -> Price | None:
    """What it costs to reach an MSE with a curve of points; None if it never does.

    Between two points both run evenly in logarithms. What is both larger and worse does not count.
    """
    best = [points[k] for k in frontier([(p.size.value, p.mse.value) for p in points])]
    if not best or best[-1].mse.value > mse:
        return None
    if best[0].mse.value <= mse:
        return Price(best[0].size, best[0].decoder)
    at, known = math.log(mse), np.log([point.mse.value for point in best[::-1]])

    def between(values: list[float]) -> float:
        return float(np.interp(at, known, values[::-1]))

    size = math.exp(between([math.log(point.size.value) for point in best]))
    error = between([point.size.error for point in best])
    return Price(Estimate(size, error), between([point.decoder for point in best]))


def pays_off(point: Point, other: Price) -> float | None:
    """Beyond how many images a code takes less than another with all that the receiver needs.

    None where it never does.
    """
    if point.size.value >= other.size.value:
        return None
    return max(point.decoder - other.once, 0) / (other.size.value - point.size.value)


def finding(title: str, use: uses.Use, references: References) -> str:
    """What a model's chosen point costs beside what else reaches its error, in three sentences."""
    point, mse = use.point, use.point.mse.value
    linear = price_for(mse, [point for _, point in references.best_linear])
    rest, against = ["PCA does not come as near"], {"PCA": linear}
    if linear is not None:
        rest = [f"PCA needs {linear.size.brief()} bytes for that"]
    for name, files in references.files.items():
        if name != PNG:
            against[name] = price = price_for(mse, files)
            least = price and price.size == min((p.size for p in files), key=lambda s: s.value)
            needs = f"{price.size.value:.0f}" if price else "more than its best has"
            rest.append(f"{name} {'at least ' if least else ''}{needs}")
    return (
        f"**{title}** stores an image in **{point.size.brief()} bytes** at "
        f"{estimate.psnr(point.mse).said('.2f')} dB. {', '.join(rest)}. "
        f"{_once(point, against)}"
    )


def _once(point: Point, against: dict[str, Price | None]) -> str:
    """From how many images on the decoder is worth its bytes."""
    said = []
    for name, price in against.items():
        if price is not None:
            n = pays_off(point, price)
            when = "never" if n is None else f"beyond {n:,.0f} images" if n >= 1 else "at once"
            said.append(f"against {name} {when}")
    needs = f"The receiver needs {point.decoder / 1000:,.0f} kB once"
    return f"{needs}, which pays off {', '.join(said)}." if said else f"{needs}."


def references(
    dataset: datasets.Dataset, progress: jobs.Progress = lambda done, phase: None
) -> References:
    """Pixels, PCA and files of a data set."""
    progress(0.0, "Pixels")
    flat = [
        datasets.to_float(x).reshape(len(x), -1)
        for x in (dataset.train_images[: -dataset.held_out], dataset.test_images)
    ]
    pixels = uses.tell_apart(flat[0][uses.draw(uses.CODES, len(flat[0]))], flat[1], dataset)
    linear, all_widths = {}, widths(dataset)
    for k, width in enumerate(all_widths):
        progress((k + 1) / (len(all_widths) + 2), f"PCA, {width} components")
        linear[width] = uses.measure(uses.of_pca(dataset, width), dataset)
    progress(1 - 1 / (len(all_widths) + 2), "Files")
    return References(pixels=pixels, linear=linear, files=files(dataset))


# -- what is kept ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """What was measured beforehand on MNIST: references, and pretrained models by name."""

    references: References
    models: dict[str, uses.Use]


def kept(path: Path = KEPT) -> Kept:
    """What was measured beforehand, of those checkpoints whose file is still the same."""
    found = json.loads(path.read_text(encoding="utf-8"))
    models = {
        name: uses.Use.model_validate(entry["use"])
        for name, entry in found["models"].items()
        if entry["sha256"] == checkpoint.digest(name)
    }
    return Kept(References.model_validate(found["references"]), models)


# -- measured when asked -----------------------------------------------------------------------


def _compute(_: bytes, data_name: str, progress: jobs.Progress) -> References:
    return references(datasets.load(data_name), progress=progress)


KIND = jobs.Kind("Uses of a code", "aeviz.analysis.baselines", uses.folder, References, _compute)


def job(dataset: datasets.Dataset) -> jobs.Job:
    """The measurement of pixels, PCA and files of a data set."""
    return KIND.job(b"", (dataset.name,), uses.settings(dataset))


def get(dataset: datasets.Dataset) -> References | None:
    """Pixels, PCA and files of a data set, where they were measured."""
    return KIND.read(job(dataset))


def start(dataset: datasets.Dataset, *, retry: bool = False) -> None:
    """Begin to measure them; returns at once."""
    jobs.start(job(dataset), bytes, retry=retry)


if __name__ == "__main__":
    KIND.main()
