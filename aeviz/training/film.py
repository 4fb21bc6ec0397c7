"""What a run remembers of its way: frames, from which its film is played without the model.

A frame is a little-endian uint32, the length of a header; the header, JSON in UTF-8, padded with
spaces to a multiple of four bytes; and arrays one after the other, as the header says.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aeviz import files
from aeviz.analysis import planes
from aeviz.models import apply
from aeviz.models.base import Autoencoder
from aeviz.training import place, spacing
from aeviz.training.curves import Numbers
from aeviz.training.preview import Preview, first_of_each

VERSION = 1
GRID = 16
"""Tiles along each side of the map."""
SAMPLES = 10
PER_DOUBLING = 8
"""Frames that are kept for each doubling of the steps."""
BYTES = 30_000_000
"""So many the frames of one run may take."""
ARRAYS = ("points", "reconstructions", "samples", "tiles")
Extent = tuple[float, float, float, float]
"""Left, right, bottom, top, in units of the code."""


class FrameError(ValueError):
    """Bytes are no frame; one sentence."""


@dataclass(frozen=True)
class Frame:
    """A run at a step.

    points: (2000, 2) float32, the codes of the first test images on the map.
    extent: what the map shows, which only grows; equal: both axes have one scale.
    tiles: (16 h, 16 w) uint8, images of half the size decoded at the centres of a grid over the
        extent, the first row at its top; None where the plane cannot be decoded.
    digits: (10,) indices of the test images that are reconstructed, one of each class.
    reconstructions: (10, H, W) uint8.
    samples: (10, H, W) uint8, decoded from the same draws of the prior each time; None without one.
    train, validation: loss terms as last measured, metrics as well, after `measured` steps.
    gradients: norm of the last step's gradient, for each layer by its name.
    """

    step: int
    epoch: float
    points: np.ndarray
    extent: Extent
    equal: bool
    axis_titles: tuple[str, str]
    digits: np.ndarray
    reconstructions: np.ndarray
    samples: np.ndarray | None
    tiles: np.ndarray | None
    measured: int = 0
    train: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    metrics: Numbers = field(default_factory=dict)
    gradients: dict[str, float] = field(default_factory=dict)


# -- making one ---------------------------------------------------------------------------------


def frame(
    model: Autoencoder,
    seen: Preview,
    plane: planes.Plane,
    labels: np.ndarray,
    epoch: float,
    before: Extent | None,
    **measured: Any,
) -> Frame:
    """What a model does now, from a look at the test images.

    Args:
        plane: of the look's map.
        labels: of all test images (N,).
        before: what the map showed in the frame before.
        measured: the fields of a Frame that are not seen but measured.
    """
    extent = grown(planes.window_of(seen.points, equal=plane.equal), before, plane.equal)
    return Frame(
        step=seen.step,
        epoch=epoch,
        points=seen.points,
        extent=extent,
        equal=plane.equal,
        axis_titles=seen.axis_titles,
        digits=first_of_each(labels),
        reconstructions=seen.reconstructions,
        samples=samples(model),
        tiles=tiles(model, plane, extent),
        gradients=gradients(model),
        **measured,
    )


def grown(now: Extent, before: Extent | None, equal: bool) -> Extent:
    """An extent that holds both; a square where both axes have one scale."""
    if before is None:
        return now
    x0, x1 = min(now[0], before[0]), max(now[1], before[1])
    y0, y1 = min(now[2], before[2]), max(now[3], before[3])
    if equal:
        half = max(x1 - x0, y1 - y0) / 2
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        x0, x1, y0, y1 = x - half, x + half, y - half, y + half
    return x0, x1, y0, y1


def tiles(model: Autoencoder, plane: planes.Plane, extent: Extent) -> np.ndarray | None:
    """A sheet (16 h, 16 w) uint8 of images of half the size over an extent of the map."""
    if not plane.exact:
        return None
    x0, x1, y0, y1 = extent
    along = (np.arange(GRID) + 0.5) / GRID
    x, y = np.meshgrid(x0 + (x1 - x0) * along, y1 - (y1 - y0) * along)
    codes = plane.lift(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
    images = apply.decode(model, codes)
    h, w = (side // 2 for side in images.shape[-2:])
    small = images[:, : 2 * h, : 2 * w].reshape(GRID, GRID, h, 2, w, 2).mean((3, 5))
    return _bytes(small.transpose(0, 2, 1, 3).reshape(GRID * h, GRID * w))


def samples(model: Autoencoder) -> np.ndarray | None:
    """Ten images (10, H, W) uint8 of the same draws from the prior each time; None without one."""
    learned = type(model).finish is not Autoencoder.finish and not model.gaussian_prior
    if learned:  # after training, from the codes: there is no prior yet
        return None
    with torch.no_grad():
        codes = model.sample_prior(SAMPLES, generator=torch.Generator().manual_seed(0))
    if codes is None:
        return None
    labels = np.arange(SAMPLES) % model.classes
    return _bytes(apply.decode(model, codes.cpu().numpy(), labels))


def gradients(model: Autoencoder) -> dict[str, float]:
    """Norm of the last step's gradient, for each layer by the name of its module."""
    squares: dict[str, list[torch.Tensor]] = {}
    for name, weight in model.named_parameters():
        if weight.grad is not None:
            layer = name.rpartition(".")[0] or name
            squares.setdefault(layer, []).append(weight.grad.norm())
    return {layer: torch.stack(norms).norm().item() for layer, norms in squares.items()}


