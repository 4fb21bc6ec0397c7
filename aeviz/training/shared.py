"""The same run once: whoever asks for a run that was asked for already watches that one."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

from aeviz import environment, files
from aeviz.data import datasets
from aeviz.models.zoo import MODELS
from aeviz.training import owners, place, store, tickets
from aeviz.training.course import DECAY, Change
from aeviz.training.spec import RunSpec
from aeviz.training.status import Wish


def address(spec: RunSpec) -> str:
    """What a run is found by: a digest of all that decides its weights, its data and its program.

    The variant's own file counts: a student who changes it wants to see what comes of that.
    """
    given = spec.model_dump(mode="json", exclude={"parent", "branched_at"})
    given["folder of data"] = str(datasets.find_folder(spec.data))
    given["program"] = _source(spec.variant)
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def _source(variant: str) -> str:
    return hashlib.sha256(Path(inspect.getfile(MODELS[variant])).read_bytes()).hexdigest()


def _noted(spec: RunSpec) -> Path:
    return place.folder() / "specs" / address(spec)


def same(spec: RunSpec) -> str | None:
    """A run that does, or did, just this; None where none does, or it came to nothing."""
    try:
        name = files.read(_noted(spec)).decode("ascii", "replace")
    except OSError:
        return None
    if not place.is_run(name) or _has_changed(name, spec):
        return None
    going_on = not store.said(name).ended and store.wish(name) != "stop"
    return name if going_on or store.said(name).state == "finished" else None


def _has_changed(name: str, spec: RunSpec) -> bool:
    """True for a run in which somebody turned a knob since it was asked for."""

    def turned(given: RunSpec) -> list[Change]:
        return [change for change in given.changes if change.knob != DECAY]

    try:
        return turned(store.spec(name)) != turned(spec)
    except place.RunError:
        return False


def start(spec: RunSpec, token: str, *, again: bool = False) -> tuple[str, bool]:
    """Have a person own a run that does this: one that is there already, or a new one.

    Args:
        spec: as the person asked for it; a run that is timed gets its steps later.
        token: of the person.
        again: a new one in any case.

    Returns:
        Its id, and whether it is new.

    Raises:
        RunError: the folder of runs cannot be written, the person has as many runs under way as
            one may have, or a run may not take so long.
    """
    limits = environment.now()
    if spec.seconds and spec.seconds > 60 * limits.longest:
        raise place.RunError(f"A run may take at most {limits.longest:g} minutes here.")
    with place.writing():
        place.folder().mkdir(parents=True, exist_ok=True)
        with tickets.choosing():  # forty press Train at the same moment
            if not again and (found := same(spec)):
                owners.add(found, token)
                return found, False
            _refuse_more_than(limits.runs_each, token)
            run = store.create(spec)
            owners.add(run, token)
            _noted(spec).parent.mkdir(exist_ok=True)
            files.write(_noted(spec), run.encode())
    return run, True


def _refuse_more_than(many: int, token: str) -> None:
    under_way = [run for run in owners.runs_of(token) if not store.said(run).ended]
    if len(under_way) >= many:
        raise place.RunError(
            f"You have {len(under_way)} runs waiting or training, as many as one may have here: "
            "stop one, or wait for its end."
        )


def control(run: str, token: str, wish: Wish) -> bool:
    """What an owner asks of a run; one of several owners who stops it only leaves.

    Returns:
        True when the run does it; False when the person left, and others go on.

    Raises:
        PermissionError: the person does not own the run.
        RunError: the run's folder cannot be written, or it is not this person's alone.
    """
    if not owners.owns(run, token):
        raise PermissionError("This run is somebody else's: you can watch it.")
    others = len(owners.of(run)) - 1
    if others and wish == "stop":
        owners.leave(run, token)
        return False
    if others and wish == "pause":
        raise place.RunError(f"{and_others(others)} this run too: nobody can pause it.")
    store.control(run, wish)
    return True


def change(run: str, token: str, **knobs: Any) -> None:
    """Turn knobs of a run while it trains, which is for its only owner.

    Raises:
        PermissionError: the person does not own the run.
        ValueError: a knob cannot have that value.
        RunError: it is not this person's alone, has ended, or its folder cannot be written.
    """
    _refuse_but_its_only_owner(run, token)
    store.change(run, **knobs)


def step_on(run: str, token: str, steps: int) -> None:
    """Have a run that pauses go on for so many steps, which is for its only owner.

    Raises:
        PermissionError: the person does not own the run.
        RunError: it is not this person's alone, or its folder cannot be written.
    """
    _refuse_but_its_only_owner(run, token)
    store.step_on(run, steps)


def wind_down(run: str, token: str) -> None:
    """Have a run end with a short decay of its learning rate, which is for its only owner.

    Raises:
        PermissionError: the person does not own the run.
        RunError: it is not this person's alone, has ended, or its folder cannot be written.
    """
    _refuse_but_its_only_owner(run, token)
    store.wind_down(run)


def _refuse_but_its_only_owner(run: str, token: str) -> None:
    if not owners.owns(run, token):
        raise PermissionError("This run is somebody else's: you can watch it.")
    if others := len(owners.of(run)) - 1:
        raise place.RunError(f"{and_others(others)} this run too: branch it to change it.")


def and_others(many: int) -> str:
    """So many other people, who do what follows."""
    return "One other person watches" if many == 1 else f"{many} other people watch"
