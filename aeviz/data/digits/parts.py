"""Any picture a person hands in, turned into what MNIST holds: 28 by 28, bright ink on black.

A file comes from a stranger: its size is read before its pixels are, only six formats are tried,
and whatever is wrong with it becomes one sentence in an ImageError that says what to do.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
HEIC = "HEIF"
"""What iPhones write, by Pillow's name; read by pillow-heif where it is installed."""
MAX_BYTES = 15_000_000
MAX_PIXELS = 50_000_000
FEWER_PIXELS = {"WEBP": 18_000_000, HEIC: 25_000_000}
FEWER_DEEP_PIXELS = 25_000_000
"""Some kinds cost more: a WebP up to 16 bytes a pixel while it is decoded; transparent ones, ones
of 16 bits and a progressive JPEG with four bands time or memory. None takes 300 MB by these."""
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
WIDE = 1.1
"""What is wider than this share of its height may be two digits: 92 % of MNIST's are narrower."""
JOINT = 0.9
"""Digits that touch are joined by less ink than this share of a stroke's width..."""
LEAST_HEIGHT = 0.7
"""... and both are at least this share of their common height."""
LEAST_ROWS = 40
"""Smaller ones, as MNIST's own pictures, have too few pixels to tell a joint from a stroke."""
SEAM_ROWS = 48
"""A seam is looked for in a picture made this high, in pixels."""
MAX_DIGITS = 40
"""More digits than this in one picture are left out: it is a page of text."""
MAX_PARTS = 1000
"""More parts than this are a pattern. A page of text has as many letters."""
WIDENED_SIDE = 320
"""Fine strokes are widened in a picture made this small: a pixel of the result is 16 then."""

Picture = bytes | str | Path | Image.Image


class ImageError(Exception):
    """What was handed in is not a picture with something on it; the message is one sentence."""


class BlankError(ImageError):
    """It is a picture, but no digit was found on it; another threshold may find one."""


@dataclass(frozen=True)
class Stages:
    """A picture on its way into 28 by 28.

    uploaded: (H, W, 3) uint8, upright, made smaller; grey: how bright it is, (H, W); ink: bright
    ink on black, (H, W), without shadows and ruled lines; strokes: the ink alone, cropped, (h, w);
    result: (28, 28); digits: (N, 28, 28), each digit by itself in reading order. All but the first
    are float32 in [0, 1].
    inverted: dark ink was made bright; threshold: what is brighter in `ink` is taken for ink.
    """

    uploaded: np.ndarray
    grey: np.ndarray
    ink: np.ndarray
    strokes: np.ndarray
    result: np.ndarray
    digits: np.ndarray
    inverted: bool
    threshold: float

    @property
    def strip(self) -> list[tuple[str, np.ndarray]]:
        """The pictures in their order, each with its name."""
        return [
            ("as uploaded", self.uploaded),
            ("grey", self.grey),
            ("inverted" if self.inverted else "not inverted", self.ink),
            ("cropped", self.strokes),
            ("28 by 28", self.result),
        ]


def to_mnist(
    picture: Picture, *, inverted: bool | None = None, threshold: float | None = None
) -> np.ndarray:
    """A picture as MNIST would hold it, (28, 28) float32 in [0, 1].

    Args:
        picture: a file's bytes, its path, or a PIL image.
        inverted: the ink is darker than the paper; found by itself where None.
        threshold: how much brighter than the paper ink is, in [0, 1]; found by itself where None.

    Raises:
        ImageError: not a picture, damaged, too large, or blank.

    Source: LeCun et al. 1998, Proc. IEEE 86:2278, section III-A: scaled into 20 by 20 with its
        shape kept, grey levels from the scaling, centred by centre of mass in 28 by 28.
    """
    return stages(picture, inverted=inverted, threshold=threshold).result


def digits(
    picture: Picture, *, inverted: bool | None = None, threshold: float | None = None
) -> np.ndarray:
    """Each digit of a picture by itself, (N, 28, 28) float32 in [0, 1], line by line.

    A picture with one digit gives the same as `to_mnist`. Two that touch are cut apart where
    little ink joins them; ones that run into each other stay together.

    Raises:
        ImageError: see `to_mnist`.
    """
    return stages(picture, inverted=inverted, threshold=threshold).digits


