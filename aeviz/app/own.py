"""The runs of one person: known again by a token of their browser, and chosen when they finish."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from aeviz.app import library, pages, session
from aeviz.app.components.link import COOKIE, in_browser, link
from aeviz.app.components.watch import watch
from aeviz.training import owners, place, removal, shared, store, turns
from aeviz.training.spec import RunSpec
from aeviz.training.status import Wish


def me() -> str:
    """This person's token: of the browser, of a link for another device, or a new one."""
    mine = session.start(
        "owner", lambda: _token(st.context.cookies.get(COOKIE)) or owners.new_token()
    )
    by_link = _token(session.asked("owner"))
    session.say("owner")  # whoever sees the address must not learn it
    if by_link:
        session.note("by_link", True)
    # Two tabs that were opened at once made one each: the browser keeps the first.
    other = by_link or (not session.get("by_link") and _token(in_browser()))
    if other and other != mine:
        for run in owners.runs_of(mine):
            owners.add(run, other)
        session.note("owner", other)
        for known in ("started", "waiting"):
            session.forget(known)
    return session.get("owner")


def _token(text: object) -> str | None:
    """What a browser or an address says, if it is a token."""
    return text if isinstance(text, str) and owners.TOKEN.fullmatch(text) else None


def owns(run: str) -> bool:
    """True for a run that this person may steer."""
    return owners.owns(run, me())


def others(run: str) -> int:
    """How many other people started a run, too."""
    return max(len(owners.of(run)) - owns(run), 0)


def started() -> list[str]:
    """This person's runs, begun or loaded, the newest last."""
    return session.start("started", lambda: owners.runs_of(me()))


def waiting() -> list[str]:
    """Those of them that had not ended when the page was last run."""
    return session.start(
        "waiting", lambda: [run for run in started() if not store.status(run).ended]
    )


def known() -> list[str]:
    """The same, then those that this person opened by a link."""
    return list(dict.fromkeys([*started(), *session.get("opened", [])]))


def add(content: bytes) -> str:
    """Keep a model from a file as a run of this person and return its id.

    Raises:
        CheckpointError, RunError: see `store.add`.
    """
    mine = started()
    run = store.add(content)
    owners.add(run, me())
    mine.append(run)
    return run


def start(spec: RunSpec, *, again: bool = False) -> str:
    """Start a run, or join the one that does the same, and return its id.

    Its model is chosen when it has finished.

    Args:
        again: a new one in any case.

    Raises:
        RunError: see `shared.start`.
    """
    mine, pending = started(), waiting()
    run, new = shared.start(spec, me(), again=again)
    if run not in mine:
        mine.append(run)
    if run not in pending:
        pending.append(run)
    session.start("begun_here", list).append(run)
    session.note("joined", None if new else (run, spec))
    return run


def joined(run: str) -> RunSpec | None:
    """What this person asked for, where a run was there already that does the same."""
    found = session.get("joined")
    return found[1] if found and found[0] == run else None


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
    """Choose the model of a run that has ended since the page was last run, for the sidebar.

    Not that of a run that was stopped before it saw all images once, and not where it was begun
    elsewhere, as in another tab, and the address named a model as this one was opened.
    """
    named = session.start("named", lambda: session.asked("model") is not None)
    for run in [run for run in waiting() if store.status(run).ended]:
        waiting().remove(run)
        if library.trouble(run) or _barely_trained(run):
            continue
        if named and run not in session.get("begun_here", []):
            session.note("ended", run)
            continue
        _choose_new(run)


def _choose_new(run: str) -> None:
    """Choose a run's model so that Undo brings back what was chosen before."""
    session.note("before", (run, session.value("model"), session.value("data")))
    choose(run)


def _barely_trained(run: str) -> bool:
    status = store.status(run)
    return status.state == "stopped" and status.epoch < 1


def control(run: str, wish: Wish) -> None:
    """Ask a run to pause, resume or stop; for callbacks. Who shares it only leaves it."""
    try:
        done = shared.control(run, me(), wish)
    except (place.RunError, PermissionError) as error:
        st.error(str(error))
        return
    if not done:
        _drop(run)
        st.toast(f"You have left this run. {shared.and_others(len(owners.of(run)))} it.")


def change(run: str, **knobs: object) -> None:
    """Turn knobs of a run while it trains; for callbacks."""
    try:
        shared.change(run, me(), **knobs)
    except (ValueError, PermissionError, place.RunError) as error:
        st.error(str(error))


def step_on(run: str, steps: int) -> None:
    """Have a run that pauses go on for so many steps; for callbacks."""
    try:
        shared.step_on(run, me(), steps)
    except (PermissionError, place.RunError) as error:
        st.error(str(error))


def wind_down(run: str) -> None:
    """Have a run end well within some hundred steps; for callbacks."""
    try:
        shared.wind_down(run, me())
    except (PermissionError, place.RunError) as error:
        st.error(str(error))


def _drop(run: str) -> None:
    """A run is no longer among this person's."""
    for known in (started(), waiting()):
        if run in known:
            known.remove(run)


@dataclass(frozen=True)
class _Removed:
    """A run that this person removed, and what Undo brings back beside it."""

    run: str
    title: str
    chosen: bool
    """It was the chosen model."""


def remove(run: str) -> None:
    """Take away a run of this person's, from their list alone where it is others' too."""
    if not owns(run):
        return
    if others(run):
        owners.leave(run, me())
        _drop(run)
        return
    last = _Removed(run, library.run_title(run), session.value("model") == run)
    try:
        removal.remove(run)
    except place.RunError as error:
        st.warning(str(error))
        return
    session.start("removed", list).append(last)
    if session.get("run") == run:
        session.forget("run")
        session.say("run")


def removed() -> str | None:
    """The title of the run that this person removed last and can bring back; None without any."""
    mine: list[_Removed] = session.get("removed", [])
    while mine and not removal.can_restore(mine[-1].run):
        mine.pop()
    return mine[-1].title if mine else None


def restore() -> None:
    """Bring back the run that was removed last, chosen if it was; for callbacks."""
    last: _Removed = session.get("removed").pop()
    try:
        removal.restore(last.run)
    except place.RunError as error:
        st.warning(str(error))
        return
    if last.chosen:
        choose(last.run)


def star(run: str, key: str) -> None:
    """Keep a run or no longer, as the toggle of this key says; for callbacks."""
    if not owns(run):
        return
    try:
        removal.star(run, session.get(key))
    except place.RunError as error:
        st.warning(str(error))


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
    elif (ended := session.get("ended")) and not library.trouble(ended):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("Your run has ended. This page keeps its model.", width="content")
            st.button("Use the new one", on_click=_use_ended)
    link(me(), replace=bool(session.get("by_link")))


def _use_ended() -> None:
    _choose_new(session.forget("ended"))


@st.fragment
def _progress(run: str) -> None:
    status = turns.status(run)
    if status.ended:
        st.rerun()
    watch("own-run", status.progress, status.fraction)