def _bytes(images: np.ndarray) -> np.ndarray:
    return np.round(images * 255).astype(np.uint8)


# -- as bytes -----------------------------------------------------------------------------------


def to_bytes(frame: Frame) -> bytes:
    """A frame as the bytes of a file."""
    low, high = frame.points.min(0), frame.points.max(0)
    spread = np.maximum(high - low, 1e-9)  # also where all are one point
    whole = {
        "points": np.round((frame.points - low) / spread * 65535).astype("<u2"),
        **{name: getattr(frame, name) for name in ARRAYS[1:]},
    }
    described, parts, offset = [], [], 0
    for name, array in whole.items():
        if array is None:
            continue
        content = np.ascontiguousarray(array).tobytes()
        dtype = "uint16" if name == "points" else "uint8"
        described.append(
            {"name": name, "dtype": dtype, "shape": list(array.shape), "offset": offset}
        )
        parts.append(content)
        offset += len(content)
    body = b"".join(parts)
    header = {
        "version": VERSION,
        "step": frame.step,
        "epoch": frame.epoch,
        "extent": list(frame.extent),
        "equal": frame.equal,
        "box": [float(low[0]), float(high[0]), float(low[1]), float(high[1])],
        "axis_titles": list(frame.axis_titles),
        "grid": GRID,
        "digits": frame.digits.tolist(),
        "measured": frame.measured,
        **{kind: _finite(getattr(frame, kind)) for kind in MEASURED},
        "arrays": described,
        "crc32": zlib.crc32(body),
    }
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text + body


