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
from aeviz.analysis import errors, uses
from aeviz.data import datasets
from aeviz.models import checkpoint

KEPT = Path(__file__).parent / "measured" / "uses.json"
WIDTHS = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 392, 784)
"""Of PCA: its curve, and all widths that pretrained models' codes have."""
QUALITIES = (1, 5, 10, 20, 40, 60, 80, 90)
"""Of JPEG files, on Pillow's scale up to 95."""


class References(BaseModel):
    """What a code is compared with: pixels as they are, PCA by width, files by their format."""

    pixels: dict[str, float]
    linear: dict[int, uses.Use]
    files: dict[str, list[uses.Point]]


# -- files -------------------------------------------------------------------------------------

JPEG, SCAN, PNG = "JPEG", "JPEG without its header", "PNG"


def encoded(image: np.ndarray, kind: str, **options: Any) -> bytes:
    """An image (28, 28) uint8 as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def scan_length(jpeg: bytes) -> int:
    """Bytes of a JPEG file's pixels alone, without the tables before them and the end mark."""
    start = jpeg.index(b"\xff\xda")  # start of scan; the next two bytes are its header's length
    return len(jpeg) - (start + 2 + int.from_bytes(jpeg[start + 2 : start + 4])) - 2


def files(dataset: datasets.Dataset) -> dict[str, list[uses.Point]]:
    """Size and MSE of test images as files, each as small as Pillow makes it.

    Without its header: with the tables that are the same in every file, which need not be kept
    with each of many.
    """
    images = dataset.test_images
    found: dict[str, list[uses.Point]] = {JPEG: [], SCAN: []}
    for quality in QUALITIES:
        small = [encoded(x, "JPEG", quality=quality, optimize=True) for x in images]
        plain = [encoded(x, "JPEG", quality=quality) for x in images]
        decoded = np.stack([np.asarray(Image.open(io.BytesIO(content))) for content in small])
        mse = float(errors.mse(images, decoded).mean(dtype=np.float64))
        for name, sizes in ((JPEG, map(len, small)), (SCAN, map(scan_length, plain))):
            found[name].append(uses.Point(bits=None, size=float(np.mean([*sizes])), mse=mse))
    lossless = float(np.mean([len(encoded(x, "PNG", optimize=True)) for x in images]))
    found[PNG] = [uses.Point(bits=None, size=lossless, mse=0.0)]
    return found


def size_for(mse: float, points: list[uses.Point]) -> float | None:
    """Bytes at which a curve of points reaches an MSE; None if it never does.

    Between two points both run evenly in logarithms. What is both larger and worse does not count.
    """
    best: list[uses.Point] = []
    for point in sorted(points, key=lambda p: p.size):
        if not best or point.mse < best[-1].mse:
            best.append(point)
    if not best or best[-1].mse > mse:
        return None
    if best[0].mse <= mse:
        return best[0].size
    errors, sizes = (np.log([getattr(p, what) for p in best[::-1]]) for what in ("mse", "size"))
    return float(np.exp(np.interp(math.log(mse), errors, sizes)))


def finding(title: str, use: uses.Use, references: References) -> str:
    """What a model's chosen point costs beside what else reaches its error, in two sentences."""
    point, how = use.point, ""
    if point.bits:
        written = use.numbers * point.bits / 8
        which = f"each of {use.numbers:,} latent dimensions"
        if point.size < written:
            which = "each value that is not 0, and which those are"
        elif point.size > written:
            which += ", and the class"
        how = f" ({point.bits} bits for {which})"
    said = (
        f"**{title}** stores an image in **{point.size:.1f} bytes**{how} at "
        f"{errors.psnr(point.mse):.1f} dB."
    )
    linear = size_for(point.mse, [found.point for found in references.linear.values()])
    rest = [
        "PCA does not come as near" if linear is None else f"PCA needs {linear:.1f} bytes for that"
    ]
    for name in (JPEG, SCAN):
        size = size_for(point.mse, references.files[name])
        least = size == min(p.size for p in references.files[name])
        needs = f"{'at least ' * least}{size:.0f}" if size else "more than its best has"
        rest.append(f"{name} {needs}")
    return f"{said} {', '.join(rest)}."


def references(
    dataset: datasets.Dataset,
    widths: tuple[int, ...] = WIDTHS,
    progress: jobs.Progress = lambda done, phase: None,
) -> References:
    """Pixels, PCA and files of a data set."""
    progress(0.0, "Pixels")
    flat = [
        datasets.to_float(x).reshape(len(x), -1)
        for x in (dataset.train_images[: -dataset.held_out], dataset.test_images)
    ]
    pixels = uses.tell_apart(flat[0][uses.draw(uses.CODES, len(flat[0]))], flat[1], dataset)
    linear = {}
    for k, width in enumerate(widths):
        progress((k + 1) / (len(widths) + 2), f"PCA, {width} components")
        linear[width] = uses.measure(uses.of_pca(dataset, width), dataset)
    progress(1 - 1 / (len(widths) + 2), "Files")
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
