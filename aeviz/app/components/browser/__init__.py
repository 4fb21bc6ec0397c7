"""What the components share in the browser: Plotly, downloads, canvases, touch.

A component of this package is a folder x with x.js and x.css, made by `declare(HERE, html)`. Its
JavaScript may call what browser.js defines, above all `loadPlotly(url)` (a promise of this
package's own Plotly), `download(url, read)` (each address once), `scratchCanvas(width, height)` and
`hasWebGL()`. Large things go there as files of the app's own server: `serve` and `plotly_url` give
addresses to put into a component's data. They are relative to the page ("./media/..."), so they
hold below any path, also where a proxy takes the path away before this server sees it; fetch, src
and href take them as they are, and JavaScript must not put a slash in front.

`on_every_page` is there once, above all pages: on every Plotly chart of the page a finger scrolls
the page, Escape ends Present, and Back leads to the page or the model before. A chart that has a
meaning for two fingers says so with `data-two-fingers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import plotly
import streamlit as st
import streamlit.components.v2 as components
from streamlit.runtime import get_instance

HERE = Path(__file__).parent
SCRIPTS = (
    "touch.js",
    "present.js",
    "history.js",
    "terms.js",
    "contexts.js",
    "scrolling.js",
    "focus.js",
    "drawer.js",
    "popover.js",
)
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


_LOADER = (HERE / "loader.js").read_text(encoding="utf-8")


def _parts(folder: Path) -> list[Path]:
    """The files of a component's JavaScript but the one that is called as the folder is."""
    return sorted(file for file in folder.glob("*.js") if file.stem != folder.name)


def script(folder: Path, like: Path | None = None) -> str:
    """The JavaScript of a component: what all share, then its files, its own name's last.

    Args:
        like: another component's folder, whose parts it uses too.
    """
    borrowed = _parts(like) if like else []
    files = [HERE / "browser.js", *borrowed, *_parts(folder), folder / f"{folder.name}.js"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def declare(
    folder: Path,
    html: str,
    *,
    isolated: bool = True,
    like: Path | None = None,
    sheets: Sequence[str] = (),
) -> Callable[..., Any]:
    """The component `aeviz.<folder>`, to be mounted with a key and its data.

    Args:
        folder: has its JavaScript and its style rules, which are called as the folder is, and
            parts of the former in files of their own.
        html: what it stands in.
        isolated: neither its rules nor the page's go through its border.
        like: the folder of a component whose style rules and parts it shares.
        sheets: style rules of this folder that it has too, "slider" or "stage".
    """
    files = [HERE / f"{name}.css" for name in sheets]
    files += [one / f"{one.name}.css" for one in (like, folder) if one]
    css = "\n".join(file.read_text(encoding="utf-8") for file in files)
    code = script(folder, like).encode()
    component = components.component(
        f"aeviz.{folder.name}", html=html, css=css, js=_LOADER, isolate_styles=isolated
    )

    def mount(*, key: str, data: dict[str, Any], **more: Any) -> Any:
        # Streamlit sends a component's JavaScript with each update. So that is a few lines, which
        # fetch the rest once: an update of the map has a tenth of the bytes.
        address = serve(code, "text/javascript", f"{key}-script")
        return component(key=key, data=data | {"script": address}, **more)

    return mount


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


def on_every_page() -> None:
    """One finger scrolls, Escape ends Present and closes terms, Back skips places; once a page.

    Charts that are gone give their WebGL contexts back, and what scrolls within itself does so by
    keyboard, too. Plain scripts: neither
    `st.plotly_chart` nor a toggle gives a component's JavaScript a way in.
    """
    st.html(_scripts(), unsafe_allow_javascript=True)


@cache
def _scripts() -> str:
    code = [(HERE / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "".join(f"<script>{one}</script>" for one in code)
