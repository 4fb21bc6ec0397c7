"""What a person changes about a run: its knobs while it trains, and where another one goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from aeviz import environment
from aeviz.app import library, own, pages, session, widgets
from aeviz.app.views import shown, slow
from aeviz.models.settings import Knob, live_knobs
from aeviz.training import branch, filmed, place, shared, store
from aeviz.training.course import RATE
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus

MINUTE = 60.0
"""Seconds for which a run that has ended goes on at a press."""
STOPS = 25
"""Values on a slider for a number that goes over several powers of ten."""
RATE_KNOB = Knob(
    "learning rate", "How far each step goes. Too high, and the loss jumps or rises.", 1e-4, 3e-2
)


def live(run: str, spec: RunSpec) -> None:
    """Sliders that act while a run trains; for its owner, as long as nobody else watches it."""
    if not own.owns(run):
        return
    many = own.others(run)
    with st.container(key="knobs", horizontal=True, vertical_alignment="bottom", gap="medium"):
        for name, knob in _knobs(spec).items():
            _slider(run, name, knob, _now(spec, name), disabled=many > 0)
        if store.wish(run) == "pause" and not environment.now().executor.startswith("dask"):
            for label, steps in (("One step", 1), ("One epoch", spec.per_epoch)):
                st.button(
                    label,
                    f"on-{run}-{steps}",
                    help="Then it pauses again.",
                    on_click=own.step_on,
                    args=(run, steps),
                    disabled=many > 0,
                )
        st.button(
            "Finish soon",
            f"finish-{run}",
            help="Let the learning rate fall to zero within a few hundred steps, and end there.",
            on_click=own.wind_down,
            args=(run,),
            disabled=many > 0,
        )
    if many:
        st.caption(f"{shared.and_others(many)} this run too: branch it to change it.")


def _knobs(spec: RunSpec) -> dict[str, Knob]:
    return {RATE: RATE_KNOB, **live_knobs(spec.config)}


def _now(spec: RunSpec, name: str, step: float = float("inf")) -> Any:
    """The value of a knob after a step, as the spec has it."""
    values = {**spec.config.to_dict(), RATE: spec.lr}
    values |= {change.knob: change.value for change in spec.changes if change.step <= step}
    return values[name]


def _slider(run: str, name: str, knob: Knob, now: Any, *, disabled: bool = False) -> None:
    key = f"knob-{run}-{name}"

    def send() -> None:
        own.change(run, **{name: session.get(key)})

    with st.container(width=210):
        _stops(key, name, knob, now, send, disabled=disabled)


def _stops(key: str, name: str, knob: Knob, now: Any, send: Any = None, **more: Any) -> Any:
    """A slider over the values of a knob, the present one among them."""
    return st.select_slider(
        knob.label[:1].upper() + knob.label[1:],
        values_of(knob, now),
        now,
        format_func=lambda value: f"{value:.3g}" if isinstance(value, float) else str(value),
        key=key,
        help=knob.help,
        on_change=send,
        **more,
    )


def values_of(knob: Knob, now: Any) -> list[Any]:
    """Values that a slider of a knob stops at, rising, the present one among them."""
    if knob.choices is not None:
        return list(knob.choices)
    if isinstance(now, bool):
        return [False, True]
    low, high = knob.low, min(knob.high, max(10 * abs(now), 1.0) if knob.high > 1 else knob.high)
    if isinstance(now, int):
        return sorted({*range(int(low), int(high) + 1, max(int(high - low) // STOPS, 1)), now})
    low = max(low, 0.0)
    if high / max(low, high / 1e3) >= 50:  # over powers of ten
        found = np.geomspace(max(low, high / 1e3), high, STOPS).tolist()
        found += [low] if low == 0 else []
    else:
        found = np.linspace(low, high, 21).tolist()
    return sorted({*(float(f"{value:.2g}") for value in found), float(now)})


# -- another one that goes on from here ---------------------------------------------------------


def onward(run: str, spec: RunSpec, status: RunStatus, at: int | None) -> None:
    """What can be done with the step at which the film rests.

    Args:
        at: the step; None at the end.
    """
    step = status.step if at is None else min(at, status.step)
    with st.container(key="onward", horizontal=True, vertical_alignment="bottom", gap="small"):
        if (kept := _snapshot(run, step)) is not None and (status.ended or at is not None):
            if st.button(f"Open the map of step {kept:,}", f"open-{run}"):
                own.choose(f"{run}@{kept}")
                pages.to("map")
            if at is not None and store.is_finished(run) and library.card(run).code_dim == 2:
                _two_maps(run, kept)
        if status.ended and at is None and st.button("Train one minute more", f"more-{run}"):
            _go_on(lambda: branch.extend(run, MINUTE), run)
        if at is not None:
            _branch(run, spec, step)
        slow.button(run, spec, step, follows=at is None)
        if status.ended:
            widgets.download("film as GIF", lambda: filmed.gif(run), f"{run}.gif")
    slow.shown(run)


def _two_maps(run: str, step: int) -> None:
    """A button to the map of a step beside that of the end."""
    if st.button(f"Step {step:,} beside the end", f"both-{run}"):
        for key, name in (("left", f"{run}@{step}"), ("right", run)):
            own.opened(name)  # or the page of holes could not choose it
            session.put(key, name)
        pages.to("holes")


def _snapshot(run: str, step: int) -> int | None:
    """The step of the last snapshot up to one."""
    return max((kept for kept in store.snapshots(run) if kept <= step), default=None)


def _go_on(spec: Callable[[], RunSpec], run: str) -> None:
    """Start a run that goes on from another one, and show both."""
    try:
        new = own.start(spec())
    except (ValueError, place.RunError) as error:
        st.error(str(error))
        return
    shown.side_by_side([new, run])
    st.rerun()  # the whole page, of which this is a part


def _branch(run: str, spec: RunSpec, step: int) -> None:
    with st.popover(f"Go on from step {step:,}", help="With other settings from there on"):
        chosen = {}
        for name, knob in _knobs(spec).items():
            now = _now(spec, name, step)
            value = _stops(f"branch-{run}-{step}-{name}", name, knob, now)
            chosen |= {name: value} if value != now else {}
        if st.button("Train on from here", f"branch-{run}-{step}", type="primary"):
            _go_on(lambda: branch.branch(run, step, **chosen), run)


def family(run: str) -> None:
    """Where a run was branched from, and what was branched from it."""
    spec = library.spec(run)
    mine = [(one, found) for one in own.known() if (found := library.spec(one))]
    children = [(one, found) for one, found in mine if found.parent == run]
    if not spec or (spec.parent is None and not children):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if spec.parent and place.is_run(spec.parent):
            pages.link("train", f"Branched at step {spec.branched_at or 0:,}", run=spec.parent)
        for child, found in children:
            pages.link("train", f"Branch from step {found.branched_at or 0:,}", run=child)
