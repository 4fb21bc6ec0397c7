"""The one way in for pictures: a test picture, or what a person uploads, draws or photographs."""

from __future__ import annotations

import hashlib
import html
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import streamlit as st
from PIL import Image

from aeviz.app import session, ui
from aeviz.data import datasets, digits

SOURCES = {"test": "Test set", "upload": "Upload", "draw": "Draw", "camera": "Camera"}
MAX_FILES = 60
KEPT_BYTES = 40_000_000
"""As much of what a person uploaded is there again after other pages."""
CANVAS = 256
"""Side of the drawing canvas, in pixels: a screen of 320 has as much, in large type too."""
PEN = 20
"""A digit drawn 180 pixels high gets strokes of 2.2 pixels: the median of MNIST's."""
THUMBNAIL = 160
STRIP = "clamp(3.2rem, 13vw, 5.4rem)"

File = tuple[str, bytes]
"""A name, as the person gave it, and the content."""


@dataclass(frozen=True)
class Picked:
    """Pictures (N, 28, 28) float32 in [0, 1], as MNIST would hold them, at least one.

    names: what each is called, for captions and files; labels: (N,) where they are known.
    """

    pictures: np.ndarray
    names: list[str]
    labels: np.ndarray | None


@dataclass(frozen=True)
class Reading:
    """What became of a file: small pictures of each stage, the digits, and what was found."""

    strip: list[tuple[str, np.ndarray]]
    whole: np.ndarray
    digits: np.ndarray
    inverted: bool
    threshold: float


@dataclass(frozen=True)
class Problem:
    """Why a file gave no digit, in one sentence; blank: it is a picture, but without ink."""

    sentence: str
    blank: bool


def pick_images(
    dataset: datasets.Dataset, key: str, start: int = 1, *, many: bool = False
) -> Picked:
    """Widgets by which a person chooses or hands in pictures; returns what they chose.

    Where nothing was handed in yet, or nothing that can be read, a sentence says so, and it is
    a test picture until then.

    Args:
        key: of the test picture's number, also its name in the URL. Of its own on each page: on a
            change of pages buttons of the same key forget which one is pressed.
        start: the test picture chosen at first.
        many: return all pictures that were handed in, or those of them that the person chose;
            exactly one otherwise.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        source = ui.choice("Picture", SOURCES, f"{key}_from")
        number = start
        if source == "test":
            number = ui.pick_test_picture("Picture", key, start, dataset)
    if source != "test":
        given, seen = st.columns([2, 3], gap="large")
        with given:
            files = {"upload": _upload, "draw": _draw, "camera": _photograph}[source](key)
        with seen:
            if picked := _read_all(files, source, key, many):
                return picked
            st.info(f"{_nothing_yet(files, source)} Until then this is a test picture.")
    label = dataset.test_labels[number]
    return Picked(
        datasets.to_float(dataset.test_images[number])[None],
        [f"{dataset.classes[label]}-{number}"],
        dataset.test_labels[number : number + 1],
    )


def _nothing_yet(files: Sequence[File], source: str) -> str:
    if source == "draw":
        return "Nothing is drawn yet."
    if files:
        return "No digit was found."
    return "Nothing is uploaded yet." if source == "upload" else "No photo is taken yet."


@st.cache_data(max_entries=120, show_spinner="Reading the picture")
def _plain(content: bytes) -> np.ndarray | str:
    """A file's picture as it is, or why there is none."""
    try:
        return digits.plain(content)
    except digits.ImageError as error:
        return str(error)


def upload_plain(label: str, key: str) -> list[np.ndarray]:
    """Pictures (28, 28) that a person hands in as they are, noise and all; none at first."""
    if not has_uploads(st.context.headers, st.context.cookies):
        _lead_to_a_window(key)
        return []
    uploads = st.file_uploader(label, accept_multiple_files=True, key=key, width=560)
    read = [(upload.name, _plain(upload.getvalue())) for upload in uploads[:MAX_FILES]]
    _problems([(name, found) for name, found in read if isinstance(found, str)])
    pictures = [found for _, found in read if not isinstance(found, str)]
    if not pictures:
        none = "None of these is a picture." if uploads else "Nothing is uploaded yet."
        st.info(f"{none} Until then this is a spoilt test picture.")
    return pictures


