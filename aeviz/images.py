"""Any picture a person hands in, turned into what MNIST holds: 28 by 28, bright ink on black.

A file comes from a stranger: its size is read before its pixels are, only five formats are tried,
and whatever is wrong with it becomes one sentence in an ImageError.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_BYTES = 15_000_000
MAX_PIXELS = 50_000_000
WORKING_SIDE = 512
"""A picture is made smaller until its longer side has 512 to 1023 pixels: a digit in it still has
many more than the 20 it will get."""
MIN_CONTRAST = 0.06
"""Fainter ink than this share of the way from black to white is no ink."""
MIN_STROKE = 1.6
"""Thinner strokes are made this wide, in pixels of the result: 98 % of MNIST's are wider."""
NEAR = 0.25
"""A part nearer to the main one than this share of its longer side belongs to it: 60 % of what is
apart in MNIST's digits is."""

Picture = bytes | str | Path | Image.Image


class ImageError(Exception):
    """What was handed in is not a picture with something on it; the message is one sentence."""


def to_mnist(picture: Picture) -> np.ndarray:
    """A picture as MNIST would hold it, (28, 28) float32 in [0, 1].

    Args:
        picture: a file's bytes, its path, or a PIL image.

    Raises:
        ImageError: not a picture, damaged, too large, or blank.

    Source: LeCun et al. 1998, Proc. IEEE 86:2278, section III-A: scaled into 20 by 20 with its
        shape kept, grey levels from the scaling, centred by centre of mass in 28 by 28.
    """
    return stages(picture)[-1][1]


def stages(picture: Picture) -> list[tuple[str, np.ndarray]]:
    """The pictures on the way to `to_mnist`, each with its name, float32 in [0, 1].

    Raises:
        ImageError: see `to_mnist`.
    """
    grey = _grey(_shrunk(picture))
    ink = _ink(grey)
    strokes = _strokes(ink)
    return [
        ("grey", grey),
        ("ink", ink),
        ("strokes", strokes),
        ("28 by 28", _centred(_scaled(strokes))),
    ]


# -- from a file to grey pixels ---------------------------------------------------------------


def _shrunk(picture: Picture) -> Image.Image:
    """The first frame, upright, with its longer side below 1024 pixels where it was above."""
    if isinstance(picture, Image.Image):
        _check_size(picture)
        return _upright(picture.copy())
    content = picture if isinstance(picture, bytes) else _read(Path(picture))
    if not content:
        raise ImageError("This file is empty.")
    if len(content) > MAX_BYTES:
        raise ImageError(f"A picture may have at most {MAX_BYTES // 1_000_000} MB.")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(TOO_LARGE) from error
    except Exception as error:  # Pillow's readers raise many kinds on what is not theirs
        raise ImageError(
            "This is not a picture that can be read: use PNG, JPEG, WebP, GIF or BMP."
        ) from error
    _check_size(image)
    try:
        # A JPEG is decoded at a half, a quarter or an eighth of its size, which is much faster.
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
        return _upright(image)
    except Exception as error:  # the same readers, now on the pixels
        raise ImageError("This picture is damaged or cut off.") from error


TOO_LARGE = f"A picture may have at most {MAX_PIXELS // 1_000_000} million pixels."


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(f"There is no file {path.name} that can be read.") from error