def stages(
    picture: Picture, *, inverted: bool | None = None, threshold: float | None = None
) -> Stages:
    """The pictures on the way to `to_mnist`, and what was found by itself.

    Raises:
        ImageError: see `to_mnist`.
    """
    image = _shrunk(picture)
    grey = _grey(image)
    paper = _with_margin(grey, inverted)
    if paper is grey:
        paper = _paper_only(grey, inverted)
    if inverted is None:
        inverted = _dark_ink(paper)
    ink = _without_lines(_flat(paper, inverted))
    found = otsu(ink)
    by_hand = threshold is not None
    threshold = found if threshold is None else threshold
    core = _core(ink, threshold, by_hand)
    low, full = _levels(ink, threshold, threshold < found)
    strokes = _cropped(_edged(ink, core, low, full))
    result = _fitted(strokes)
    each = [
        _cropped(_edged(ink[box], digit, low, full))
        for box, part in _groups(core)
        for digit in _apart(part)
    ][:MAX_DIGITS]
    return Stages(
        uploaded=np.asarray(image.convert("RGB")),
        grey=grey,
        ink=ink,
        strokes=strokes,
        result=result,
        digits=np.stack([_fitted(part) for part in each]) if len(each) > 1 else result[None],
        inverted=inverted,
        threshold=threshold,
    )


# -- from a file to grey pixels ---------------------------------------------------------------


def _shrunk(picture: Picture) -> Image.Image:
    """The first frame, upright, with its longer side below 1024 pixels where it was above."""
    if isinstance(picture, Image.Image):
        _check_size(picture)
        return _upright(picture)
    content = picture if isinstance(picture, bytes) else _read(Path(picture))
    if not content:
        raise ImageError("This file is empty: choose another one.")
    if len(content) > MAX_BYTES:
        raise ImageError(f"A picture may have at most {MAX_BYTES // 1_000_000} MB: {SMALLER}.")
    try:
        image = Image.open(io.BytesIO(content), formats=_formats(content))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(TOO_LARGE) from error
    except Exception as error:  # Pillow's readers raise many kinds on what is not theirs
        raise ImageError(_what_instead(content)) from error
    _check_size(image)
    try:
        # A JPEG is decoded at a half, a quarter or an eighth of its size, which is much faster.
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
        return _upright(image)
    except Exception as error:  # the same readers, now on the pixels
        raise ImageError(DAMAGED) from error


DAMAGED = "This picture is damaged or cut off: save it once more, or choose another one."
SMALLER = "save it smaller, or take a screenshot of it"
TOO_LARGE = f"A picture may have at most {MAX_PIXELS // 1_000_000} million pixels: {SMALLER}."


def _is_heic(content: bytes) -> bool:
    """Whether a file says that it is a HEIC photo: ISO/IEC 23008-12:2022, annex B."""
    return content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1")


def _formats(content: bytes) -> tuple[str, ...]:
    """The formats that are tried. What reads HEIC is loaded with the first such photo."""
    if not _is_heic(content):
        return FORMATS
    try:
        import pillow_heif
    except ImportError:  # an app may do without it
        return FORMATS
    if HEIC not in Image.OPEN:
        pillow_heif.register_heif_opener()
    return (HEIC,)


def _what_instead(content: bytes) -> str:
    """What to do with a file that is none of the formats, by how it begins."""
    start = content[:1000].lstrip().lower()
    if b"/data.pkl" in content[:200]:  # torch.save writes a ZIP file that begins so
        return f"This is a trained model: {PICTURES_ONLY}."
    if content.startswith(b"\x89HDF"):
        return f"This is an HDF5 file, such as a Keras model: {PICTURES_ONLY}."
    if _is_heic(content) and HEIC in Image.OPEN:
        return DAMAGED
    if content.startswith((b"PK", b"\x1f\x8b", b"7z", b"Rar!", b"BZh", b"\xfd7zXZ")):
        return "This is an archive: unpack it, and hand in the PNG, JPEG or WebP pictures in it."
    if b"<svg" in start:
        return "This is an SVG drawing without pixels: export it as PNG, JPEG or WebP."
    if start.startswith(b"%pdf"):
        return "This is a PDF: save its page as PNG, JPEG or WebP."
    if content[4:8] == b"ftyp":  # what telephones write
        return "This is a HEIC or AVIF photo or a film: save it as PNG, JPEG or WebP."
    return f"This is not a picture that can be read: {PICTURES_ONLY}."


PICTURES_ONLY = "use PNG, JPEG, WebP, GIF, BMP or HEIC"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(
            f"There is no file {path.name} that can be read: check its name."
        ) from error