# -- where pictures come from -----------------------------------------------------------------


def has_uploads(headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
    """Does this browser send the cookie without which Streamlit answers an upload with 403?

    Not in a frame of another site's page, unless server.xsrfCookieSameSite is "none", and not
    where a person keeps all cookies out.

    Args:
        headers, cookies: of the person's first request; both empty where there is no browser.
    """
    guarded = st.get_option("server.enableXsrfProtection")
    return not headers or not guarded or "_streamlit_xsrf" in cookies


def _lead_to_a_window(key: str) -> None:
    """Say why nothing can be uploaded here, and where it can."""
    st.info(
        "Your browser keeps back a cookie that uploads need, as it does inside the page of another "
        "site. Open aeviz in a window of its own, or choose Draw."
    )
    address = f"{st.context.url}?{urlencode(st.query_params.to_dict())}"
    st.link_button("Open in a new window", address, key=f"{key}_window", type="primary")


def _upload(key: str) -> list[File]:
    """Files from the person's disk; they are there again after other pages."""
    if not has_uploads(st.context.headers, st.context.cookies):
        _lead_to_a_window(key)
        return []
    widget, kept = f"{key}_file", f"{key}_kept"

    def keep() -> None:
        """Take over what the person added or removed, up to the bytes that a session may keep."""
        uploads = st.session_state[widget]
        sums = np.cumsum([upload.size for upload in uploads])
        st.session_state[kept] = [
            (upload.name, upload.getvalue())
            for upload, total in zip(uploads, sums, strict=True)
            if total <= KEPT_BYTES
        ]

    # Any file comes in: what the browser keeps out of a kind or a size, it does without a sentence.
    uploads = st.file_uploader(
        "Digits on plain or ruled paper: photos, scans, drawings",
        accept_multiple_files=True,
        key=widget,
        on_change=keep,
    )
    if len(uploads) > MAX_FILES:
        st.caption(f"The first {MAX_FILES} files are used.")
    if uploads:
        return [(upload.name, upload.getvalue()) for upload in uploads[:MAX_FILES]]
    files: list[File] = st.session_state.get(kept, [])
    if files:
        number = f"{len(files)} pictures" if len(files) > 1 else "picture"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"Your {number} of before.")
            st.button("Forget", key=f"{key}_forget", on_click=st.session_state.pop, args=(kept,))
    return files


def has_camera(address: str | None) -> bool:
    """Do browsers give the camera to a page of this address? Also where it is not known.

    Source: W3C, Secure Contexts, section 3.1: https, or a host that is the machine itself.
    """
    parts = urlsplit(address or "")
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _photograph(key: str) -> list[File]:
    """A photo by the camera of the person's own machine."""
    if not has_uploads(st.context.headers, st.context.cookies):
        _lead_to_a_window(key)
        return []
    if not has_camera(st.context.url):
        st.info(
            "Your browser gives the camera only to https addresses. Choose Upload: there a phone "
            "offers its camera too."
        )

        def upload() -> None:
            """Choose the other source."""
            session.put(f"{key}_from", "upload")

        st.button("Go to Upload", key=f"{key}_to_upload", on_click=upload, type="primary")
        return []
    photo = st.camera_input("Hold up one digit, large and well lit", key=f"{key}_camera")
    st.caption(
        "No picture from your camera? Allow it in the browser, or choose Upload: there a phone "
        "offers its camera too."
    )
    return [("photo", photo.getvalue())] if photo else []


