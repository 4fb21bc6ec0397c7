"""The pages: each question once, for the navigation, the cards on the home page and the tests.

Their order is here, their words are in texts/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
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
    "Lesson": ("home", "chooser"),
    "Explore": (
        "map",
        "holes",
        "interpolate",
        "arithmetic",
        "sample",
        "reconstruct",
        "compare",
        "anatomy",
        "loss",
        "beta",
    ),
    "Train": ("train",),
    "Lab": ("ladder", "denoise", "inpainting", "anomaly", "stability", "uses", "few_labels"),
}
"""The four places: a lesson from its first view on; what is inside a model; one's own; and what a
code is good for, each with an experiment to do.
"""
LESSON = ("home", "ladder", "holes", "beta", "denoise", "anomaly", "train")
"""The pages of a lesson in order: squeezed, how narrow, holes, beta, noise, the odd one out."""
NEXT = dict(pairwise(LESSON)) | {
    "chooser": "anatomy",  # what it recommends, opened
    "anatomy": "loss",
    "loss": "beta",  # its weight, turned
    "map": "interpolate",  # of two of its codes
    "interpolate": "arithmetic",  # between two codes, then beyond them
    "arithmetic": "sample",  # and anywhere
    "sample": "loss",  # which says why a prior is filled
    "reconstruct": "ladder",
    "compare": "uses",
    "inpainting": "anomaly",
    "stability": "uses",
    "uses": "few_labels",
    "few_labels": "train",
    "train": "map",  # one's own
}
"""The page that each page ends with."""
MOVED = {"which": "chooser", "hidden": "inpainting", "codes": "uses", "labels": "few_labels"}
"""Addresses of earlier versions, which lessons and bookmarks may name."""


def _page(key: str, section: str) -> Page:
    text = texts.of(key)
    return Page(key, section, text.part("title"), text.part("line"), text.question)


PAGES = {key: _page(key, section) for section, keys in ORDER.items() for key in keys}


def navigation() -> StreamlitPage:
    """The page that was asked for; draws the four places with a menu each, above all pages."""
    shown = {
        section: [
            st.Page(PAGES[key].path, title=PAGES[key].title, default=key == "home") for key in keys
        ]
        for section, keys in ORDER.items()
    }
    for old, new in MOVED.items():
        page = st.Page(_moved(new), title=old, url_path=old, visibility="hidden")
        shown["Lesson"].append(page)
    return st.navigation(shown, position="top")


def at_foot(page: StreamlitPage) -> None:
    """The four places as a bar at the foot of a phone, where Streamlit folds its own away.

    Elsewhere the style sheet hides it. The place of the page is marked here and above.
    """
    key = page.url_path or "home"
    places = list(ORDER)
    with st.container(key="four-places", horizontal=True, gap=None):
        for place, keys in ORDER.items():
            link(keys[0], place)
    if key in PAGES:
        nth = places.index(PAGES[key].section) + 1
        above = f"[data-testid=stTopNav] > div:nth-child({nth}) > button"
        below = f".st-key-four-places > div:nth-child({nth}) a"
        st.html(
            f"<style>{above} {{ box-shadow: inset 0 -2px var(--accent); }} "
            f"{below} {{ box-shadow: inset 0 2px var(--accent); font-weight: 600; }}</style>"
        )


def place_in_lesson(page: StreamlitPage) -> None:
    """On a page of the lesson: which step it is, and the way to the next one."""
    if page.url_path not in LESSON[1:]:
        return
    at = LESSON.index(page.url_path) + 1
    with st.container(key="lesson", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[Lesson, step {at} of {len(LESSON)}]", width="content")
        if at < len(LESSON):
            link(LESSON[at], f":small[**{at + 1}** {texts.of(LESSON[at]).part('step')} →]")


def next_step(page: StreamlitPage) -> None:
    """At the end of a page: what a student would ask for next."""
    if following := NEXT.get(page.url_path or "home"):
        with st.container(key="next-step"):
            link(following, f"Next: **{PAGES[following].question}**")


def _moved(key: str) -> Callable[[], None]:
    return lambda: to(key, **session.address())


def to(key: str, **address: str) -> None:
    """Go to a page."""
    st.switch_page(PAGES[key].path, query_params=address)


def link(key: str, label: str | None = None, *, disabled: bool = False, **address: str) -> None:
    """A link to a page, called by its title where no label is given."""
    page = PAGES[key]
    st.page_link(page.path, label=label or page.title, query_params=address, disabled=disabled)
