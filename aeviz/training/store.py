"""The runs: a folder each, written by the app and by the worker, read by both."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from aeviz import files
from aeviz.models import checkpoint
from aeviz.models.base import Autoencoder
from aeviz.training import film, place, process, spacing, tickets
from aeviz.training import preview as previews
from aeviz.training.curves import Point
from aeviz.training.spec import RunSpec, sentence
from aeviz.training.state import FullState, StateError, from_bytes, to_bytes
from aeviz.training.status import RunStatus, Wish

STATES = 2
"""So many full states are kept: where the newest is damaged, the run goes on from the other."""
REWINDS, PER_DOUBLING, FIRST_REWIND = 12, 2, 16
"""So many earlier ones as well, so many for each doubling from this step on, to go back to."""
STATE_BYTES = 60_000_000
"""So many all full states of a run that ended may take, unless the last one takes more."""


def create(spec: RunSpec) -> str:
    """Queue a run and return its id; the worker takes it up at once.

    A run that is branched from another one begins with what that one kept up to there.

    Raises:
        RunError: the folder of runs cannot be written.
    """
    with place.writing():
        status, kept, linked = _inherited(spec)
        name = make_folder({"spec.json": spec, "status.json": status, **kept}, linked)
        try:
            tickets.put(name)
        except OSError:
            shutil.rmtree(place.path_of(name), ignore_errors=True)  # it would wait for ever
            raise
    return name


def _inherited(spec: RunSpec) -> tuple[RunStatus, dict[str, bytes | BaseModel], dict[str, Path]]:
    """What a new run begins with: its status, files, and files of its parent by their names."""
    status = RunStatus(steps=spec.steps)
    if spec.parent is None or not place.is_run(spec.parent):
        return status, {}, {}
    known = states(spec.parent)
    # None that is damaged; without one it begins anew, and comes to the same weights.
    found = newest_state(spec.parent, spec.branched_at)
    if found is None:
        return status, {}, {}
    step, parent = found.step, said(spec.parent)
    try:
        points = [point for point in metrics(spec.parent) if point.step <= step]
    except place.RunError:
        points = []
    epoch = parent.epoch * step / parent.step if parent.step else 0.0
    status = status.model_copy(update={"step": step, "epoch": epoch, "unit": parent.unit})
    curves = "".join(point.model_dump_json() + "\n" for point in points).encode()
    kept = {at: path for at, path in known.items() if at <= step}
    files_of = [*kept.values()]
    files_of += [path for at, path in snapshots(spec.parent).items() if at <= step]
    files_of += [path for at, path in film.paths(spec.parent).items() if at <= step]
    linked = {f"{path.parent.name}/{path.name}": path for path in files_of}
    return status, {"metrics.jsonl": curves}, linked


def add(content: bytes) -> str:
    """Keep a checkpoint's bytes as a finished run and return its id.

    Raises:
        CheckpointError: see `checkpoint.from_bytes`; or the card cannot be a run's.
        RunError: the folder of runs cannot be written.
    """
    model = checkpoint.from_bytes(content)
    card: checkpoint.Card = model.card
    try:
        spec = RunSpec.model_validate(
            card.model_dump(include={"variant", "config", "data", "seed", "batch", "lr", "steps"})
        )
    except ValueError as error:
        raise checkpoint.CheckpointError(f"This checkpoint's card: {sentence(error)}") from error
    content_of: dict[str, bytes | BaseModel] = {
        "spec.json": spec,
        "status.json": RunStatus(
            state="finished",
            step=card.steps,
            steps=card.steps,
            epoch=card.steps / max(-(-card.trained_on // card.batch), 1),
            unit=model.unit,
            message="Loaded from a file.",
        ),
        "final.safetensors": content,
    }
    dataset = previews.data_here(spec.data)
    if dataset is not None:
        content_of["preview.npz"] = previews.to_bytes(
            previews.look(model, dataset, card.steps, None)
        )
    with place.writing():
        return make_folder(content_of)


def spec(name: str) -> RunSpec:
    """What a run shall do.

    Raises:
        RunError: its file is missing, damaged, or from another version.
    """
    try:
        return RunSpec.model_validate_json(files.read(place.path_of(name) / "spec.json"))
    except (OSError, ValueError) as error:
        raise place.RunError(_unreadable("settings", error) + ": train it again.") from error


def _unreadable(what: str, error: Exception) -> str:
    """The sentence for a file of a run that cannot be had, without its full stop."""
    if isinstance(error, files.MISSING):
        return f"The {what} of this run are not here any more"
    if isinstance(error, OSError):
        return f"The {what} of this run cannot be read, since {files.reason(error)}"
    kinds = {e["type"] for e in error.errors()} if isinstance(error, ValidationError) else set()
    if isinstance(error, ValidationError) and "json_invalid" not in kinds:
        of = sentence(error).rstrip(".")
        return f"The {what} of this run are of another version of aeviz ({of})"
    return f"The {what} of this run are damaged"


def status(name: str) -> RunStatus:
    """Where a run stands, whatever has become of its files.

    Where there is no worker for it, one is started: it takes up what waits in the queue, and what
    another worker left.
    """
    found = said(name)
    if (
        found.measuring
        and time.time() - found.updated > process.LOOK
        and not tickets.is_claimed(name)
    ):
        return found.model_copy(update={"measuring": False})  # its worker was killed meanwhile
    if found.ended:
        return found
    if found.state == "paused" and wish(name) == "pause":
        return found
    silent = found.state == "queued" or time.time() - found.updated > process.LOOK
    if not silent or tickets.is_claimed(name):
        return found
    try:
        if not tickets.has(name):  # lost, or of an earlier version
            tickets.put(name)
        trouble = process.see_to_workers()
    except OSError as error:
        trouble = f"This run cannot wait for its turn, since {files.reason(error)}."
    if trouble:
        return found.model_copy(update={"message": trouble})
    if found.state == "running" and found.step:
        on = f"goes on from step {max(states(name), default=0):,} in a moment"
        return found.model_copy(update={"message": on, "images_per_second": None})
    return found


def said(name: str) -> RunStatus:
    """What a run's worker said last; "failed" with a sentence where that cannot be read."""
    try:
        return RunStatus.model_validate_json(files.read(place.path_of(name) / "status.json"))
    except (OSError, ValueError) as error:
        return RunStatus(state="failed", message=_unreadable("notes", error) + ".")