def _draw(key: str) -> list[File]:
    """A drawing with the mouse or a finger; it is there again after other pages."""
    from streamlit_drawable_canvas import st_canvas

    widget = f"{key}_canvas"
    sheet = st.session_state.setdefault(f"{key}_sheet", {"objects": [], "png": None, "start": None})

    def begin_with(objects: list[Any]) -> None:
        """Draw the canvas anew with these strokes; the number says that it is anew."""
        version = (sheet["start"] or {}).get("version", 0) + 1
        sheet["start"] = {"objects": objects, "version": version}

    if widget not in st.session_state:
        begin_with(sheet["objects"])
    st.caption("Draw one digit, large.")  # the canvas puts its tools beside this
    with st.container(key=f"pad-{key}"):  # the name that its place in a page is laid out by
        canvas = st_canvas(
            stroke_width=PEN,
            stroke_color="#ffffff",
            background_color="#000000",
            width=CANVAS,
            height=CANVAS,
            initial_drawing=sheet["start"],
            return_image_data=True,
            key=widget,
        )
    sheet["objects"] = (canvas.json_data or {}).get("objects", [])
    try:
        sheet["png"] = canvas.image_bytes or sheet["png"]
    except ValueError:  # not what the canvas sends
        sheet["png"] = None
    drawn = bool(sheet["objects"])
    with st.container(horizontal=True, gap="small"):
        for label, objects in (("Undo", sheet["objects"][:-1]), ("Clear", [])):
            st.button(
                label,
                key=f"{key}_{label.lower()}",
                disabled=not drawn,
                on_click=begin_with,
                args=(objects,),
            )
    return [("drawing", sheet["png"])] if drawn and sheet["png"] else []


# -- what becomes of them ---------------------------------------------------------------------


@st.cache_data(max_entries=120, show_spinner="Reading the picture")
def _read(content: bytes, inverted: bool | None, threshold: float | None) -> Reading | Problem:
    """A file's digits as MNIST would hold them, and the way there."""
    try:
        found = digits.stages(content, inverted=inverted, threshold=threshold)
    except digits.ImageError as error:
        return Problem(str(error), isinstance(error, digits.BlankError))
    return Reading(
        [(name, _thumbnail(picture)) for name, picture in found.strip],
        found.result,
        found.digits,
        found.inverted,
        found.threshold,
    )


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W) or (H, W, 3) as uint8 of at most 160 pixels a side."""
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    image = Image.fromarray(picture)
    if max(image.size) > THUMBNAIL:
        image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(image)


def _read_all(files: Sequence[File], source: str, key: str, many: bool) -> Picked | None:
    """Show how the files are read, let the person correct it, and return what they chose."""
    by_hand: dict[str, tuple[bool | None, float | None]]
    by_hand = st.session_state.setdefault(f"{key}_by_hand", {})
    marks = [hashlib.sha256(content).hexdigest()[:12] for _, content in files]
    readings = [
        _read(content, *by_hand.get(mark, (None, None)))
        for (_, content), mark in zip(files, marks, strict=True)
    ]
    _problems(
        [
            (name, reading.sentence)
            for (name, _), reading in zip(files, readings, strict=True)
            if isinstance(reading, Problem) and not (reading.blank and source == "draw")
        ]
    )
    # A damaged file cannot be read otherwise; a blank one may be.
    shown = [
        k for k, reading in enumerate(readings) if isinstance(reading, Reading) or reading.blank
    ]
    if shown and (source != "draw" or isinstance(readings[0], Reading)):
        which = shown[0]
        if len(shown) > 1:
            which = st.selectbox(
                "How it was read",
                shown,
                format_func=lambda k: f"{k + 1}: {files[k][0]}",
                key=f"{key}_shown_{marks[0]}_{len(files)}",
            )
        _how_read(readings[which], files[which][1], marks[which], by_hand, key)

    names: list[str] = []
    pictures: list[np.ndarray] = []
    for (name, _), reading in zip(files, readings, strict=True):
        if isinstance(reading, Reading):
            stem = file_stem(name)
            if stem in names or f"{stem}-1" in names:  # two files may be called alike
                stem = f"{stem}-{len(names) + 1}"
            found = list(reading.digits)
            names += [stem] if len(found) == 1 else [f"{stem}-{k + 1}" for k in range(len(found))]
            pictures += found
    if not pictures:
        return None
    labels = [str(k + 1) for k in range(len(names))]
    whole = next(reading.whole for reading in readings if isinstance(reading, Reading))
    apart = len(names)
    if len(files) == 1 < apart:  # it may be one digit in pieces
        names.append(file_stem(files[0][0]))
        pictures.append(whole)
        labels.append("All as one")
    chosen = _choose(
        labels, np.stack(pictures), f"{key}_which_{marks[0]}_{apart}_{len(names)}", many, apart
    )
    return Picked(np.stack([pictures[k] for k in chosen]), [names[k] for k in chosen], None)


def file_stem(name: str) -> str:
    """A file's name without its ending, and without what a path or a page could take amiss."""
    return re.sub(r"\W+", "-", name.rsplit(".", 1)[0]).strip("-")[:40] or "picture"


