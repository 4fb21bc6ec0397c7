"""Going back: a run that goes on from a step of another one, with other settings or for longer."""

from __future__ import annotations

from typing import Any

from aeviz.training import place, store
from aeviz.training.course import DECAY, decay_of, last
from aeviz.training.spec import RunSpec


def branch(parent: str, step: int, **knobs: Any) -> RunSpec:
    """What a run shall do that goes on from a step of another one; `shared.start` starts it.

    Changes of the parent up to that step hold for it as well. It is computed again from the
    parent's nearest full state before that step, and without knobs the weights of all later steps
    are those of the parent bit for bit, as long as nobody turned a knob of the parent after it.

    Args:
        knobs: their values from that step on, "lr" and the live knobs of the variant.

    Raises:
        ValueError: the parent was never there, or a knob cannot have that value; one sentence.
        RunError: the parent's settings cannot be read.
    """
    spec, reached = store.spec(parent), store.said(parent).step
    if not 0 <= step <= reached:
        raise ValueError(f"This run was trained for {reached:,} steps: it has no step {step:,}.")
    if spec.steps is not None and step >= spec.steps:
        raise ValueError("This is the last step of the run: train it for longer instead.")
    before, changed = spec.changed(step), spec.changed(step, **knobs)
    later = [change for change in spec.changes if change.step > step]
    decays = tuple(change for change in later if change.knob == DECAY)
    alike = changed.changes == before.changes and len(decays) == len(later)
    if alike or not spec.until:  # it ends as its parent did
        changed = changed.model_copy(update={"changes": changed.changes + decays})
    elif not last(changed.changes, DECAY, 0):
        changed = changed.model_copy(update={"steps": None})  # until it improves no more
    return changed.model_copy(update={"parent": parent, "branched_at": step})


def extend(run: str, seconds: float) -> RunSpec:
    """What a run shall do that goes on where another one ended, for about so many seconds.

    The learning rate is at its plateau, see `course.PLATEAU`, and falls in the last steps.

    Raises:
        ValueError: no time at all.
        RunError: the run has not ended, or kept no full state.
    """
    if not 0 < seconds <= 3600:
        raise ValueError("A run goes on for more than 0 and at most 3,600 seconds.")
    status, spec = store.said(run), store.spec(run)
    if not status.ended:
        raise place.RunError("This run still trains: stop it first.")
    step = max(store.states(run), default=0)
    if not step:
        raise place.RunError("This run kept no full state to go on from: train it again.")
    alone = status.step - (spec.branched_at or 0)
    speed = alone / status.trained if alone > 0 and status.trained > 0 else 50.0
    end = step + max(round(seconds * speed), 2)
    many = min(decay_of(end), (end - step) // 2)
    cosine = None if spec.until else spec.cosine or spec.steps
    longer = spec.model_copy(update={"steps": end, "cosine": cosine})
    longer = longer.changed(step, **{DECAY: 0}).changed(end - many, **{DECAY: many})
    return longer.model_copy(
        update={"epochs": None, "seconds": None, "parent": run, "branched_at": step}
    )
