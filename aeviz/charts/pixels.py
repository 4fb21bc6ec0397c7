"""Arrays as images: PNG, GIF, data URIs, tiles, colours of an error."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from aeviz.charts import theme


def png(image: np.ndarray, level: int = 1) -> bytes:
    """An image (H, W) or (H, W, 3), uint8 or float in [0, 1], as PNG bytes.

    Args:
        level: of compression, 1 to 9: the higher, the smaller and the slower.
    """
    pixels = image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def webp(image: np.ndarray) -> bytes:
    """An image (H, W) uint8 as a WebP file without loss: a sixth smaller than PNG, and slow."""
    buffer = io.BytesIO()
    Image.fromarray(image).convert("RGB").save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def kind(content: bytes) -> str:
    """The media type of an image file."""
    return "image/webp" if content[:4] == b"RIFF" else "image/png"


def data_uri(image: np.ndarray) -> str:
    """An image as a data: URI for an <img>."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def signed(error: np.ndarray) -> np.ndarray:
    """Signed errors (..., H, W) in [-1, 1] as RGB uint8: blue below, white at zero, red above."""
    e = np.clip(error, -1, 1)[..., None]
    blue, white, red = np.array([5, 80, 174]), np.array([247, 247, 247]), np.array([178, 24, 43])
    mixed = np.where(e > 0, white + e * (red - white), white - e * (blue - white))
    return mixed.round().astype(np.uint8)


def tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, H, W) in rows as one image (rows * H, columns * W); blank at the end."""
    n, height, width = images.shape
    rows = -(-n // columns)
    grid = np.zeros((rows * columns, height, width), images.dtype)
    grid[:n] = images
    stacked = grid.reshape(rows, columns, height, width).swapaxes(1, 2)
    return stacked.reshape(rows * height, columns * width)


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """An image (..., H, W) with each pixel as a square of scale x scale, crisp."""
    return image.repeat(scale, -2).repeat(scale, -1)


def gif(frames: np.ndarray, *, seconds: float = 2.0, scale: int = 10) -> bytes:
    """Frames (K, H, W) in [0, 1] as an endless GIF that runs there and back: 2 K - 2 images.

    Args:
        seconds: from the first to the last; a browser shows no frame shorter than 0.02 s.
    """
    grey = np.round(np.clip(frames, 0, 1) * 255).astype(np.uint8)
    shown = [Image.fromarray(enlarge(frame, scale)) for frame in (*grey, *grey[-2:0:-1])]
    buffer = io.BytesIO()
    shown[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=shown[1:],
        duration=max(round(1000 * seconds / (len(grey) - 1)), 20),
        loop=0,
    )
    return buffer.getvalue()


def code_thumbnail(points: np.ndarray, labels: np.ndarray, size: int = 96) -> np.ndarray:
    """A map of codes (N, 2) without axes, (size, size, 4) uint8 on a transparent ground."""
    low, high = np.percentile(points, [1, 99], axis=0)
    places = (points - low) / np.maximum(high - low, 1e-9) * (size - 8) + 4
    column, row = places[:, 0].round().astype(int), (size - places[:, 1]).round().astype(int)
    inside = (column >= 0) & (column < size - 1) & (row >= 0) & (row < size - 1)
    colours = np.array([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in theme.DIGITS])
    image = np.zeros((size, size, 4), np.uint8)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):  # a dot is two pixels wide
        where = row[inside] + down, column[inside] + right
        image[where] = np.insert(colours[labels[inside]], 3, 255, axis=1)
    return image