def metrics(name: str) -> list[Point]:
    """The points of a run's curves.

    A last line that is still being written is left out, and so is one that is damaged.

    Raises:
        RunError: there is nothing that can be read.
    """
    try:
        *lines, _unfinished = files.read(place.path_of(name) / "metrics.jsonl").split(b"\n")
    except files.MISSING:
        return []
    except OSError as error:
        raise place.RunError(_unreadable("curves", error) + ".") from error
    points: list[Point] = []
    wrong: ValueError | None = None
    for line in lines:
        try:
            point = Point.model_validate_json(line)
        except ValueError as error:
            wrong = error
            continue
        terms = point.train.terms.keys()
        if terms == point.validation.terms.keys() == (points or [point])[0].train.terms.keys():
            points.append(point)
    if wrong and not points:
        raise place.RunError(_unreadable("curves", wrong) + ".") from wrong
    return points


def add_point(name: str, point: Point) -> None:
    """Write a point of a run's curves at their end.

    Raises:
        OSError: it cannot be written.
    """
    path, line = place.path_of(name) / "metrics.jsonl", point.model_dump_json() + "\n"

    def append() -> None:
        before = path.stat().st_size if path.exists() else 0
        try:
            with path.open("ab") as file:
                file.write(line.encode())
        except OSError:  # the disk may have had room for half of it
            with contextlib.suppress(OSError):
                os.truncate(path, before)
            raise

    files.again(append)


