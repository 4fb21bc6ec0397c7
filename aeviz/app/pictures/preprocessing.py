"""How each file was read, and the two controls by which a person corrects it."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from PIL import Image

from aeviz.app import session, widgets
from aeviz.app.pictures.sources import MAX_FILES, File
from aeviz.data import digits
from aeviz.data.digits import BlankError, ImageError, Stages

T = TypeVar("T")
THUMBNAIL = 160
STRIP = "clamp(3.2rem, 13vw, 5.4rem)"


_READER = ThreadPoolExecutor(1, "pictures")
"""Reads one picture at a time, in the order in which a class hands them in: forty at once would
take forty times the memory."""
AT_ONCE = 4
"""So many are read until the page says how far it is."""
KEPT = 2 * MAX_FILES
"""So many readings a session keeps."""

Reading = Stages | ImageError


def read(
    content: bytes, *, inverted: bool | None = None, threshold: float | None = None
) -> Reading:
    """A file's digits as MNIST would hold them and thumbnails of the way there, or why not."""
    return _READER.submit(_read, content, inverted, threshold).result()


def _read(content: bytes, inverted: bool | None, threshold: float | None) -> Reading:
    try:
        found = digits.stages(content, inverted=inverted, threshold=threshold)
    except ImageError as error:
        return error
    large = ("uploaded", "grey", "ink", "strokes")
    return replace(found, **{name: _thumbnail(getattr(found, name)) for name in large})


def plain(content: bytes) -> np.ndarray | ImageError:
    """A file's picture as it is, or why there is none."""
    return _READER.submit(_plain, content).result()


def _plain(content: bytes) -> np.ndarray | ImageError:
    try:
        return digits.plain(content)
    except ImageError as error:
        return error


def kept(how: Callable[..., T], files: Sequence[File], more: Sequence[dict[str, Any]]) -> list[T]:
    """What `how` makes of each file; the session keeps it, and it is said how far it is.

    Args:
        how: `read` or `plain`.
        more: what else it is told of each file.
    """
    known: dict[object, T] = session.start("readings", dict)
    told = list(zip(files, more, strict=True))
    names = [(how.__name__, mark_of(content), *settings.items()) for (_, content), settings in told]
    new = [k for k, name in enumerate(names) if name not in known]

    def take(some: Sequence[int]) -> None:
        known.update({names[k]: how(files[k][1], **more[k]) for k in some})

    if len(new) > AT_ONCE:  # a spinner is not seen before half a second, longer than four take
        bar = st.progress(0.0)
        for begin in range(0, len(new), AT_ONCE):
            some = new[begin : begin + AT_ONCE]
            said = f"Reading photos {some[0] + 1} to {some[-1] + 1} of {len(files)}"
            bar.progress(begin / len(new), said)
            take(some)
        bar.empty()
    elif new:
        with st.spinner("Reading the photo" if len(new) == 1 else "Reading the photos"):
            take(new)
    for name in names:
        known[name] = known.pop(name)  # the newest are at the end
    while len(known) > max(KEPT, len(files)):
        del known[next(iter(known))]
    return [known[name] for name in names]


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W) or (H, W, 3) as uint8 of at most 160 pixels a side."""
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(image)


def mark_of(content: bytes) -> str:
    """What a file is told by in this process, whatever its name.

    Python keeps the hash with the bytes: 60 photos are not gone through anew with each click.
    """
    return f"{hash(content) % 2**64:016x}"


def read_all(
    files: Sequence[File], source: str, key: str, *, folded: bool = False
) -> list[tuple[str, Stages]]:
    """Show how the files are read and let the person correct it; the name of each that was read.

    Args:
        folded: the stages of the way there are behind the controls too, where room is short.
    """
    by_hand: dict[str, dict[str, Any]] = session.start(f"{key}_by_hand", dict)
    marks = [mark_of(content) for _, content in files]
    found = kept(read, files, [by_hand.get(mark, {}) for mark in marks])
    readings = [(name, reading) for (name, _), reading in zip(files, found, strict=True)]
    if source == "draw":  # a canvas that is blank is no problem yet
        readings = [(name, found) for name, found in readings if not isinstance(found, BlankError)]
    show_problems(readings)
    # Nothing can be done about a damaged file here; a blank one may be read with other settings.
    shown = [k for k, (_, found) in enumerate(readings) if isinstance(found, Stages | BlankError)]
    if shown:
        which = shown[0]
        if len(shown) > 1:
            which = st.selectbox(
                "How it was read",
                shown,
                format_func=lambda k: f"{k + 1}: {files[k][0]}",
                key=f"{key}_shown_{marks[0]}_{len(files)}",
            )
        _adjust(files[which][1], by_hand, key, folded)
    return [(name, found) for name, found in readings if isinstance(found, Stages)]


def show_problems(readings: Sequence[tuple[str, object]]) -> None:
    """The name of each file that was not read and what to do with it; it is a stranger's name."""
    lines = "".join(
        f"<div><b>{html.escape(name[:80])}</b>: {html.escape(str(found))}</div>"
        for name, found in readings
        if isinstance(found, ImageError)
    )
    if lines:
        st.html(f'<div class="aeviz-problems" role="alert">{lines}</div>')