def _check_size(image: Image.Image) -> None:
    """Refuse before the pixels are decoded; Pillow by itself only warns up to 179 million."""
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(TOO_LARGE)
    most = FEWER_PIXELS.get(image.format or "", MAX_PIXELS)
    deep = image.mode not in ("1", "L", "P", "RGB", "CMYK") or "transparency" in image.info
    if deep or (image.mode == "CMYK" and "progressive" in image.info):
        most = min(most, FEWER_DEEP_PIXELS)
    if image.width * image.height > most:
        many = f"{most // 1_000_000} million pixels"
        raise ImageError(f"A picture of this kind may have at most {many}: {SMALLER}.")
    if not image.width * image.height:
        raise ImageError("This picture has no pixels: choose another one.")


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF tag says, shrunk, on white paper where it is transparent."""
    small = _reduced(image)
    if small.mode == "F":
        values = np.nan_to_num(np.asarray(small))
        small = Image.fromarray(values / max(float(values.max()), 1.0) * 255)
    elif small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
        small = small.convert("RGB")
    small.info = dict(image.info)  # says how it was held
    return ImageOps.exif_transpose(small)


def _reduced(image: Image.Image) -> Image.Image:
    """A whole fraction of a picture's size, as brightness, colours, with alpha, or float.

    Strip by strip: nothing beside the decoded picture is as large as that.
    """
    factor = max(max(image.size) // WORKING_SIDE, 1)
    high = STRIP_ROWS * factor
    strips = [
        _simple(image.crop((0, top, image.width, min(top + high, image.height)))).reduce(factor)
        for top in range(0, image.height, high)
    ]
    small = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for k, strip in enumerate(strips):
        small.paste(strip, (0, k * STRIP_ROWS))
    return small


STRIP_ROWS = 16


def _simple(image: Image.Image) -> Image.Image:
    """A picture in one of four modes: L, RGB, RGBA where it is transparent, F for 16 bits."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(np.asarray(image, np.float32))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _grey(image: Image.Image) -> np.ndarray:
    """Brightness (H, W) float32 in [0, 1].

    Where a pen is told from its paper by colour more than by brightness, as yellow on white, it is
    the one of red, green and blue that tells best.
    """
    grey = np.clip(np.asarray(image.convert("L") if image.mode == "RGB" else image) / 255, 0, 1)
    best = grey.astype(np.float32)
    if image.mode == "RGB":
        most = 1.6 * _local_contrast(best)
        for band in image.split():
            values = np.asarray(band, np.float32) / 255
            if (contrast := _local_contrast(values)) > most:
                best, most = values, contrast
    return best


