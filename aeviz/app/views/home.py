"""Parts of the home page: the steps of a lesson, the pages by section, the variants."""

from __future__ import annotations

import streamlit as st

from aeviz.app import library, pages, sidebar, texts, widgets
from aeviz.app.subject import ModelSubject
from aeviz.app.views import encoded, explore
from aeviz.data import datasets
from aeviz.models import zoo

QUESTIONS = {
    "Lesson": "Lesson: which one do I need?",
    "Explore": "Explore: what is inside?",
    "Train": "Train: one of your own",
    "Lab": "Lab: what is it good for?",
}


def show() -> None:
    """The whole page."""
    subject = sidebar.subject()
    _, code = zoo.code(subject.model)
    widgets.heading("home", code=code)
    asked = widgets.decoded_as(subject, "home_label")
    label = None if asked is None else int(asked[0])
    with widgets.exhibit("home"):
        explore.explore(
            "home", subject, subject.plane(), label=label, dots=False, wheel=False, pad=True
        )
    steps()
    st.header("What next?", anchor=False)
    sections()
    st.header("The autoencoders", anchor=False)
    variants()
    explore.prepare(subject)


def warm() -> None:
    """Compute what the map of this page needs, so that the page is drawn without a wait.

    Where it has to wait it says so in a line of its own, and what follows changes its place.
    """
    subject = ModelSubject(library.codec(library.home()), datasets.load("mnist"))
    plane = subject.plane()
    frame = explore.frame_of(subject, plane)
    explore.drawn(subject, plane, frame.window, None)
    explore.exact_at(subject, plane, frame.start)
    encoded.image(subject, plane, explore.on_pad(subject, plane))


def steps() -> None:
    """The steps of a lesson, in order, each a link to the page that shows it."""
    with st.container(key="steps", horizontal=True, gap="small"):
        for number, key in enumerate(pages.LESSON, 1):
            said = f"**{number}** {texts.of(key).part('step')}"
            if key == "home":
                st.markdown(f":small[:primary[{said}]]", width="content")  # here it is
            else:
                pages.link(key, said)


def sections() -> None:
    """The pages of each section of the navigation, each with what one does there."""
    with st.grid(4, min_column_width=230, gap="small"):
        for section in pages.ORDER:
            _section(section)


def _section(section: str) -> None:
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{QUESTIONS[section]}**")
        for page in pages.PAGES.values():
            if page.section == section and page.key != "home":
                with st.container(gap=None):
                    pages.link(page.key, f"**{page.title}**")
                    st.caption(page.line)


def variants() -> None:
    """What each variant is for, and where it fails."""
    with st.grid(3, min_column_width=250, gap="small"):
        for variant, model_class in zoo.MODELS.items():
            with st.container(border=True, height="stretch", gap="xsmall"):
                label = f"**{zoo.short_title(variant)}**, {model_class.year}"
                pages.link("train", label, variant=variant)
                st.markdown(model_class.idea)
                st.caption(f"{model_class.when} {model_class.fails}")
