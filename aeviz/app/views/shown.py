"""Which run the page of training shows, and which stand beside it; or the settings of a new one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aeviz.app import library, own, session
from aeviz.training import place, race


def asked() -> str | None:
    """The run to show: of the address, else the one shown last, unless a variant is asked for."""
    run = session.asked("run")
    if run is None and session.asked("variant") is None:
        run = session.get("run")  # back from another page
    if run and library.is_run(run):
        show(run)
        return run
    if run:
        st.warning("This run is not here: it was made on another machine, or deleted.")
    return None


def show(run: str) -> None:
    """Show a run from now on, and keep it in the list of runs."""
    session.note("run", run)
    session.say("run", run)
    session.say("variant")
    own.opened(run)


def side_by_side(runs: Sequence[str]) -> None:
    """Show the first of some runs from now on, and the others beside it."""
    for run in reversed(runs):
        show(run)
    session.say("beside", runs[1:] or None)
    session.say("step")


def beside(run: str) -> list[str]:
    """The runs that the address has beside one."""
    found = [one for one in session.asked_list("beside") if one != run and place.is_run(one)]
    return found[: race.MOST - 1]


def set_up(variant: str) -> None:
    """Have the page show the settings of a variant; for callbacks."""
    session.note("variant", variant)
    session.say("variant", variant)


def again(run: str) -> None:
    """Back to the settings, starting from those of a run; for callbacks."""
    if spec := library.spec(run):
        session.note("last_run", run)
        session.note("last_spec", spec)
        set_up(spec.variant)
    session.forget("run")
    session.say("run")
    session.say("beside")
    session.say("step")