def preview(name: str) -> previews.Preview | None:
    """The newest preview of a run; None before the first one.

    Raises:
        RunError: the file is damaged, or of another version.
    """
    try:
        return previews.from_bytes(files.read(place.path_of(name) / "preview.npz"))
    except files.MISSING:
        return None
    except (OSError, ValueError) as error:
        raise place.RunError(_unreadable("images", error) + ".") from error


def snapshots(name: str) -> dict[int, Path]:
    """The weights kept on the way, a checkpoint file for each step."""
    paths = (place.path_of(name) / "snapshots").glob("*.safetensors")
    return dict(sorted((int(path.stem), path) for path in paths if path.stem.isdecimal()))


def states(name: str) -> dict[int, Path]:
    """The full states that are kept of a run, a file for each step."""
    paths = (place.path_of(name) / "states").glob("*.state")
    return dict(sorted((int(path.stem), path) for path in paths if path.stem.isdecimal()))


def keep_state(name: str, state: FullState, *, lasting: bool = True) -> None:
    """Keep a full state, and of the earlier ones those that `kept_states` names.

    Args:
        lasting: it is on the disk when this returns; not needed for one to go back to.

    Raises:
        OSError: it cannot be written.
    """
    target = place.path_of(name) / "states" / f"{state.step}.state"
    target.parent.mkdir(exist_ok=True)
    files.write(target, to_bytes(state), lasting=lasting)
    thin_states(name, STATES)


def begins_rewind(step: int) -> bool:
    """True for a step whose full state shall be kept to go back to."""
    return step >= FIRST_REWIND and spacing.begins(step, PER_DOUBLING)


def thin_states(name: str, newest: int) -> None:
    """Remove the full states of a run but the newest ones, and those to go back to."""
    found = states(name)
    sizes = [path.stat().st_size for path in list(found.values())[-1:]]
    many = STATE_BYTES // max([1, *sizes])
    for step in found.keys() - set(kept_states(list(found), newest, many)):
        files.remove(found[step])


def kept_states(steps: list[int], newest: int, many: int) -> list[int]:
    """Which full states of some steps (rising) stay.

    Args:
        newest: so many of the last ones, in any case.
        many: so many at most, otherwise.
    """
    last = steps[-newest:]
    firsts = spacing.firsts([s for s in steps[:-newest] if s >= FIRST_REWIND], PER_DOUBLING)
    room = max(min(REWINDS, many - 1), 0)
    # Before the first of them a run is begun anew, which is as good as a state of no step.
    return [*spacing.thin([0, *firsts, *last[:1]], room + 2)[1:-1], *last]


def newest_state(name: str, up_to: int | None = None) -> FullState | None:
    """The newest full state of a run that is whole, up to a step; None where there is none."""
    for step, path in reversed(states(name).items()):
        if up_to is not None and step > up_to:
            continue
        try:
            return from_bytes(files.read(path))
        except (OSError, StateError) as error:
            logging.warning("%s: %s", path, error)
    return None


def forget_after(name: str, step: int) -> None:
    """Take the points of a run's curves and its frames back that come after a step.

    From there it goes on.

    Raises:
        OSError: it cannot be written.
    """
    path = place.path_of(name) / "metrics.jsonl"
    try:
        points = [point for point in metrics(name) if point.step <= step]
    except place.RunError:
        points = []  # damaged, all of them: its curves begin here
    write(path, "".join(point.model_dump_json() + "\n" for point in points).encode())
    film.forget_after(name, step)


def wish(name: str) -> Wish:
    """What was last asked of a run; "resume" where nothing is to be read."""
    try:
        asked = files.read(place.path_of(name) / "control").decode("utf-8", "replace")
    except files.MISSING:
        return "resume"
    except OSError as error:
        logging.warning("%s: what was asked of it cannot be read: %s", name, error)
        return "resume"
    return asked if asked in ("pause", "stop") else "resume"  # type: ignore[return-value]