MEASURED = ("train", "validation", "metrics", "gradients")


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Without infinities and NaN, for which JSON has no name: null."""

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(v) for v in value]
        return value if math.isfinite(value) else None

    return {name: one(value) for name, value in values.items()}


def from_bytes(content: bytes) -> Frame:
    """A frame from the bytes of a file.

    Raises:
        FrameError: they are damaged, or of another version.
    """
    try:
        (length,) = struct.unpack_from("<I", content)
        header = json.loads(content[4 : 4 + length])
        body = content[4 + length :]
        if header["version"] != VERSION or zlib.crc32(body) != header["crc32"]:
            raise ValueError("version or content")
        return _read(header, body)
    except (ValueError, KeyError, TypeError, IndexError, struct.error, RecursionError) as error:
        raise FrameError("This frame of the run's film is damaged.") from error


def _read(header: dict[str, Any], body: bytes) -> Frame:
    found: dict[str, np.ndarray] = {}
    for one in header["arrays"]:
        dtype = np.dtype({"uint16": "<u2", "uint8": "u1"}[one["dtype"]])
        count = math.prod(one["shape"])
        found[one["name"]] = np.frombuffer(body, dtype, count, one["offset"]).reshape(one["shape"])
    x0, x1, y0, y1 = map(float, header["box"])
    low, high = np.array([x0, y0]), np.array([x1, y1])
    points = (low + found["points"] / 65535 * (high - low)).astype(np.float32)
    reconstructions = found["reconstructions"]
    digits = np.array(header["digits"], np.int64)
    samples, sheet = found.get("samples"), found.get("tiles")
    left, right, bottom, top = map(float, header["extent"])
    across, up = map(str, header["axis_titles"])
    if (
        points.ndim != 2
        or points.shape[1] != 2
        or reconstructions.ndim != 3
        or digits.shape != reconstructions.shape[:1]
        or (samples is not None and samples.shape[1:] != reconstructions.shape[1:])
        or (sheet is not None and sheet.ndim != 2)
        or not all(isinstance(header[kind], dict) for kind in MEASURED)
        or not np.isfinite([*header["box"], *header["extent"], header["epoch"]]).all()
    ):
        raise ValueError("shapes")
    return Frame(
        step=int(header["step"]),
        epoch=float(header["epoch"]),
        points=points,
        extent=(left, right, bottom, top),
        equal=bool(header["equal"]),
        axis_titles=(across, up),
        digits=digits,
        reconstructions=reconstructions,
        samples=samples,
        tiles=sheet,
        measured=int(header["measured"]),
        **{kind: header[kind] for kind in MEASURED},
    )


# -- in a run's folder --------------------------------------------------------------------------


def paths(run: str) -> dict[int, Path]:
    """The frames of a run, a file for each step."""
    try:
        found = list((place.path_of(run) / "frames").glob("*.frame"))
    except OSError:
        return {}
    return dict(sorted((int(path.stem), path) for path in found if path.stem.isdecimal()))


def steps(run: str) -> list[int]:
    """The steps of which a run has frames, rising; the last one may go when a newer one comes."""
    return list(paths(run))


def read(run: str, after: int = -1, most: int | None = None) -> list[tuple[int, bytes]]:
    """The frames of steps after one, rising, the first `most` of them; each step with its bytes.

    Raises:
        RunError: they cannot be read.
    """
    found = []
    for step, path in [(s, p) for s, p in paths(run).items() if s > after][:most]:
        try:
            found.append((step, files.read(path)))
        except files.MISSING:  # a newer one has taken its place
            continue
        except OSError as error:
            why = files.reason(error)
            raise place.RunError(f"The film of this run cannot be read, since {why}.") from error
    return found


def newest(run: str) -> Frame | None:
    """The last frame of a run that is whole; None where there is none."""
    for path in reversed(paths(run).values()):
        try:
            return from_bytes(files.read(path))
        except (OSError, FrameError):
            continue
    return None


def add(run: str, frame: Frame, per_epoch: int) -> None:
    """Keep a frame, and of the others those that `kept` names.

    Raises:
        OSError: it cannot be written.
    """
    target = place.path_of(run) / "frames" / f"{frame.step}.frame"
    target.parent.mkdir(exist_ok=True)
    files.write(target, to_bytes(frame))
    thin(run, per_epoch)


def thin(run: str, per_epoch: int) -> None:
    """Remove the frames that shall not be kept, see `kept`."""
    found = paths(run)
    if not found:
        return
    try:
        most = BYTES // max(list(found.values())[-1].stat().st_size, 1)
    except OSError:
        return
    for step in found.keys() - set(kept(list(found), per_epoch, most)):
        files.remove(found[step])


def ends_epoch(step: int, per_epoch: int) -> bool:
    """True at the end of each of the first fifty epochs, and of each tenth after them."""
    epoch, rest = divmod(step, per_epoch)
    return rest == 0 and (epoch <= 50 or epoch % 10 == 0)


def kept(steps: Sequence[int], per_epoch: int, most: int) -> list[int]:
    """Which of some steps (rising) stay: the first of each slot, each epoch's, and the last.

    Where there are more than `most`, evenly in the logarithm of the step.
    """
    wanted = {*spacing.firsts(steps, PER_DOUBLING), *steps[-1:]}
    wanted |= {step for step in steps if ends_epoch(step, per_epoch)}
    return spacing.thin(sorted(wanted), most)


def forget_after(run: str, step: int) -> None:
    """Remove the frames of a run after a step, from which it goes on."""
    for at, path in paths(run).items():
        if at > step:
            files.remove(path)
