"""A drawing as text that fits into an address, so that a reload and a link bring it back.

A line is an array (N, 2) of x and y in pixels of the canvas, in [0, 255].
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

TOLERANCE = 0.7
"""A line leaves out points that lie this near to what remains, in pixels."""
MOST = 400
"""Points in all: some 1,100 letters. A scribble that has more is kept more roughly."""
MOST_LINES, LONGEST = 60, 255
"""A scribble with more lines is not kept; the length of a line is one byte."""


def pack(objects: Sequence[Mapping[str, Any]]) -> str:
    """What a canvas drew, as letters, digits, - and _; empty where there is nothing to keep.

    Args:
        objects: of its JSON; what is no line of a pen is left out.
    """
    lines = [_line(found) for found in objects if found.get("path")]
    short, tolerance = [_simpler(line, TOLERANCE) for line in lines], TOLERANCE
    while sum(map(len, short)) > MOST and len(lines) <= MOST_LINES:
        tolerance *= 1.5
        short = [_simpler(line, tolerance) for line in lines]
    if not 0 < len(short) <= MOST_LINES or max(map(len, short)) > LONGEST:
        return ""
    whole = [np.clip(np.round(line), 0, 255).astype(np.uint8) for line in short]
    content = b"".join(bytes([len(line)]) + line.tobytes() for line in whole)
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unpack(text: str) -> list[np.ndarray]:
    """The lines of `pack`; none for any other text."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        return []
    lines = []
    while content:
        end = 1 + 2 * content[0]
        if end == 1 or len(content) < end or len(lines) == MOST_LINES:
            return []
        lines.append(np.frombuffer(content[1:end], np.uint8).reshape(-1, 2).astype(float))
        content = content[end:]
    return lines


def objects(lines: Sequence[np.ndarray], width: int) -> list[dict[str, Any]]:
    """Lines as a canvas takes them to begin with.

    Args:
        width: of the pen, pixels.
    """
    look = {"type": "Path", "fill": None, "stroke": "#ffffff", "strokeWidth": width}
    look |= {"strokeLineCap": "round", "strokeLineJoin": "round"}
    return [look | {"path": _path(line)} for line in lines]


def _path(line: np.ndarray) -> list[list[Any]]:
    (x, y), *rest = line.tolist()
    return [["M", x, y], *(["L", *point] for point in rest or [(x + 0.01, y)])]


def drawn(lines: Sequence[np.ndarray], side: int, width: int) -> bytes:
    """Lines in white on black as PNG, which stands in until the canvas has drawn them itself.

    Args:
        side: of the canvas; width: of the pen; pixels.
    """
    paper = Image.new("L", (side, side))
    pen, r = ImageDraw.Draw(paper), width / 2
    for line in lines:
        pen.line([tuple(point) for point in line.tolist()], 255, width, joint="curve")
        for x, y in line[[0, -1]].tolist():
            pen.ellipse((x - r, y - r, x + r, y + r), 255)
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def _line(found: Mapping[str, Any]) -> np.ndarray:
    """The points of a path where it lies now: a person may have moved, turned or resized it."""
    points: list[np.ndarray] = []
    for kind, *numbers in found["path"]:
        if len(numbers) < 2:
            continue
        if kind == "Q" and points:  # half-way along the bend, which its ends do not show
            points.append((points[-1] + 2 * np.array(numbers[:2]) + np.array(numbers[2:])) / 4)
        points.append(np.array(numbers[-2:], float))
    line = np.vstack(points)
    middle = (line.min(0) + line.max(0)) / 2
    place = np.array([found.get("left", middle[0]), found.get("top", middle[1])], float)
    scale = np.array([found.get("scaleX", 1), found.get("scaleY", 1)], float)
    angle = np.deg2rad(found.get("angle", 0))
    if np.abs(place - middle).max() < 3 and not angle and (scale == 1).all():
        return line  # the canvas measures the middle a little otherwise
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (line - middle) * scale @ turn + place


def _simpler(line: np.ndarray, tolerance: float) -> np.ndarray:
    """A line with fewer points: Douglas and Peucker 1973."""
    keep = np.zeros(len(line), bool)
    keep[[0, -1]] = True
    parts = [(0, len(line) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        along, off = line[last] - line[first], line[first + 1 : last] - line[first]
        length = along @ along
        share = np.clip(off @ along / length, 0, 1) if length else np.zeros(len(off))
        far = np.hypot(*(off - share[:, None] * along).T)
        if far.max() > tolerance:
            middle = first + 1 + int(far.argmax())
            keep[middle] = True
            parts += [(first, middle), (middle, last)]
    return line[keep]
