"""What the components share in the browser: Plotly, downloads, canvases, touch.

A component of this package is a folder x with x.js and x.css, made by `declare(HERE, html)`. Its
JavaScript may call what browser.js defines, above all `loadPlotly(url)` (a promise of this
package's own Plotly), `download(url, read)` (each address once), `scratchCanvas(width, height)` and
`hasWebGL()`. Large things go there as files of the app's own server: `serve` and `plotly_url` give
addresses to put into a component's data. They are relative to the page ("./media/..."), so they
hold below any path, also where a proxy takes the path away before this server sees it; fetch, src
and href take them as they are, and JavaScript must not put a slash in front.

`one_finger_scrolls` is there once, from the sidebar: on every Plotly chart of the page a finger
scrolls the page. A chart that has a meaning for two fingers says so with `data-two-fingers`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import plotly
import streamlit as st
import streamlit.components.v2 as components
from streamlit.runtime import get_instance

HERE = Path(__file__).parent
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def script(file: Path) -> str:
    """The JavaScript of a component, with what is shared in front of it."""
    shared = (HERE / "browser.js").read_text(encoding="utf-8")
    return shared + file.read_text(encoding="utf-8")


def declare(folder: Path, html: str, *, isolated: bool = True) -> Callable[..., Any]:
    """The component `aeviz.<folder>`, to be mounted with a key and its data.

    Args:
        folder: has its JavaScript and its style rules, which are called as the folder is.
        html: what it stands in.
        isolated: neither its rules nor the page's go through its border.
    """
    css = (folder / f"{folder.name}.css").read_text(encoding="utf-8")
    js = script(folder / f"{folder.name}.js")
    return components.component(
        f"aeviz.{folder.name}", html=html, css=css, js=js, isolate_styles=isolated
    )


def serve(content: bytes, kind: str, place: str) -> str:
    """Put a file on the app's server; returns its address, relative to the page.

    All pages lie side by side (/, /map, /train), so that one address is right for each of them.

    Args:
        kind: its media type, such as "image/png".
        place: where it is used; what was served for the same place before is let go.
    """
    return "." + get_instance().media_file_mgr.add(content, kind, place)


@cache
def _plotly() -> bytes:
    return PLOTLY.read_bytes()


def plotly_url(place: str) -> str:
    """The address of Plotly's own file, for `loadPlotly`."""
    return serve(_plotly(), "text/javascript", place)


def one_finger_scrolls() -> None:
    """On every chart of the page one finger scrolls; put there once, by the sidebar.

    Charts that are gone give their WebGL contexts back, too.

    Plain script, as `st.plotly_chart` gives no component's JavaScript a way in.
    """
    st.html(_touch(), unsafe_allow_javascript=True)


@cache
def _touch() -> str:
    files = (HERE / name for name in ("touch.js", "contexts.js"))
    return f"<script>{''.join(file.read_text(encoding='utf-8') for file in files)}</script>"
