"""A picture read safely: upright, made smaller, grey.

A file comes from a stranger: its size is read before its pixels are, only six formats are tried,
and whatever is wrong with it becomes one sentence in an ImageError that says what to do.
"""

from __future__ import annotations

import io
from pathlib import Path

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
STRIP_ROWS = 16
DAMAGED = "This picture is damaged or cut off: save it once more, or choose another one."
PICTURES_ONLY = "use PNG, JPEG, WebP, GIF, BMP or HEIC"
SMALLER = "save it smaller, or take a screenshot of it"
TOO_LARGE = f"A picture may have at most {MAX_PIXELS // 1_000_000} million pixels: {SMALLER}."

Picture = bytes | str | Path | Image.Image


class ImageError(Exception):
    """What was handed in is not a picture with something on it; the message is one sentence."""


def opened(picture: Picture) -> Image.Image:
    """The first frame, upright, with its longer side below 1024 pixels where it was above.

    Its mode is L, RGB, or F with up to 255 for white.

    Raises:
        ImageError: not a picture, damaged, or too large.
    """
    if isinstance(picture, Image.Image):
        _check_size(picture)
        return upright(picture)
    content = picture if isinstance(picture, bytes) else _content(Path(picture))
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
        return upright(image)
    except Exception as error:  # the same readers, now on the pixels
        raise ImageError(DAMAGED) from error


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(
            f"There is no file {path.name} that can be read: check its name."
        ) from error


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


def _check_size(image: Image.Image) -> None:
    """Refuse before the pixels are decoded; Pillow by itself only warns up to 179 million."""
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise ImageError(TOO_LARGE)
    most = FEWER_PIXELS.get(image.format or "", MAX_PIXELS)
    deep = image.mode not in ("1", "L", "P", "RGB", "CMYK") or "transparency" in image.info
    if deep or (image.mode == "CMYK" and "progressive" in image.info):
        most = min(most, FEWER_DEEP_PIXELS)
    if pixels > most:
        many = f"{most // 1_000_000} million pixels"
        raise ImageError(f"A picture of this kind may have at most {many}: {SMALLER}.")
    if not pixels:
        raise ImageError("This picture has no pixels: choose another one.")


def upright(image: Image.Image) -> Image.Image:
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


def _simple(image: Image.Image) -> Image.Image:
    """A picture in one of four modes: L, RGB, RGBA where it is transparent, F for 16 bits."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(np.asarray(image, np.float32))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def brightness(image: Image.Image) -> np.ndarray:
    """How bright what was opened is, (H, W) float32 in [0, 1]."""
    grey = image.convert("L") if image.mode == "RGB" else image
    return np.clip(np.asarray(grey, np.float32) / 255, 0, 1)


def grey(image: Image.Image) -> np.ndarray:
    """How far what was opened is from black, (H, W) float32 in [0, 1].

    Where a pen is told from its paper by colour more than by brightness, as yellow on white, it is
    the one of red, green and blue that tells best.
    """
    best = brightness(image)
    if image.mode == "RGB":
        most = 1.6 * _local_contrast(best)
        for values in map(brightness, image.split()):
            if (contrast := _local_contrast(values)) > most:
                best, most = values, contrast
    return best


def _local_contrast(values: np.ndarray) -> float:
    """How far what sticks out most is from what is around it; shadows do not count."""
    step = max(max(values.shape) // 128, 1)
    small = values[::step, ::step]
    around = ndimage.uniform_filter(small, max(small.shape) // 4 + 1, mode="nearest")
    return float(np.percentile(np.abs(small - around), 99.5))
