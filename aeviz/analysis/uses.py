"""What a code is good for: classes told apart with it, and bytes spent for a copy.

`start` measures a model in a process of its own, `progress` says how far it is, `get` gives the
result. Those of the shipped models on MNIST are kept in uses.json, written by
`python -m benchmarks.uses`.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict
from scipy.special import gammaln

from aeviz import jobs
from aeviz.analysis import errors, neighbours, probe
from aeviz.analysis.codec import Codec, of_model, of_pca
from aeviz.data import datasets
from aeviz.models import checkpoint

KEPT = Path(__file__).parent / "measured" / "uses.json"
CODES = 10_000
"""So many training images are encoded; probe, neighbours and clusters are fitted to their codes."""
SAMPLE = 2_000
"""So many test images are looked at for trustworthiness, and as many held-out ones for choosing
the bits of a number."""
SEED = 0
CLUSTERS = 10
RESTARTS: dict[str, Any] = {"n_init": 4}
NEIGHBOURS = 5
PIXELS = 28 * 28
"""Bytes of a picture, one for each pixel."""
BITS = (1, 2, 3, 4, 5, 6, 7, 8, 10)
SLACK = 1.05
"""A number gets the fewest bits with which the MSE rises by no more than this factor."""
LABEL_BITS = math.log2(10)
WIDTHS = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 392, 784)
"""Of PCA: its curve, and all widths that shipped codes have."""
QUALITIES = (1, 5, 10, 20, 40, 60, 80, 90)
"""Of JPEG files, on Pillow's scale up to 95."""

Progress = Callable[[float, str], None]


class Point(BaseModel):
    """One way to store a picture: bits for each number, bytes for a picture, MSE of its copy.

    Bytes are a mean, and no whole number: pictures are stored one behind the other.
    """

    model_config = ConfigDict(frozen=True)

    bits: int | None
    """None where no number is rounded."""
    size: float
    mse: float


class Use(BaseModel):
    """What a code is good for.

    numbers: width of the code; figures: see `tell_apart`; points: rate and distortion on test
    images, from few bits to many; chosen: which of them is taken, on held-out images.
    """

    numbers: int
    figures: dict[str, float]
    points: list[Point]
    chosen: int

    @property
    def point(self) -> Point:
        """The chosen point."""
        return self.points[self.chosen]


class References(BaseModel):
    """What a code is compared with: pixels as they are, PCA by width, files by their format."""

    pixels: dict[str, float]
    linear: dict[int, Use]
    files: dict[str, list[Point]]


# -- what is compared: a code and a way back ----------------------------------------------------