def _adjust(content: bytes, by_hand: dict[str, dict[str, Any]], key: str, folded: bool) -> None:
    """The strip of stages of one file, and the two controls by which a person corrects it.

    Both stand where they are in force: as found until the person moves them.

    Args:
        by_hand: what was set by hand, under each file's mark.
    """
    mark = mark_of(content)
    (found,) = kept(read, [("", content)], [by_hand.get(mark, {})])
    strip = st.container()
    controls = st.expander("Adjust preprocessing")
    with controls if folded else strip:
        _strip(found)
    if not isinstance(found, Stages):
        (found,) = kept(read, [("", content)], [{}])
    automatic = (False, 0.1) if isinstance(found, ImageError) else (found.inverted, found.threshold)
    in_force = {"inverted": automatic[0], "threshold": automatic[1], **by_hand.get(mark, {})}
    inverted_key, threshold_key = f"{key}_inverted_{mark}", f"{key}_threshold_{mark}"
    session.put(inverted_key, "yes" if in_force["inverted"] else "no")
    session.put(threshold_key, min(max(round(in_force["threshold"], 2), 0.01), 0.99))
    inverted_box, threshold_box = session.box(inverted_key), session.box(threshold_key)

    def take() -> None:
        """Keep what was set by hand."""
        if session.changed(inverted_key):
            by_hand.setdefault(mark, {})["inverted"] = session.value(inverted_key) == "yes"
        elif session.changed(threshold_key):
            by_hand.setdefault(mark, {})["threshold"] = session.value(threshold_key)

    def reset() -> None:
        """Forget what was set by hand."""
        by_hand.pop(mark, None)

    with controls:
        st.segmented_control(
            "Invert",
            ["yes", "no"],
            default=session.value(inverted_key),
            required=True,
            format_func={"yes": "Yes: dark ink", "no": "No: bright ink"}.__getitem__,
            key=inverted_box,
            on_change=take,
            help="MNIST has bright ink on black. The border of the picture shows what the paper "
            "is; here you know better.",
        )
        st.slider(
            "Threshold",
            0.01,
            0.99,
            session.value(threshold_key),
            step=0.01,
            key=threshold_box,
            on_change=take,
            help="What is brighter than the paper by this share of black to white is ink. It is "
            "found by Otsu's method. Lower it for faint strokes, raise it against dirt.",
        )
        st.button(
            "Reset to automatic",
            key=f"{key}_found_{mark}",
            disabled=mark not in by_hand,
            on_click=reset,
        )


def _strip(found: Stages | ImageError) -> None:
    """The stages of the way from a picture to its digits, where there is one."""
    if isinstance(found, Stages):
        steps = [
            widgets.Item([(image, f"step: {name}")], name.replace(" ", "\n", 1).capitalize())
            for name, image in found.strip
        ]
        widgets.gallery(steps, size=STRIP)