def control(name: str, action: Wish) -> None:
    """Ask a run to pause, resume or stop; the worker hears it after the slice it is in.

    Raises:
        RunError: the run's folder cannot be written.
    """
    if action not in ("pause", "resume", "stop"):
        raise ValueError(f"A run can pause, resume or stop, not {action!r}.")
    with place.writing(f"That this run shall {action}"):
        write(place.path_of(name) / "control", action.encode())
        if not said(name).ended:
            tickets.put(name)  # after what is asked: a worker that takes it shall read that


def step_on(name: str, steps: int) -> None:
    """Ask a run that pauses to go on for so many steps, and to pause again.

    Raises:
        ValueError: fewer than one step.
        RunError: the run's folder cannot be written.
    """
    if steps < 1:
        raise ValueError("A run goes on for at least one step.")
    with place.writing("That this run shall go on"):
        write(place.path_of(name) / "hold", str(said(name).step + steps).encode())
    control(name, "resume")


def hold(name: str) -> int | None:
    """The step after which a run shall pause; None where it shall not."""
    try:
        text = files.read(place.path_of(name) / "hold").decode("utf-8", "replace")
    except OSError:
        return None
    return int(text) if text.isdecimal() and len(text) < 12 else None


def change(name: str, **knobs: Any) -> None:
    """Ask a run to go on with other values of knobs; the worker hears it after its slice.

    Args:
        knobs: "lr" and the live knobs of its variant, by their names.

    Raises:
        ValueError: there is nothing to change, or a knob cannot have that value; one sentence.
        RunError: the run has ended, or its folder cannot be read or written.
    """
    if not knobs:
        raise ValueError("Say which knob shall change.")
    known = spec(name)
    _ask(name, {knob: known.checked(knob, value) for knob, value in knobs.items()})


def wind_down(name: str) -> None:
    """Ask a run to let its learning rate fall to zero within some steps, and end there.

    Raises:
        RunError: the run has ended, or its folder cannot be written.
    """
    _ask(name, {END: True})


END = "end"
"""What is asked beside knobs: that a run winds down."""


def _ask(name: str, what: dict[str, Any]) -> None:
    if said(name).ended:
        raise place.RunError("This run has ended: branch it to go on with other settings.")
    with place.writing("What this run shall do"):
        folder = place.path_of(name) / "asked"
        folder.mkdir(exist_ok=True)
        # By the time, so that they are heard in their order, whoever asks.
        moment = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        write(folder / f"{moment}.json", json.dumps(what).encode())


def asked(name: str) -> list[Path]:
    """What was asked of a run and not heard yet, a file for each time, the oldest first."""
    return sorted((place.path_of(name) / "asked").glob("*.json"))


def model_file(name: str) -> Path:
    """Where the model of a run is, or of `run-...@256` the last snapshot up to step 256.

    Raises:
        RunError: no weights were kept up to that step.
    """
    run, step = place.split(name)
    if step is None:
        return place.path_of(run) / "final.safetensors"
    kept = snapshots(run)
    before = [kept_at for kept_at in kept if kept_at <= step]
    if not before:
        first = f"the first are of step {min(kept):,}" if kept else "it has no snapshots"
        raise place.RunError(f"This run kept no weights up to step {step:,}: {first}.")
    return kept[max(before)]


def is_finished(name: str) -> bool:
    """True when a run left a model to use: it ended, or was stopped after its first step.

    For `run-...@256`, when it kept a snapshot up to that step.
    """
    try:
        return files.true(model_file(name).is_file)
    except place.RunError:
        return False


def load_model(name: str) -> Autoencoder:
    """The model of a finished run or a snapshot of any, in eval mode on the CPU, with its card.

    Raises:
        CheckpointError: there is none, or it cannot be read or used.
        RunError: no weights were kept up to the step that is asked for.
    """
    return checkpoint.load(model_file(name))