def _problems(problems: Sequence[tuple[str, str]]) -> None:
    """Each file's name and the sentence on what to do with it; the name is a stranger's."""
    if problems:
        lines = "".join(
            f"<div><b>{html.escape(name[:80])}</b>: {html.escape(sentence)}</div>"
            for name, sentence in problems
        )
        st.html(f'<div class="aeviz-problems" role="alert">{lines}</div>')


def _how_read(
    reading: Reading | Problem,
    content: bytes,
    mark: str,
    by_hand: dict[str, tuple[bool | None, float | None]],
    key: str,
) -> None:
    """The strip of stages of one file, and the two controls by which a person corrects it.

    Both stand where they are in force: as found until the person moves them.

    Args:
        mark: of the file; what was set by hand is kept under it.
    """
    inverted_key, threshold_key = f"{key}_inverted_{mark}", f"{key}_threshold_{mark}"
    inverted, threshold = by_hand.get(mark, (None, None))
    if isinstance(reading, Reading):
        ui.gallery(
            [
                ui.Item([(picture, f"step: {name}")], name.replace(" ", "\n", 1).capitalize())
                for name, picture in reading.strip
            ],
            size=STRIP,
        )
        inverted = reading.inverted
        threshold = reading.threshold
    else:
        found = _read(content, None, None)
        if isinstance(found, Reading):
            inverted = found.inverted if inverted is None else inverted
            threshold = found.threshold if threshold is None else threshold
    session.put(inverted_key, "yes" if inverted else "no")
    session.put(threshold_key, min(max(round(threshold or 0.1, 2), 0.01), 0.99))
    inverted_box, threshold_box = session.box(inverted_key), session.box(threshold_key)

    def take() -> None:
        """Keep what was set by hand."""
        old = by_hand.get(mark, (None, None))
        if session.changed(inverted_key):
            by_hand[mark] = (session.value(inverted_key) == "yes", old[1])
        elif session.changed(threshold_key):
            by_hand[mark] = (old[0], session.value(threshold_key))

    def as_found() -> None:
        """Forget what was set by hand."""
        by_hand.pop(mark, None)

    with st.expander("Read it otherwise"):
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
            "As found",
            key=f"{key}_found_{mark}",
            disabled=mark not in by_hand,
            on_click=as_found,
        )


def _choose(
    labels: Sequence[str], pictures: np.ndarray, key: str, many: bool, apart: int
) -> list[int]:
    """Which of the digits (N, 28, 28) that were found are used.

    Args:
        many: several may be; the first `apart` of them are at first.
    """
    numbers = list(range(len(labels)))
    if len(numbers) == 1:
        return numbers
    ui.gallery(
        [
            ui.Item([(picture, f"digit {label}")], label)
            for picture, label in zip(pictures, labels, strict=True)
        ],
        size="3rem",
    )
    if many:
        chosen = st.pills(
            "Digits that are used",
            numbers,
            default=numbers[:apart],
            selection_mode="multi",
            format_func=labels.__getitem__,
            key=key,
        )
        return sorted(chosen) or numbers[:apart]
    chosen = st.pills(
        "Digit that is used",
        numbers,
        default=0,
        required=True,
        format_func=labels.__getitem__,
        key=key,
    )
    return [chosen or 0]