def _local_contrast(values: np.ndarray) -> float:
    """How far what sticks out most is from what is around it; shadows do not count."""
    step = max(max(values.shape) // 128, 1)
    small = values[::step, ::step]
    around = ndimage.uniform_filter(small, max(small.shape) // 4 + 1, mode="nearest")
    return float(np.percentile(np.abs(small - around), 99.5))


# -- from grey pixels to ink ------------------------------------------------------------------


def _border(shape: tuple[int, ...]) -> np.ndarray:
    """True (H, W) along the four sides."""
    rim = max(min(shape) // 20, 1)
    border = np.ones(shape, bool)
    border[rim:-rim, rim:-rim] = False
    return border


def _with_margin(grey: np.ndarray, inverted: bool | None) -> np.ndarray:
    """The picture (H, W), with paper around it where a printed glyph fills it.

    Of the two sides of Otsu's threshold the glyph is the one whose largest part reaches to all
    four sides of the picture: only one can, as it parts what is left of the other. Paper with a
    digit on it does so too, but takes nearly all of the border, or is a rectangle on a table.

    Args:
        inverted: see `to_mnist`.
    """
    step = -(-max(grey.shape) // SHAPE_SIDE)
    small = grey[::step, ::step]
    threshold = otsu(small)
    bright = small > threshold
    if min(small.shape) < 8 or not _two_levels(small, bright):
        return grey
    for dark in (True, False) if inverted is None else (inverted,):
        glyph = bright != dark
        if inverted is None:
            parts, areas = _label(glyph)
            glyph = parts == areas.argmax()
        if _fills(glyph):
            level = np.median(small[bright == dark])
            return np.pad(grey, max(grey.shape) // 2, constant_values=level)
    return grey


SHAPE_SIDE = 256
"""What is a glyph and what is a sheet is looked at with the longer side made this small."""
GLYPH = 0.15, 0.85
"""A printed glyph has between these shares of its box."""


def _two_levels(grey: np.ndarray, bright: np.ndarray) -> bool:
    """Whether brightness (H, W) has just two levels, parted by a mask, and what is between."""
    share = bright.mean()
    if not 0 < share < 1:
        return False
    apart = grey[bright].mean() - grey[~bright].mean()
    return bool(apart > 0.3 and share * (1 - share) * apart**2 > 0.9 * grey.var())


def _fills(glyph: np.ndarray) -> bool:
    """Whether a mask (H, W) is a printed glyph that reaches to all four sides, or nearly."""
    sides = glyph[0], glyph[-1], glyph[:, 0], glyph[:, -1]
    ring = np.concatenate([glyph[0], glyph[1:, -1], glyph[-1, -2::-1], glyph[-2:0:-1, 0]])
    if not GLYPH[0] < glyph.mean() < GLYPH[1] or ring.mean() > 0.75:
        return False
    if sum(not side.all() for side in sides) < 3:  # paper, with a digit in its corner
        return False
    if np.count_nonzero(ring != np.roll(ring, 1)) > 16:  # ruled lines
        return False
    rows, columns = np.flatnonzero(glyph.any(1)), np.flatnonzero(glyph.any(0))
    margin = max(rows[0], columns[0], *(glyph.shape - np.array([rows[-1], columns[-1]]) - 1))
    return margin <= 0.08 * max(glyph.shape) and _rectangular(glyph) < 0.9


def _rectangular(mask: np.ndarray) -> float:
    """Which share a mask (H, W) with its holes filled has of the smallest rectangle around it."""
    filled: Any = ndimage.binary_fill_holes(mask)
    inside: Any = ndimage.binary_erosion(filled)
    edge = np.argwhere(filled & ~inside)
    turns = np.radians(np.arange(0, 90, 3))
    sides = [
        np.ptp(edge @ np.array(along), axis=0) + 1
        for along in ((np.cos(turns), np.sin(turns)), (-np.sin(turns), np.cos(turns)))
    ]
    return float(filled.sum() / (sides[0] * sides[1]).min())


def _paper_only(grey: np.ndarray, inverted: bool | None) -> np.ndarray:
    """The picture with the table around a sheet painted like the sheet.

    There is a table when most of the picture is of another brightness than its border. A person
    who says that the ink is what is as bright or as dark as that has no sheet.

    Args:
        inverted: see `to_mnist`.
    """
    around = np.median(grey[_border(grey.shape)])
    most = np.median(grey)
    if abs(most - around) < 0.2 or (inverted is not None and inverted == (most < around)):
        return grey
    threshold = otsu(grey)
    parts, areas = _label((grey > threshold) == (most > threshold))
    sheet: Any = ndimage.binary_fill_holes(parts == areas.argmax())
    sheet = ndimage.binary_erosion(sheet, np.ones((3, 3)), max(min(grey.shape) // 100, 1))
    if sheet.mean() < 0.25:
        return grey
    return np.where(sheet, grey, np.median(grey[sheet]))


def _dark_ink(paper: np.ndarray) -> bool:
    """Is the ink darker than the paper? The border shows what the paper is."""
    level = np.median(paper[_border(paper.shape)])
    return bool(level - paper.min() > paper.max() - level)


def _flat(paper: np.ndarray, inverted: bool) -> np.ndarray:
    """How far each pixel (H, W) is from the paper around it, in [0, 1]; shadows are gone.

    What is wider than a third of the picture is paper (a top hat: Serra 1982). Dark ink takes a
    share of the light that falls on the paper, so it is divided by what the paper around it has.
    """
    bright = 1 - paper if inverted else paper
    around = ndimage.grey_opening(bright, max(bright.shape) // 3 + 1, mode="nearest")
    ink = bright - around
    return ink / np.maximum(1 - around, DARKEST) if inverted else ink


DARKEST = 0.2
"""Where paper is darker than this there is more noise than light."""


def _without_lines(ink: np.ndarray) -> np.ndarray:
    """The ink (H, W) without the lines that the paper is ruled with, and strokes made whole."""
    if min(ink.shape) < 100:  # too small for a line that is not a stroke
        return ink
    mask = ink > 0.7 * otsu(ink)  # a line that is above it here and there is above this throughout
    step = -(-max(ink.shape) // LINE_SIDE)
    height, width = (side // step * step for side in mask.shape)
    blocks = mask[:height, :width].reshape(height // step, step, width // step, step)
    small = np.asarray(blocks.any((1, 3)))
    across, down = _lines(small), _lines(small.T)
    if not across and not down:
        return ink
    rest = small.copy()
    for line in across:
        rest &= ~line.band(small.shape, 1)
    for line in down:
        rest &= ~line.band(small.T.shape, 1).T
    # A pen's own stroke may cross the picture too, the bar of a seven for one. Lines are finer
    # than the pen, or they are many.
    pen = _width(rest) - 2 if rest.any() else 0.0  # so few pixels: half a one is at each edge
    ink = ink.copy()
    for lines, view in ((across, ink), (down, ink.T)):
        for line in lines:
            if len(lines) >= 3 or line.thickness <= 0.7 * pen:
                _erase(view, line, step)
    return ink


LINE_SIDE = 256
"""Lines are looked for with the longer side made this small, in pixels."""
MAX_PIECES = 4000
"""More pieces are a pattern: the lines of a sheet with squares of 5 mm cross 2,500 times."""


@dataclass(frozen=True)
class _Line:
    """A ruled line from left to right: its middle in each column (W,), its thickness, in pixels."""

    middle: np.ndarray
    thickness: float

    def band(self, shape: tuple[int, ...], margin: float) -> np.ndarray:
        """True (H, W) on the line and a margin of pixels above and below."""
        rows = np.arange(shape[0])[:, None]
        return np.abs(rows - self.middle) <= self.thickness / 2 + margin


def _lines(mask: np.ndarray) -> list[_Line]:
    """Thin lines of a mask (H, W) that run through most of its width, up to 18 degrees aslant.

    The mask is sheared until most of it is level. Of what is thin, what is at least an eighth of
    the width long is left (an opening by a long line: Serra 1982), and pieces that follow each
    other are a line.
    """
    height, width = mask.shape
    most = 2 * max(round(0.015 * height), 1) + 3  # pixels; what is higher is no line
    length = width // 8
    columns = np.arange(width)
    best, found = 0.0, None
    for degrees in range(-16, 17, 4):
        shift = np.round(np.tan(np.radians(degrees)) * (columns - width / 2)).astype(int)
        room = int(np.abs(shift).max()) + 1
        rows = np.arange(-room, height + room)[:, None] + shift
        inside = (rows >= 0) & (rows < height)
        level = mask[np.clip(rows, 0, height - 1), columns] & inside
        high = ndimage.minimum_filter1d(level, most, axis=0)
        high = np.asarray(ndimage.maximum_filter1d(high, most, axis=0), bool)
        thin = level & ~high
        tall = ndimage.maximum_filter1d(thin, 3, axis=0)
        ink, free = (
            ndimage.uniform_filter1d(x.astype(np.float32), length, axis=1, mode="nearest")
            for x in (tall, ~high)
        )
        long = (ink > 0.9 * free) & (free > 0.3)  # a stroke that crosses a line hides it
        long = ndimage.maximum_filter1d(long, length, axis=1) & thin
        # Level lines lie in few rows: the sum of squares tells, as for the skew of scanned pages.
        if (score := float(np.square(long.sum(1)).sum())) > best:
            best, found = score, (long, inside.sum(1), shift - room)
    if found is None:
        return []
    long, there, shift = found
    return [_Line(line.middle + shift, line.thickness) for line in _traced(long, there)]


def _traced(long: np.ndarray, there: np.ndarray) -> list[_Line]:
    """The lines that the parts of a mask (H, W) make, each followed from left to right.

    Args:
        there: how many columns of each row lie in the picture.
    """
    width = long.shape[1]
    parts, areas = _label(long)
    if len(areas) > MAX_PIECES:
        return []
    pieces = []
    for number, box in enumerate(ndimage.find_objects(parts), 1):
        part = parts[box] == number
        count = part.sum(0)
        heights = (part * np.arange(len(part))[:, None]).sum(0) / count + box[0].start
        pieces.append((np.arange(box[1].start, box[1].stop), heights, count))
    pieces.sort(key=lambda piece: piece[0][0])
    chains: list[list[Any]] = []
    ends = np.empty((2, len(pieces)))  # the column and the height where each chain ends by now
    for piece in pieces:
        gap = piece[0][0] - ends[0, : len(chains)]
        away = np.abs(piece[1][:5].mean() - ends[1, : len(chains)])
        away[(gap <= 0) | (away >= 2 + 0.04 * gap)] = np.inf
        nearest = int(away.argmin()) if np.isfinite(away).any() else len(chains)
        if nearest == len(chains):
            chains.append([])
        chains[nearest].append(piece)
        ends[:, nearest] = piece[0][-1], piece[1][-5:].mean()
    lines, short = [], []
    for chain in chains:
        columns, heights, counts = (np.concatenate(column) for column in zip(*chain, strict=True))
        span = np.ptp(columns) + 1
        most = there[np.round(heights).astype(int)].max()
        if span < max(0.7 * most, 0.3 * width) or len(columns) < 0.25 * most:
            continue
        heights = ndimage.median_filter(heights, min(9, len(heights)), mode="nearest")
        line = _Line(np.interp(np.arange(width), columns, heights), float(np.median(counts)))
        (lines if span > 0.7 * width else short).append(line)
    return lines + short if len(lines) > 1 else lines  # short ones cut off a corner


def _erase(ink: np.ndarray, line: _Line, step: int) -> None:
    """Take a line out of the ink (H, W), in place; strokes that cross it are bridged.

    Args:
        step: pixels of the ink for one of the line.
    """
    height, width = ink.shape
    columns = np.arange(width)
    middle = np.interp(columns, (np.arange(len(line.middle)) + 0.5) * step, line.middle) * step
    middle += (step - 1) / 2
    reach = int(np.ceil((line.thickness / 2 + 1) * step))
    centre = np.round(middle).astype(int)

    def beside(offset: int) -> np.ndarray:
        """The ink above or below, a little to both sides as well: strokes run aslant."""
        values = ink[np.clip(centre + offset, 0, height - 1), columns]
        return ndimage.maximum_filter1d(values, reach + 1)

    bridge = np.minimum(beside(-reach - 1), beside(reach + 1))
    near = np.stack(
        [ink[np.clip(centre + k, 0, height - 1), columns] for k in range(-reach, reach + 1)]
    )
    line_ink = np.median(near.max(0))
    for offset in range(-reach, reach + 1):
        rows = centre + offset
        on = (rows >= 0) & (rows < height)
        values = ink[rows[on], columns[on]]
        stroke = values > 1.5 * line_ink  # the pen is darker than the line: nothing to guess
        ink[rows[on], columns[on]] = np.where(stroke, values, np.minimum(values, bridge[on]))


# -- from ink to a digit ----------------------------------------------------------------------


def _core(ink: np.ndarray, threshold: float, by_hand: bool) -> np.ndarray:
    """Where ink is for certain, (H, W) bool.

    Raises:
        ImageError: nowhere.
    """
    core = ink > threshold
    paper, noise = _paper_level(ink, core)
    full = np.median(ink[core]) if core.any() else paper
    if by_hand and not core.any():
        raise BlankError("No ink is as bright as this threshold: lower it.")
    if not by_hand and full - paper < max(MIN_CONTRAST, 4 * noise):
        raise BlankError(
            "This picture is blank: use a darker pen, or go nearer to what is written."
        )
    main = _main_parts(core)
    if _label(main)[1].astype(bool).sum() > MAX_PARTS:
        raise BlankError(
            f"This picture is a pattern of more than {MAX_PARTS:,} parts: hand in one digit, large."
        )
    return main


def _paper_level(ink: np.ndarray, core: np.ndarray) -> tuple[float, float]:
    """The paper's brightness and its noise: a Gaussian's standard deviation, from its median."""
    if core.all():
        return 0.0, 0.0
    paper = np.median(ink[~core])
    return float(paper), float(1.4826 * np.median(np.abs(ink[~core] - paper)))


def _levels(ink: np.ndarray, threshold: float, lowered: bool) -> tuple[float, float]:
    """How bright ink (H, W) is where a stroke's edge begins and where the stroke is full.

    Args:
        lowered: paler strokes are wanted too: they become at least half as bright as full.
    """
    above = ink > threshold
    paper, noise = _paper_level(ink, above)
    low = min(paper + 3 * noise, threshold)
    full = float(np.median(ink[above]))
    return low, max(min(full, 2 * threshold - low) if lowered else full, low + 1e-6)


def _edged(ink: np.ndarray, core: np.ndarray, low: float, full: float) -> np.ndarray:
    """The strokes (H, W) float32: 1 inside a core and falling to 0 over its edges."""
    # The antialiased edge of a stroke is one pixel wide; what lies further out is dirt.
    body = ndimage.binary_dilation(core, np.ones((3, 3)))
    return np.where(body, np.clip((ink - low) / (full - low), 0, 1), 0).astype(np.float32)


def _cropped(value: np.ndarray) -> np.ndarray:
    """Values (H, W) without the empty rows and columns around them."""
    rows, columns = np.flatnonzero(value.any(1)), np.flatnonzero(value.any(0))
    return value[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(strokes: np.ndarray) -> np.ndarray:
    """Strokes (h, w) as MNIST would hold them, (28, 28)."""
    return _centred(_scaled(_thick_enough(strokes)))


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
    between = np.nan_to_num(between)
    best = np.flatnonzero(between == between.max())  # many where nothing lies between the groups
    return float(edges[best[len(best) // 2] + 1])


def _label(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected parts (H, W) numbered from 1, and the pixels of each; 0 is none and has none."""
    found: Any = ndimage.label(mask, np.ones((3, 3)))  # scipy's types say int for the pair
    parts, count = found
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = 0
    return parts, areas


def _main_parts(mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) without specks, and without what comes in from the border where it can be.

    A part at the border stays when it is near the others: a stroke of a digit in the corner.
    """
    parts, area = _label(mask)
    border = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    inner = area.copy()
    inner[border] = 0
    if inner.max() > area.max() / 10:
        main = parts == inner.argmax()
        size = max(np.ptp(np.flatnonzero(main.any(axis))) + 1 for axis in (0, 1))
        gap = np.full(len(area), np.inf)
        np.minimum.at(gap, parts.ravel(), _to_edge(~main).ravel())
        area[border[gap[border] > NEAR * size]] = 0
    return (area > area.max() / 30)[parts]


Box = tuple[float, float, float, float]
"""Top, bottom, left and right, in pixels."""


def _groups(core: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Each digit in reading order: a box with a pixel of paper around it, and its core in there.

    Parts belong to one digit when one is small and near the other, as the upper stroke of a five,
    or when they lie one above the other nearly without a gap.
    """
    parts, _ = _label(core)
    boxes: list[Box] = [(y.start, y.stop, x.start, x.stop) for y, x in ndimage.find_objects(parts)]
    sizes = np.array([_size(box) for box in boxes])
    usual = float(np.median(sizes))
    order = (-sizes).argsort(kind="stable")[: 2 * MAX_DIGITS].tolist()
    owner = np.full(len(boxes), -1)
    owner[order] = order
    for n, a in enumerate(order):
        for b in order[n + 1 :]:
            if owner[a] != owner[b] and _together(boxes[a], boxes[b], usual, len(boxes)):
                owner[owner == owner[b]] = owner[a]
    names = [k for k in order if owner[k] == k]
    whole = {k: _around([boxes[i] for i in np.flatnonzero(owner == k)]) for k in names}
    least = 0.4 * np.median([_size(box) for box in whole.values()])
    whole = {k: box for k, box in whole.items() if _size(box) >= least}
    for k in _reading_order(whole)[:MAX_DIGITS]:
        top, bottom, left, right = (int(side) for side in whole[k])
        box = slice(max(top - 1, 0), bottom + 1), slice(max(left - 1, 0), right + 1)
        yield box, np.append(False, owner == k)[parts[box]]


def _apart(part: np.ndarray) -> list[np.ndarray]:
    """A digit's core (H, W), or the cores of digits that touch, from left to right.

    What is cut off must be little joined and nearly as high as the rest: then a wide two, whose
    left side is its foot, or a wide zero, of which a cut meets two strokes, stays whole.
    """
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = part[box]
    height, width = inside.shape
    if width <= WIDE * height or height < LEAST_ROWS:
        return [part]
    seam, joint = _seam(inside)
    if joint > JOINT:
        return [part]
    left, right = np.zeros_like(part), part.copy()
    left[box] = inside & (np.arange(width) < seam[:, None])
    right &= ~left
    least = LEAST_HEIGHT * height
    if any(np.ptp(np.flatnonzero(side.any(1))) + 1 < least for side in (left, right)):
        return [part]
    return [*_apart(left), *_apart(right)]


def _seam(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """The way from top to bottom of a mask (H, W) that meets least ink: its column in each row.

    Also how much ink it meets, in widths of a stroke. It keeps to the middle half and moves one
    column a row at most.

    Source: Avidan & Shamir 2007, ACM Trans. Graphics 26(3):10, section 3.
    """
    height, width = mask.shape
    wide = max(round(width * SEAM_ROWS / height), 8)
    small = Image.fromarray(mask.astype(np.float32))
    small = np.asarray(small.resize((wide, SEAM_ROWS), Image.Resampling.BOX))
    first, last = wide // 4, wide - wide // 4
    costs = small[:, first:last] + 0.01  # of equal ways the shortest
    for above, row in itertools.pairwise(costs):
        row += ndimage.minimum_filter1d(above, 3, mode="nearest")
    column = int(costs[-1].argmin())
    way = [column]
    for above in costs[-2::-1]:
        start = max(column - 1, 0)
        column = start + int(above[start : column + 2].argmin())
        way.append(column)
    columns = first + np.array(way[::-1])
    scale = SEAM_ROWS / height
    met = float(small[np.arange(SEAM_ROWS), columns].sum()) / (_width(mask) * scale)
    middles = (np.arange(height) + 0.5) * scale - 0.5
    return np.interp(middles, np.arange(SEAM_ROWS), columns + 0.5) * width / wide, met


def _size(box: Box) -> float:
    """The longer side of a box."""
    return max(box[1] - box[0], box[3] - box[2])


def _around(boxes: list[Box]) -> Box:
    """The box around boxes."""
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _overlap(a: Box, b: Box) -> tuple[float, float]:
    """How far two boxes overlap down and across; below zero it is a gap."""
    return min(a[1], b[1]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[2], b[2])


def _together(large: Box, small: Box, usual: float, number: int) -> bool:
    """Do two parts, given by their boxes, belong to the same digit?

    Args:
        usual: the median of all parts' longer sides.
        number: how many parts there are.
    """
    size = _size(large)
    down, across = _overlap(large, small)
    if _size(small) < 0.5 * size and min(down, across) > -0.15 * size:
        return True
    low = min(large[1] - large[0], small[1] - small[0])
    narrow = min(large[3] - large[2], small[3] - small[2])
    below = across > 0.3 * narrow and down < 0.5 * low
    if across < 0.6 * narrow and not below:
        return False  # beside each other
    top, bottom, _, _ = _around([large, small])
    stacked = number > 2 and bottom - top > 1.6 * usual  # two lines of digits
    return down > -0.12 * size and not stacked


def _reading_order(boxes: dict[int, Box]) -> list[int]:
    """Keys of boxes from left to right, line by line; a line may run aslant."""
    line = {k: k for k in boxes}
    for a, one in boxes.items():
        for b, other in boxes.items():
            down, across = _overlap(one, other)
            heights = one[1] - one[0], other[1] - other[0]
            if down > 0.4 * min(heights) and across > -4 * max(heights) and line[a] != line[b]:
                old, new = line[b], line[a]
                line |= {k: new for k, name in line.items() if name == old}
    members = [[k for k in boxes if line[k] == name] for name in dict.fromkeys(line.values())]
    members.sort(key=lambda keys: np.mean([boxes[k][:2] for k in keys]))
    return [k for keys in members for k in sorted(keys, key=lambda k: boxes[k][2] + boxes[k][3])]


def _to_edge(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) of each pixel of a mask to the nearest one outside it, in pixels."""
    distances = ndimage.distance_transform_edt(mask)
    assert isinstance(distances, np.ndarray)  # distances alone were asked for
    return distances


def _width(mask: np.ndarray) -> float:
    """How wide the strokes of a mask (H, W) are, in pixels.

    In a stroke of width w the mean distance to its edge is w / 4.
    """
    inside = np.pad(mask, 1)
    return float(4 * _to_edge(inside)[inside].mean())


def _thick_enough(value: np.ndarray) -> np.ndarray:
    """Strokes drawn with a fine pen made as wide as MNIST's thinnest.

    In a large picture each block of pixels becomes its brightest one before: the cost of widening
    grows with the fourth power of a side.
    """
    width = _width(value > value.max() / 2)
    wanted = MIN_STROKE * max(value.shape) / 20
    if round((wanted - width) / 2) < 1:
        return value
    block = -(-max(value.shape) // WIDENED_SIDE)
    height, wide = (-(-side // block) for side in value.shape)
    rest = (height * block - value.shape[0], wide * block - value.shape[1])
    blocks = np.pad(value, ((0, rest[0]), (0, rest[1]))).reshape(height, block, wide, block)
    value = blocks.max((1, 3))
    # A block reaches over half of itself beyond a stroke on each side of it.
    radius = round((wanted - (width + block - 1)) / 2 / block)
    if radius < 1:
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