def coded(codec: Codec, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Codes (N, D) of images and the labels (N,) that belong to them; None where none do."""
    labels = codec.classify(images)
    return codec.encode(images, labels), labels


# -- classes -----------------------------------------------------------------------------------


def v_measure(codes: np.ndarray, queries: np.ndarray, labels: np.ndarray) -> float:
    """How well k-means finds the classes by itself, from 0 to 1.

    Ten clusters of codes (N, D), to which queries (M, D) with labels (M,) are then assigned; the
    harmonic mean of homogeneity and completeness of that.

    Source: Rosenberg & Hirschberg 2007, EMNLP, eq. 1 to 3.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import v_measure_score

    clusters = KMeans(CLUSTERS, random_state=SEED, **RESTARTS).fit(codes).predict(queries)
    return float(v_measure_score(labels, clusters))


def trustworthiness(images: np.ndarray, codes: np.ndarray) -> float:
    """How far neighbours in code space are neighbours among pixels too, from 0 to 1.

    Args:
        images: (N, 28, 28).
        codes: (N, D).

    Source: Venna & Kaski 2001, ICANN; five neighbours.
    """
    from sklearn import manifold

    pixels = datasets.to_float(images).reshape(len(images), -1)
    return float(manifold.trustworthiness(pixels, codes, n_neighbors=NEIGHBOURS))


def draw(count: int, size: int) -> np.ndarray:
    """Which images are looked at: so many of a size, drawn once, in rising order."""
    chosen = np.random.default_rng(SEED).permutation(size)[:count]
    return np.sort(chosen)


def tell_apart(
    train_codes: np.ndarray,
    test_codes: np.ndarray,
    dataset: datasets.Dataset,
    progress: Progress = lambda done, phase: None,
) -> dict[str, float]:
    """Probe and 5-NN accuracy, V-measure and trustworthiness of codes.

    Args:
        train_codes: of the training images `draw(CODES, ...)` names among those not held out.
        test_codes: of all test images.
    """
    labels = dataset.train_labels[: -dataset.held_out]
    labels = labels[draw(CODES, len(labels))]
    both = train_codes, labels, test_codes, dataset.test_labels
    progress(0.0, "Training the probe")
    found = {"probe_accuracy": probe.linear_probe(*both)}
    progress(0.4, "Finding neighbours")
    found["neighbour_accuracy"] = neighbours.neighbour_accuracy(*both)
    progress(0.6, "Looking for clusters")
    found["v_measure"] = v_measure(train_codes, test_codes, dataset.test_labels)
    progress(0.8, "Comparing neighbourhoods")
    some = draw(SAMPLE, len(test_codes))
    found["trustworthiness"] = trustworthiness(dataset.test_images[some], test_codes[some])
    return found


# -- bytes -------------------------------------------------------------------------------------


def quantise(codes: np.ndarray, low: np.ndarray, high: np.ndarray, bits: int) -> np.ndarray:
    """Codes (N, D) rounded to the middles of 2^bits equal steps from low (D,) to high (D,).

    What lies outside is taken for the nearest step.

    Source: Gray & Neuhoff 1998, IEEE Trans. Inf. Theory 44:2325, section I.
    """
    steps = 2**bits
    size = (high - low) / steps
    index = np.floor((codes - low) / np.where(size > 0, size, 1)).clip(0, steps - 1)
    return (low + (index + 0.5) * size).astype(np.float32)


def listed_bits(codes: np.ndarray, bits: int) -> float:
    """Bits of a picture, mean over codes (N, D), where only numbers other than 0 are written.

    Which ones those are costs log2 C(D, n), and that there are n of them log2 (D + 1).
    """
    width, n = codes.shape[1], np.count_nonzero(codes, axis=1)
    which = (gammaln(width + 1) - gammaln(n + 1) - gammaln(width - n + 1)) / math.log(2)
    return float((math.log2(width + 1) + which + n * bits).mean())


def squeeze(
    codes: np.ndarray, low: np.ndarray, high: np.ndarray, bits: int
) -> tuple[np.ndarray, float]:
    """Rounded codes (N, D), and the bits of one, mean over them.

    All D numbers are written, or only those that are not 0, whichever is shorter; zeros then stay.
    """
    rounded, written = quantise(codes, low, high, bits), float(codes.shape[1] * bits)
    listed = listed_bits(codes, bits)
    return (np.where(codes == 0, 0, rounded), listed) if listed < written else (rounded, written)


def rate_distortion(
    codec: Codec, dataset: datasets.Dataset, low: np.ndarray, high: np.ndarray
) -> tuple[list[Point], int]:
    """Size and MSE of copies of test images for each number of bits, and which of them to take.

    That is the fewest with which the MSE of held-out images is within 5 % of what it is without
    rounding.

    Args:
        low: smallest value of each number among training codes (D,).
        high: largest.
    """
    images = dataset.test_images
    codes, labels = coded(codec, images)
    spelt = 0.0 if labels is None else LABEL_BITS

    def error(x: np.ndarray, rounded: np.ndarray, given: np.ndarray | None) -> float:
        return float(errors.mse(x, codec.decode(rounded, given)).mean(dtype=np.float64))

    if codec.symbols is not None:
        size = (codec.symbols + spelt) / 8
        return [Point(bits=None, size=size, mse=error(images, codes, labels))], 0
    held_out = dataset.train_images[-dataset.held_out :]
    held_out = held_out[draw(SAMPLE, len(held_out))]
    held_codes, held_labels = coded(codec, held_out)
    exact = error(held_out, held_codes, held_labels)
    points, chosen = [], None
    for k, bits in enumerate(BITS):
        rounded, spent = squeeze(codes, low, high, bits)
        mse = error(images, rounded, labels)
        points.append(Point(bits=bits, size=(spent + spelt) / 8, mse=mse))
        if chosen is None:
            rounded, _ = squeeze(held_codes, low, high, bits)
            if error(held_out, rounded, held_labels) <= SLACK * exact:
                chosen = k
    return points, len(BITS) - 1 if chosen is None else chosen


def measure(
    codec: Codec, dataset: datasets.Dataset, progress: Progress = lambda done, phase: None
) -> Use:
    """All that is measured of a code."""
    progress(0.0, "Encoding the pictures")
    images = dataset.train_images[: -dataset.held_out]
    train_codes = codec.encode(images[draw(CODES, len(images))])
    test_codes = codec.encode(dataset.test_images)
    figures = tell_apart(
        train_codes, test_codes, dataset, lambda done, phase: progress(0.1 + 0.5 * done, phase)
    )
    progress(0.6, "Rounding the codes")
    points, chosen = rate_distortion(codec, dataset, train_codes.min(0), train_codes.max(0))
    return Use(numbers=train_codes.shape[1], figures=figures, points=points, chosen=chosen)


# -- files -------------------------------------------------------------------------------------

JPEG, SCAN, PNG = "JPEG", "JPEG without its header", "PNG"


def encoded(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    """A picture (28, 28) uint8 as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def scan_length(jpeg: bytes) -> int:
    """Bytes of a JPEG file's pixels alone, without the tables before them and the end mark."""
    start = jpeg.index(b"\xff\xda")  # start of scan; the next two bytes are its header's length
    return len(jpeg) - (start + 2 + int.from_bytes(jpeg[start + 2 : start + 4])) - 2


def files(dataset: datasets.Dataset) -> dict[str, list[Point]]:
    """Size and MSE of test images as files, each as small as Pillow makes it.

    Without its header: with the tables that are the same in every file, which need not be kept
    with each of many.
    """
    images = dataset.test_images
    found: dict[str, list[Point]] = {JPEG: [], SCAN: []}
    for quality in QUALITIES:
        small = [encoded(x, "JPEG", quality=quality, optimize=True) for x in images]
        plain = [encoded(x, "JPEG", quality=quality) for x in images]
        copies = np.stack([np.asarray(Image.open(io.BytesIO(content))) for content in small])
        mse = float(errors.mse(images, copies).mean(dtype=np.float64))
        for name, sizes in ((JPEG, map(len, small)), (SCAN, map(scan_length, plain))):
            found[name].append(Point(bits=None, size=float(np.mean([*sizes])), mse=mse))
    lossless = float(np.mean([len(encoded(x, "PNG", optimize=True)) for x in images]))
    found[PNG] = [Point(bits=None, size=lossless, mse=0.0)]
    return found


def size_for(mse: float, points: list[Point]) -> float | None:
    """Bytes at which a curve of points reaches an MSE; None if it never does.

    Between two points both run evenly in logarithms. What is both larger and worse does not count.
    """
    best: list[Point] = []
    for point in sorted(points, key=lambda p: p.size):
        if not best or point.mse < best[-1].mse:
            best.append(point)
    if not best or best[-1].mse > mse:
        return None
    if best[0].mse <= mse:
        return best[0].size
    errors, sizes = (np.log([getattr(p, what) for p in best[::-1]]) for what in ("mse", "size"))
    return float(np.exp(np.interp(math.log(mse), errors, sizes)))


def finding(title: str, use: Use, references: References) -> str:
    """What a model's chosen point costs beside what else reaches its error, in two sentences."""
    point, how = use.point, ""
    if point.bits:
        written = use.numbers * point.bits / 8
        which = f"each of {use.numbers:,} numbers"
        if point.size < written:
            which = "each number that is not 0, and which those are"
        elif point.size > written:
            which += ", and the class"
        how = f" ({point.bits} bits for {which})"
    said = (
        f"**{title}** keeps a picture in **{point.size:.1f} bytes**{how} at "
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
    progress: Progress = lambda done, phase: None,
) -> References:
    """Pixels, PCA and files of a data set."""
    progress(0.0, "Pixels")
    flat = [
        datasets.to_float(x).reshape(len(x), -1)
        for x in (dataset.train_images[: -dataset.held_out], dataset.test_images)
    ]
    pixels = tell_apart(flat[0][draw(CODES, len(flat[0]))], flat[1], dataset)
    linear = {}
    for k, width in enumerate(widths):
        progress((k + 1) / (len(widths) + 2), f"PCA, {width} numbers")
        linear[width] = measure(of_pca(dataset, width), dataset)
    progress(1 - 1 / (len(widths) + 2), "Files")
    return References(pixels=pixels, linear=linear, files=files(dataset))


# -- what is kept ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """What was measured beforehand on MNIST: references, and shipped models by name."""

    references: References
    models: dict[str, Use]


def kept(path: Path = KEPT) -> Kept:
    """What was measured beforehand, of those checkpoints whose file is still the same."""
    found = json.loads(path.read_text(encoding="utf-8"))
    models = {
        name: Use.model_validate(entry["use"])
        for name, entry in found["models"].items()
        if entry["sha256"] == checkpoint.digest(name)
    }
    return Kept(References.model_validate(found["references"]), models)


# -- measured when asked -----------------------------------------------------------------------


class Measured(BaseModel):
    """A model's code, and PCA's at the same width."""

    use: Use
    linear: Use


def job(data_name: str, content: bytes = b"") -> jobs.Job:
    """The measurement of a checkpoint on a data set; without bytes, of pixels, PCA and files."""
    digest = hashlib.sha256(repr((data_name, CODES, SAMPLE, BITS, SEED)).encode())
    digest.update(content)
    path = datasets.cache_folder() / "uses" / digest.hexdigest()[:20]
    return _job_at(path, data_name)


def _job_at(path: Path, data_name: str) -> jobs.Job:
    return jobs.Job(path, "Uses of a code", "aeviz.analysis.uses", (data_name,), ".result.json")


def get(data_name: str, content: bytes) -> Measured | None:
    """What a model is good for, where it was measured."""
    return jobs.read(job(data_name, content), Measured.model_validate_json)


def get_references(data_name: str) -> References | None:
    """Pixels, PCA and files of a data set, where they were measured."""
    return jobs.read(job(data_name), References.model_validate_json)


def start(data_name: str, content: bytes = b"", *, retry: bool = False) -> None:
    """Begin to measure the bytes of a checkpoint, or what it is compared with; returns at once."""
    jobs.start(job(data_name, content), lambda: content, retry=retry)


def main() -> None:
    """Compute one job: `python -m aeviz.analysis.uses <data> <job>`, called by `start`."""
    data_name = sys.argv[1]
    this = _job_at(Path(sys.argv[2]), data_name)

    def compute(content: bytes) -> bytes:
        dataset = datasets.load(data_name)

        def progress(done: float, phase: str) -> None:
            jobs.report(this, done, phase)

        if not content:
            return references(dataset, progress=progress).model_dump_json().encode()
        model = checkpoint.from_bytes(content)
        use = measure(of_model(model), dataset, lambda done, phase: progress(0.8 * done, phase))
        width = min(use.numbers, PIXELS)
        linear = measure(
            of_pca(dataset, width),
            dataset,
            lambda done, _: progress(0.8 + 0.2 * done, "PCA for comparison"),
        )
        return Measured(use=use, linear=linear).model_dump_json().encode()

    jobs.work(this, compute)


if __name__ == "__main__":
    main()