def model_bytes(name: str) -> bytes:
    """The same as the bytes of a safetensors file.

    Raises:
        CheckpointError: there is none, or it cannot be read.
        RunError: no weights were kept up to the step that is asked for.
    """
    return checkpoint.read(model_file(name))


def interrupt(name: str, found: RunStatus) -> RunStatus:
    """End a run whose worker ended each time it went on; its last snapshot becomes its model."""
    kept_step, kept = keep_last_model(name)
    step = max(found.step, kept_step)  # the status is written after a slice of steps
    times = f"{found.restarts + 1} times at step {step:,}"
    text = f"The process that trained this run ended {times}{kept}."
    changes = {"state": "interrupted", "step": step, "message": text, "seconds_left": None}
    noted = found.model_copy(update=changes)
    try:
        write(place.path_of(name) / "status.json", noted)
    except OSError as error:  # then whoever looks next finds it out again
        logging.warning("%s is interrupted, which cannot be noted: %s", name, error)
    return noted


def keep_last_model(name: str) -> tuple[int, str]:
    """Make the newest snapshot that can be loaded a run's model, where it has none.

    Returns:
        The model's step and what to say about it; 0 and nothing where there is none.
    """
    final = model_file(name)
    for path in [final, *reversed(snapshots(name).values())]:
        try:
            content = checkpoint.read(path)
            model = checkpoint.from_bytes(content)
            if path != final:
                write(final, content)
        except checkpoint.CheckpointError as error:
            if path != final:
                logging.warning("%s: %s", name, error)
            continue
        except OSError as error:
            logging.warning("%s: its last model cannot be kept: %s", name, error)
            break
        kept = f"; the model of step {model.card.steps:,} is kept"
        if path != final and type(model).finish is not Autoencoder.finish:
            kept += ", but what it draws samples from was not learned yet"
        return model.card.steps, kept
    return 0, ""


def speeds() -> dict[str, float]:
    """Images a second of each variant that was trained here."""
    try:
        found = json.loads(files.read(place.folder() / "speeds.json"))
    except (OSError, ValueError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {name: float(n) for name, n in known if isinstance(n, int | float) and n > 0}


def note_speed(variant: str, images_per_second: float) -> None:
    """Remember how fast a variant trained, for the next estimates."""
    known = speeds()
    known[variant] = (known.get(variant, images_per_second) + images_per_second) / 2
    try:
        write(place.folder() / "speeds.json", json.dumps(known).encode())
    except OSError as error:
        logging.warning("The speed of a run cannot be noted: %s", error)


def write(path: Path, content: bytes | BaseModel) -> None:
    """Put content into a file of a run, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    text = content.model_dump_json(indent=2).encode() if isinstance(content, BaseModel) else content
    files.write(path, text)


def make_folder(
    content_of: Mapping[str, bytes | BaseModel], linked: Mapping[str, Path] | None = None
) -> str:
    """Make the folder of a new run with these files and return its id.

    Args:
        linked: files of other runs, by their names in this one.

    Raises:
        OSError: it cannot be made, and nothing is left of it.
    """
    # Under its name only when it is complete: a run that can be seen can be read.
    name = f"run-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(16)}"
    partial = place.folder() / f"{name}.part"
    try:
        (partial / "snapshots").mkdir(parents=True)
        for filename, content in content_of.items():
            write(partial / filename, content)
        for filename, path in (linked or {}).items():
            _link(path, partial / filename)
        files.again(lambda: partial.rename(place.folder() / name))
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return name


def _link(path: Path, target: Path) -> None:
    """Put a file into a second place; a link, as files of runs are replaced and never changed."""
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(path, target)
    except files.MISSING:  # removed at this moment, as the run that has it goes on
        return
    except OSError:  # not on every kind of disk
        shutil.copyfile(path, target)
