"""The runs of one person: known again after a reload, and chosen when they finish."""

from __future__ import annotations

import streamlit as st

from aeviz.app import library, pages, session
from aeviz.app.components.link import COOKIE, link
from aeviz.app.components.watch import watch
from aeviz.training import runs


def started() -> list[str]:
    """Runs that this person began, the newest last; at first those that the browser kept."""

    def kept() -> list[str]:
        return [run for run in st.context.cookies.get(COOKIE, "").split(".") if library.is_run(run)]

    return session.start("started", kept)


def waiting() -> list[str]:
    """Those of them that had not ended when the page was last run."""
    return session.start(
        "waiting", lambda: [run for run in started() if not runs.status(run).ended]
    )


def known() -> list[str]:
    """The same, then those that this person opened by a link."""
    return list(dict.fromkeys([*started(), *session.get("opened", [])]))


def start(spec: runs.RunSpec) -> str:
    """Queue a run and return its id; its model is chosen when it has finished.

    Raises:
        RunError: see `runs.create`.
    """
    mine, pending = started(), waiting()
    run = runs.create(spec)
    mine.append(run)
    pending.append(run)
    return run


def opened(run: str) -> None:
    """Keep a run in the list that this person opened by a link."""
    others = session.start("opened", list)
    if run not in others:
        others.append(run)


def choose(run: str) -> None:
    """Choose a run's model, and the data that it was trained on, on all pages."""
    if library.trouble(run):  # it has gone since the page was drawn, which is said there
        return
    opened(run)
    session.put("model", run)
    session.put("data", library.card(run).data)


def choose_finished() -> None:
    """Choose the model of a run that has ended since the page was last run, for the sidebar."""
    for run in [run for run in waiting() if runs.status(run).ended]:
        waiting().remove(run)
        if not library.trouble(run):
            session.note("before", (run, session.value("model"), session.value("data")))
            choose(run)


def control(run: str, wish: runs.Wish) -> None:
    """Ask a run to pause, resume or stop; for callbacks."""
    try:
        runs.control(run, wish)
    except runs.RunError as error:
        st.error(str(error))


def chosen_now(run: str) -> bool:
    """True while a run's model is chosen because it has finished, so that this can be undone."""
    before = session.get("before")
    return before is not None and before[0] == run == session.value("model")


def undo() -> None:
    """Go back to the model and the data from before a run finished; for callbacks."""
    _, model, data = session.forget("before")
    session.put("model", model)
    session.put("data", data)


def notice() -> None:
    """Above each page: how far this person's newest run is, or that its model is chosen now."""
    newest = waiting()[-1:]
    if newest and session.asked("run") != newest[0]:  # whose own page shows more
        with st.container(border=True, gap="xsmall"):
            pages.link("train", "Your run", run=newest[0])
            _progress(newest[0])
    if chosen_now(session.value("model")):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("Your new model is chosen on all pages.", width="content")
            st.button("Undo", on_click=undo)
    link(started())


@st.fragment
def _progress(run: str) -> None:
    status = runs.status(run)
    if status.ended:
        st.rerun()
    watch("own-run", status.progress, status.fraction)
