"""Where a person's pictures come from: a disk, a canvas, a camera."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import streamlit as st

from aeviz.app import session
from aeviz.app.pictures import strokes

MAX_FILES = 60
KEPT_BYTES = 40_000_000
"""As much of what a person uploaded is there again after other pages."""
CANVAS = 256
"""Side of the drawing canvas, in pixels: a screen of 320 has as much, in large type too."""
PEN = 20
"""A digit drawn 180 pixels high gets strokes of 2.2 pixels: the median of MNIST's."""

File = tuple[str, bytes]
"""A name, as the person gave it, and the content."""


def has_uploads(headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
    """Does this browser send the cookie without which Streamlit answers an upload with 403?

    Not in a frame of another site's page, unless server.xsrfCookieSameSite is "none", and not
    where a person keeps all cookies out.

    Args:
        headers, cookies: of the person's first request; both empty where there is no browser.
    """
    guarded = st.get_option("server.enableXsrfProtection")
    return not headers or not guarded or "_streamlit_xsrf" in cookies


def can_upload(key: str) -> bool:
    """Whether files reach the app from here; where not, say why, and lead to where they do."""
    if has_uploads(st.context.headers, st.context.cookies):
        return True
    st.info(
        "Your browser keeps back a cookie that uploads need, as it does inside the page of another "
        "site. Open aeviz in a window of its own, or choose Draw."
    )
    address = f"{st.context.url}?{urlencode(session.address())}"
    st.link_button("Open in a new window", address, key=f"{key}_window", type="primary")
    return False


def upload(
    key: str, label: str = "Digits on plain or ruled paper: photos, scans, drawings"
) -> list[File]:
    """Files from the person's disk; they are there again after other pages."""
    widget, kept = f"{key}_file", f"{key}_kept"

    def keep() -> None:
        """Take over what the person added or removed, up to the bytes that a session may keep."""
        uploads = session.get(widget)
        sums = np.cumsum([upload.size for upload in uploads])
        session.note(
            kept,
            [
                (upload.name, upload.getvalue())
                for upload, total in zip(uploads, sums, strict=True)
                if total <= KEPT_BYTES
            ],
        )

    # Any file comes in: what the browser keeps out of a kind or a size, it does without a sentence.
    uploads = st.file_uploader(
        label,
        accept_multiple_files=True,
        key=widget,
        on_change=keep,
    )
    if len(uploads) > MAX_FILES:
        st.caption(f"The first {MAX_FILES} files are used.")
    if uploads:
        return [(upload.name, upload.getvalue()) for upload in uploads[:MAX_FILES]]
    files: list[File] = session.get(kept, [])
    if files:
        number = f"{len(files)} earlier images" if len(files) > 1 else "earlier image"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"Your {number}.")
            st.button("Forget", key=f"{key}_forget", on_click=session.forget, args=(kept,))
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


def camera(key: str) -> list[File]:
    """A photo by the camera of the person's own machine."""
    if not has_camera(st.context.url):
        st.info(
            "Your browser gives the camera only to https addresses. Choose Upload: there a phone "
            "offers its camera too."
        )
        go = partial(session.put, f"{key}_from", "upload")
        st.button("Go to Upload", key=f"{key}_to_upload", on_click=go, type="primary")
        return []
    photo = st.camera_input("Hold up one digit, large and well lit", key=f"{key}_camera")
    st.caption(
        "No picture from your camera? Allow it in the browser, or choose Upload: there a phone "
        "offers its camera too."
    )
    return [("photo", photo.getvalue())] if photo else []


def _sheet(key: str) -> dict[str, Any]:
    """A drawing at first: what the address says was drawn, else nothing."""
    lines = strokes.unpack(session.asked(f"{key}_drawn") or "")
    png = strokes.drawn(lines, CANVAS, PEN) if lines else None
    return {"objects": strokes.objects(lines, PEN), "png": png, "start": None}


def draw(key: str) -> list[File]:
    """A drawing with the mouse or a finger; it is there again after other pages and a reload."""
    from streamlit_drawable_canvas import st_canvas

    widget = f"{key}_canvas"
    sheet = session.start(f"{key}_sheet", lambda: _sheet(key))

    def begin_with(objects: list[Any]) -> None:
        """Draw the canvas anew with these strokes; the number says that it is anew."""
        version = (sheet["start"] or {}).get("version", 0) + 1
        sheet["start"] = {"objects": objects, "version": version}

    if session.get(widget) is None:
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
    if canvas.json_data:  # from a canvas that is not there yet comes nothing
        sheet["objects"] = canvas.json_data.get("objects", [])
    session.say(f"{key}_drawn", strokes.pack(sheet["objects"]) or None)
    try:
        sheet["png"] = canvas.image_bytes or sheet["png"]
    except ValueError:  # not what the canvas sends
        sheet["png"] = None
    drawn = bool(sheet["objects"])
    with st.container(horizontal=True, gap="small"):
        for label, objects in (("Undo", sheet["objects"][:-1]), ("Clear", [])):
            then = partial(begin_with, objects)
            st.button(label, key=f"{key}_{label.lower()}", disabled=not drawn, on_click=then)
    return [("drawing", sheet["png"])] if drawn and sheet["png"] else []
