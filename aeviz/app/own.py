"""The runs of one person: known again after a reload, and chosen when they finish."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from aeviz.app import session
from aeviz.app.components.link import COOKIE, link
from aeviz.app.components.watch import watch
from aeviz.models import checkpoint
from aeviz.models.base import Autoencoder
from aeviz.training import place, removal, store
from aeviz.training.spec import RunSpec
from aeviz.training.status import Wish

TRAIN = "pages/train.py"


def stamp(run: str, *names: str) -> tuple[tuple[int, int] | None, ...]:
    """Another one once one of these files of a run has changed; for what is kept of them."""
    found = []
    for name in names:
        try:
            state = (place.path_of(run) / name).stat()
            found.append((state.st_mtime_ns, state.st_size))
        except OSError:  # not there, or not for us: whoever reads it says so
            found.append(None)
    return tuple(found)


@st.cache_resource(max_entries=24, show_spinner="Loading the model")
def _load(file: str, stamp: object) -> Autoencoder | str:
    try:
        return checkpoint.load(file)
    except checkpoint.CheckpointError as error:
        return str(error)


def _found(run: str) -> Autoencoder | str:
    try:
        file = store.model_file(run)
    except place.RunError as error:
        return str(error)
    folder = place.path_of(place.split(run)[0])
    return _load(str(file), stamp(folder.name, str(file.relative_to(folder))))


def model(run: str) -> Autoencoder:
    """The model of a run that has ended, or of `run-...@256`, loaded once for everybody.

    Raises:
        CheckpointError: it cannot be used, see `trouble`.
    """
    found = _found(run)
    if isinstance(found, str):
        raise checkpoint.CheckpointError(found)
    return found


def trouble(run: str) -> str:
    """Why the model of a run cannot be used, in one sentence; empty where it can."""
    if not store.is_finished(run):
        return "This run has left no model."
    found = _found(run)
    return found if isinstance(found, str) else ""


def spec(name: str) -> RunSpec | None:
    """What a run was asked to do; None for a pretrained model, and where that cannot be read."""
    try:
        return store.spec(name) if place.is_run(name) else None
    except place.RunError:
        return None


def title(run: str) -> str:
    """A run as a person tells it from others."""
    known = spec(run)
    return f"{known.title if known else 'Not readable'}, {place.started(run)}"


def started() -> list[str]:
    """This person's runs, begun or loaded, the newest last; at first those of the browser."""
    if "started" not in st.session_state:
        kept = [run for run in st.context.cookies.get(COOKIE, "").split(".") if place.is_run(run)]
        st.session_state.started = kept
        st.session_state.waiting = [run for run in kept if not store.status(run).ended]
    return st.session_state.started


def known() -> list[str]:
    """The same, then those that this person opened by a link."""
    return list(dict.fromkeys([*started(), *st.session_state.get("opened", [])]))


def add(content: bytes) -> str:
    """Keep a model from a file as a run of this person and return its id.

    Raises:
        CheckpointError, RunError: see `store.add`.
    """
    mine = started()
    mine.append(store.add(content))
    return mine[-1]


def start(spec: RunSpec) -> str:
    """Queue a run and return its id; its model is chosen when it has finished.

    Raises:
        RunError: see `store.create`.
    """
    mine = started()
    run = store.create(spec)
    mine.append(run)
    st.session_state.waiting.append(run)
    return run


def opened(run: str) -> None:
    """Keep a run in the list that this person opened by a link."""
    others = st.session_state.setdefault("opened", [])
    if run not in others:
        others.append(run)


def choose(run: str) -> None:
    """Choose a run's model, and the data that it was trained on, on all pages."""
    if trouble(run):  # it has gone since the page was drawn, which is said there
        return
    opened(run)
    session.put("model", run)
    session.put("data", model(run).card.data)


def choose_finished() -> None:
    """Choose the model of a run that has ended since the page was last run, for the sidebar."""
    started()
    for run in [run for run in st.session_state.waiting if store.status(run).ended]:
        st.session_state.waiting.remove(run)
        if not trouble(run):
            st.session_state.before = run, session.value("model"), session.value("data")
            choose(run)


def control(run: str, wish: Wish) -> None:
    """Ask a run to pause, resume or stop; for callbacks."""
    try:
        store.control(run, wish)
    except place.RunError as error:
        st.error(str(error))


@dataclass(frozen=True)
class _Removed:
    """A run that this person removed, and what Undo brings back beside it."""

    run: str
    title: str
    chosen: bool
    """It was the chosen model."""


def remove(run: str) -> None:
    """Take away a run of this person's; for callbacks."""
    last = _Removed(run, title(run), session.value("model") == run)
    try:
        removal.remove(run)
    except place.RunError as error:
        st.warning(str(error))
        return
    st.session_state.setdefault("removed", []).append(last)
    if st.session_state.get("run") == run:
        st.session_state.pop("run")
        st.query_params.pop("run", None)


def removed() -> str | None:
    """The title of the run that this person removed last and can bring back; None without any."""
    mine: list[_Removed] = st.session_state.get("removed", [])
    while mine and not removal.can_restore(mine[-1].run):
        mine.pop()
    return mine[-1].title if mine else None


def restore() -> None:
    """Bring back the run that was removed last, chosen if it was; for callbacks."""
    last: _Removed = st.session_state.removed.pop()
    try:
        removal.restore(last.run)
    except place.RunError as error:
        st.warning(str(error))
        return
    if last.chosen:
        choose(last.run)


def star(run: str, key: str) -> None:
    """Keep a run or no longer, as the toggle of this key says; for callbacks."""
    try:
        removal.star(run, st.session_state[key])
    except place.RunError as error:
        st.warning(str(error))


def chosen_now(run: str) -> bool:
    """True while a run's model is chosen because it has finished, so that this can be undone."""
    before = st.session_state.get("before")
    return before is not None and before[0] == run == session.value("model")


def undo() -> None:
    """Go back to the model and the data from before a run finished; for callbacks."""
    _, model, data = st.session_state.pop("before")
    session.put("model", model)
    session.put("data", data)


def notice() -> None:
    """Above each page: how far this person's newest run is, or that its model is chosen now."""
    waiting = st.session_state.waiting
    if waiting and st.query_params.get("run") != waiting[-1]:  # whose own page shows more
        with st.container(border=True, gap="xsmall"):
            st.page_link(TRAIN, label="Your run", query_params={"run": waiting[-1]})
            _progress(waiting[-1])
    if chosen_now(session.value("model")):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("Your new model is chosen on all pages.", width="content")
            st.button("Undo", on_click=undo)
    link(started())


@st.fragment
def _progress(run: str) -> None:
    status = store.status(run)
    if status.ended:
        st.rerun()
    watch("own-run", status.progress, status.fraction)
