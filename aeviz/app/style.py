"""How all pages look: their rules, by the size of the type, the theme and whether one presents."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
PRESENT = (HERE / "present.css").read_text(encoding="utf-8")
"""What is there only while a page is presented."""
ALONE = ".st-key-top-row { display: none; }"
"""In another site's page, which has no room for it."""
BESIDE = """
.st-key-top-row {
  position: fixed; top: 0; right: 4rem; z-index: 999991; width: auto; height: 3.75rem;
}
.stMainBlockContainer { padding-top: 4rem; }
"""
"""The row as a part of the header."""
INK = {
    "light": "--on-paper: invert(1); --on-paper-blend: multiply;",
    "dark": "--on-paper: none; --on-paper-blend: screen;",
}
"""Grey images are light strokes on black: on paper they become ink."""
SIZE, LARGE = 16, 22
"""Of the type, px."""
UNLARGE = f".st-key-top-row {{ zoom: {SIZE / LARGE:.4f}; height: {3.75 * LARGE / SIZE:.3f}rem; }}"
"""The row in large type, in the header as high as that is."""
WIDE = 1170
"""So wide a window has room for it, px."""


def rules(*, large: bool, present: bool) -> str:
    """The style sheet of all pages, as HTML.

    Args:
        large: large type.
        present: only what a page shows is there.
    """
    found = [f"html {{ font-size: {LARGE if large else SIZE}px; }}", STYLE]
    # Lists and menus are beside the app, which alone has a scheme by itself.
    scheme = st.context.theme.type or "light"
    found += [f"html {{ color-scheme: {scheme}; {INK[scheme]} }}"]
    # Where the row fits beside the names of the four places; it is not for the last row, and so
    # large type leaves it at its size.
    more, rows = (110, UNLARGE) if large else (0, "")
    found += [f"@media (min-width: {WIDE + more}px) {{ {BESIDE} {rows} }}"]
    found += [PRESENT] if present else []
    found += [ALONE] if st.context.is_embedded else []
    return f"<style>{' '.join(found)}</style>"