def _check_size(image: Image.Image) -> None:
    """Refuse before the pixels are decoded; Pillow by itself only warns up to 179 million."""
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(TOO_LARGE)
    if not image.width * image.height:
        raise ImageError("This picture has no pixels.")


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF tag says, shrunk, on white paper where it is transparent."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # 16 bits or more a pixel
        values = np.nan_to_num(np.asarray(image, np.float32))
        image = Image.fromarray(values / max(float(values.max()), 1.0) * 255)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if (factor := max(image.size) // WORKING_SIDE) > 1:
        image = image.reduce(factor)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode in ("RGB", "RGBA"):
        image = image.convert("L")
    return image


def _grey(image: Image.Image) -> np.ndarray:
    """Brightness (H, W) float32 in [0, 1]."""
    return np.clip(np.asarray(image, np.float32) / 255, 0, 1)


# -- from grey pixels to a digit --------------------------------------------------------------


def _ink(grey: np.ndarray) -> np.ndarray:
    """How far each pixel (H, W) is from the paper around it, in [0, 1]; shadows are gone.

    Dark ink is turned bright first: the border shows what the paper is. Then what is wider than a
    third of the picture is paper (a top hat: Serra 1982), so shadows and table edges vanish.
    """
    rim = max(min(grey.shape) // 20, 1)
    inner = np.zeros(grey.shape, bool)
    inner[rim:-rim, rim:-rim] = True
    paper = np.median(grey[~inner])
    if paper - grey.min() > grey.max() - paper:
        grey = 1 - grey
    return grey - ndimage.grey_opening(grey, max(grey.shape) // 3 + 1, mode="nearest")


def _strokes(ink: np.ndarray) -> np.ndarray:
    """The strokes alone, cropped, 1 inside and falling to 0 over their edges, float32.

    Raises:
        ImageError: there are none.
    """
    threshold = otsu(ink)
    core = ink > threshold
    paper = np.median(ink[~core])
    noise = 1.4826 * np.median(np.abs(ink[~core] - paper))  # of a Gaussian, from its median
    full = np.median(ink[core]) if core.any() else paper
    if full - paper < max(MIN_CONTRAST, 4 * noise):
        raise ImageError("This picture is blank: there is no ink on it.")
    core = _main_parts(core)
    # The antialiased edge of a stroke is one pixel wide; what lies further out is dirt.
    body = ndimage.binary_dilation(core, np.ones((3, 3)))
    low = min(paper + 3 * noise, threshold)
    value = np.where(body, np.clip((ink - low) / (full - low), 0, 1), 0).astype(np.float32)
    rows, columns = np.flatnonzero(value.any(1)), np.flatnonzero(value.any(0))
    value = value[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _thick_enough(value)


def otsu(values: np.ndarray) -> float:
    """The threshold that parts values in [0, 1] into two groups of least variance.

    Source: Otsu 1979, IEEE Trans. SMC 9:62.
    """
    counts, edges = np.histogram(values, 256, (0, 1))
    below = counts.cumsum()
    sums = (counts * np.arange(256)).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[np.nan_to_num(between).argmax() + 1])


def _main_parts(mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) without specks, and without what comes in from the border where it can be.

    A part at the border stays when it is near the others: a stroke of a digit in the corner.
    """
    found: Any = ndimage.label(mask, np.ones((3, 3)))  # scipy's types say int for the pair
    parts, count = found
    area = np.bincount(parts.ravel(), minlength=count + 1)
    area[0] = 0
    border = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    inner = area.copy()
    inner[border] = 0
    if inner.max() > area.max() / 10:
        main = parts == inner.argmax()
        size = max(np.ptp(np.flatnonzero(main.any(axis))) + 1 for axis in (0, 1))
        gap = ndimage.minimum(_to_edge(~main), parts, border)
        area[border[gap > NEAR * size]] = 0
    return (area > area.max() / 30)[parts]


def _to_edge(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) of each pixel of a mask to the nearest one outside it, in pixels."""
    distances = ndimage.distance_transform_edt(mask)
    assert isinstance(distances, np.ndarray)  # distances alone were asked for
    return distances


def _thick_enough(value: np.ndarray) -> np.ndarray:
    """Strokes drawn with a fine pen made as wide as MNIST's thinnest.

    In a stroke of width w the mean distance to its edge is w / 4.
    """
    inside = np.pad(value > 0.5, 1)
    width = 4 * _to_edge(inside)[inside].mean()
    wanted = MIN_STROKE * max(value.shape) / 20
    if (radius := round((wanted - width) / 2)) < 1:
        return value
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return ndimage.grey_dilation(np.pad(value, radius), footprint=x**2 + y**2 <= radius**2)


def _scaled(value: np.ndarray) -> np.ndarray:
    """Values (H, W) scaled to a longer side of 20 pixels, shape kept, antialiased."""
    scale = 20 / max(value.shape)
    height, width = (max(round(side * scale), 1) for side in value.shape)
    image = Image.fromarray(value).resize((width, height), Image.Resampling.HAMMING)
    return np.clip(np.asarray(image), 0, 1)


def _centred(value: np.ndarray) -> np.ndarray:
    """Values (H, W) of at most 20 by 20 with their centre of mass at pixel (14, 14) of 28 by 28."""
    centre = ndimage.center_of_mass(value)
    result = np.zeros((28, 28), np.float32)
    top, left = (
        int(np.clip(np.round(14 - c), 0, 28 - side))
        for c, side in zip(centre, value.shape, strict=True)
    )
    result[top : top + value.shape[0], left : left + value.shape[1]] = value
    return result


# -- without any cleaning ---------------------------------------------------------------------


def plain(picture: Picture) -> np.ndarray:
    """A picture as it is but for its size, (28, 28) float32 in [0, 1]: its noise stays.

    Grey, the square in its middle, scaled by area; inverted where most of its border is bright.
    One of 28 by 28 pixels keeps them all.

    Raises:
        ImageError: not a picture, damaged, or too large.
    """
    image = _shrunk(picture)
    if image.mode not in ("L", "F"):
        image = image.convert("L")
    grey = np.clip(np.asarray(image, np.float32) / 255, 0, 1)
    side = min(grey.shape)
    top, left = ((length - side) // 2 for length in grey.shape)
    square = Image.fromarray(grey[top : top + side, left : left + side])
    scaled = np.clip(np.asarray(square.resize((28, 28), Image.Resampling.BOX)), 0, 1)
    border = np.concatenate([scaled[[0, -1]].ravel(), scaled[:, [0, -1]].ravel()])
    return 1 - scaled if np.median(border) > 0.5 else scaled
