"""The pages: each question once, for the navigation, the cards on the home page and the tests.

Their order is here, their words are in texts/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from aeviz.app import session, texts

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Page:
    """A page: what the navigation calls it, what one does there, and what it asks."""

    key: str
    section: str
    title: str
    line: str
    question: str

    @property
    def path(self) -> Path:
        """Its file."""
        return ROOT / "pages" / f"{self.key}.py"


ORDER = {
    "Explore": ("home", "chooser", "anatomy", "map", "interpolate", "sample"),
    "Measure": ("reconstruct", "ladder", "denoise", "inpainting", "anomaly"),
    "Compare": ("compare", "stability", "uses", "few_labels", "loss"),
    "Make": ("train",),
}
MOVED = {"which": "chooser", "hidden": "inpainting", "codes": "uses", "labels": "few_labels"}
"""Addresses of earlier versions, which lessons and bookmarks may name."""


def _page(key: str, section: str) -> Page:
    text = texts.of(key)
    return Page(key, section, text.part("title"), text.part("line"), text.question)


PAGES = {key: _page(key, section) for section, keys in ORDER.items() for key in keys}


def navigation() -> StreamlitPage:
    """The page that was asked for; draws the navigation."""
    shown = {
        section: [
            st.Page(PAGES[key].path, title=PAGES[key].title, default=key == "home") for key in keys
        ]
        for section, keys in ORDER.items()
    }
    for old, new in MOVED.items():
        page = st.Page(_moved(new), title=old, url_path=old, visibility="hidden")
        shown["Explore"].append(page)
    return st.navigation(shown, expanded=True)


def _moved(key: str) -> Callable[[], None]:
    return lambda: to(key, **session.address())


def to(key: str, **address: str) -> None:
    """Go to a page."""
    st.switch_page(PAGES[key].path, query_params=address)


def link(key: str, label: str | None = None, *, disabled: bool = False, **address: str) -> None:
    """A link to a page, called by its title where no label is given."""
    page = PAGES[key]
    st.page_link(page.path, label=label or page.title, query_params=address, disabled=disabled)
