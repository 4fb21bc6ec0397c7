"""Above every page: which model, which data, large type, Present, Join; called by app.py."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from aeviz.analysis import planes
from aeviz.app import join, library, own, pages, session, sidebar, style
from aeviz.app.components import browser
from aeviz.app.subject import ModelSubject
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply
from aeviz.models.zoo import MODELS, short_title

MAPPED = 2_000
"""So many test images are enough for a map as small as a stamp."""


def show(page: StreamlitPage) -> None:
    """The row above the page, and what happened to the person's run."""
    own.choose_finished()
    asked, known = session.asked("model") or "", sidebar.names()
    session.start("model_chosen", lambda: asked in known)
    session.begin("model", library.home(), str, known.__contains__)
    with st.container(key="above", gap=None):  # what is seldom seen leaves no gap
        with st.container(key="top-row", horizontal=True, vertical_alignment="center", gap="small"):
            _thumbnail()
            _pick_model(known)
            _pick_data()
            large = _switch("Large type", "large")
            present = _switch("Present", "present")
            join.offer(page)
        session.settled("model", library.home())
        browser.on_every_page()
        st.html(style.rules(large=large, present=present))
        if library.is_run(asked) and asked not in known:
            st.warning(f"The model of this link cannot be used. {library.trouble(asked)}")
        with st.container(key="notice"):  # also with nothing to say: the page keeps its place
            own.notice()
        pages.at_foot(page)
    sidebar.read_dataset()


def say_refused() -> None:
    """After a page, above it: what its address asks for and there is not."""
    known = session.refused()
    session.note("refused_said", dict(known))
    if library.is_run(known.get("model", "")):
        del known["model"]  # of which more is said
    if known:
        said = ", ".join(f"`{key}={text[:60]}`".replace("\n", " ") for key, text in known.items())
        st.warning(
            f"This address asks for something that there is not: {said}. Shown instead is "
            "what the page starts with."
        )


# -- the model ----------------------------------------------------------------------------------


def _pick_model(names: list[str]) -> None:
    chosen = sidebar.model_name()
    # Of its own for each model: a new one is closed, and who has chosen wants to see.
    with st.popover(f"Model **{library.title(chosen)}**", key=f"models-{chosen}"):
        if mine := [name for name in names if library.is_run(name)]:
            _group("**Your own**", list(reversed(mine)))
        for variant, model_class in MODELS.items():
            of_it = [name for name in names if name not in mine]
            of_it = [name for name in of_it if library.card(name).variant == variant]
            if of_it:
                _group(f"**{short_title(variant)}**: {model_class.idea}", of_it)


def _group(about: str, names: list[str]) -> None:
    st.markdown(about)
    with st.container(horizontal=True, gap="xsmall"):
        for name in names:
            st.button(
                library.title(name),
                key=f"model-{name}",
                on_click=sidebar.use,
                args=(name,),
                type="primary" if name == sidebar.model_name() else "secondary",
            )


def _thumbnail() -> None:
    """The map of the chosen model as small as a stamp, where it is known by now."""
    place = st.empty()
    session.note("thumbnail_place", place)
    seen = session.get("thumbnail")
    if seen and seen[0] == (session.value("model"), session.value("data")):
        _draw(place, seen[1])


def settle() -> None:
    """After a page, which has encoded what it needs: draw the map of its model in the row."""
    subject = sidebar.subject()
    now = (subject.key, session.value("data"))
    seen, place = session.get("thumbnail"), session.forget("thumbnail_place")
    if seen and seen[0] == now:
        return
    picture = _map_of(subject.key, subject.data.name, subject)
    session.note("thumbnail", (now, picture))
    _draw(place, picture)


def _draw(place: DeltaGenerator, picture: bytes) -> None:
    place.image(picture, width=44, alt="map of the chosen model")


@st.cache_data(max_entries=200, show_spinner=False)
def _map_of(name: str, data_name: str, _subject: ModelSubject) -> bytes:
    images, labels = _subject.data.test_images[:MAPPED], _subject.data.test_labels[:MAPPED]
    codes = apply.encode(_subject.model, images, labels)
    points = planes.default_plane(codes).project(codes)
    return pixels.png(pixels.code_thumbnail(points, labels))


# -- the others ---------------------------------------------------------------------------------


def _pick_data() -> None:
    names = list(datasets.SOURCES)
    session.begin("data", "mnist", str, names.__contains__)
    box = session.box("data")
    st.selectbox(
        "Data",
        names,
        names.index(session.value("data")),
        format_func=lambda name: datasets.SOURCES[name].title,
        key=box,
        label_visibility="collapsed",
    )
    session.settled("data", "mnist")


def _switch(label: str, key: str) -> bool:
    session.begin(key, False, session.yes_or_no, lambda value: isinstance(value, bool))
    box = session.box(key)
    with st.container(key=f"switch-{key}", width="content"):
        on = st.toggle(label, session.value(key), box)
    session.settled(key, False)
    return on
