"""Disks that are full, and files of a run that are cut off."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from aeviz.models import checkpoint
from aeviz.training import place, store
from benchmarks.classroom import serving
from benchmarks.classroom.bars import Found, Options
from benchmarks.classroom.killing import SMALL, equal, undisturbed, weights

FULL, MEGABYTES = 20, 8
WIDE = {"variant": "vanilla", "config": {"width": 1024, "depth": 1}, "batch": 128, "steps": 100_000}
"""A run whose states and snapshots take megabytes each."""
ROOM = (2.5, 7.0)
"""Megabytes that are left when it begins."""
NEIGHBOUR = SMALL | {"variant": "vanilla", "steps": 40}
PATIENCE = 120.0


@dataclass
class Harm:
    """What damage did."""

    said: int = 0
    """Runs that ended with a sentence."""
    finished: int = 0
    """Runs that ended with the weights of an undisturbed one."""
    corrupt: list[str] = field(default_factory=list)
    disturbed: list[str] = field(default_factory=list)

    def found(self, name: str, of: str) -> Found:
        """The row."""
        said = f"{of}: {self.said} ended with a sentence, {self.finished} finished as undisturbed; "
        said += f"{len(self.corrupt)} corrupt states, {len(self.disturbed)} others disturbed"
        said += "".join(f"; {text}" for text in [*self.corrupt, *self.disturbed][:3])
        return Found(name, said, not self.corrupt and not self.disturbed)

    def look(self, run: str, expected: dict[str, torch.Tensor]) -> None:
        """What a run that was damaged came to."""
        status = serving.stands(run)
        if not status.ended:
            self.disturbed.append(f"{run[-4:]} is still {status.state}")
        elif status.state != "finished":
            self.said += bool(status.message)
            if not status.message:
                self.disturbed.append(f"{run[-4:]} is {status.state} and says nothing")
        elif equal(weights(run), expected):
            self.finished += 1
        else:
            self.corrupt.append(f"{run[-4:]} ended with other weights")


def read_all(run: str) -> list[str]:
    """Read all that a page shows of a run; what is thrown that no page catches."""
    uncaught = []
    for read in (
        store.spec,
        store.said,
        store.metrics,
        store.preview,
        store.newest_state,
        store.load_model,
    ):
        try:
            read(run)
        except (place.RunError, checkpoint.CheckpointError):
            continue
        except Exception as error:  # what is counted here
            uncaught.append(f"{read.__name__}: {type(error).__name__}: {error}")
    for path in store.snapshots(run).values():
        try:
            checkpoint.load(path)
        except checkpoint.CheckpointError:
            continue
        except Exception as error:
            uncaught.append(f"{path.name}: {type(error).__name__}: {error}")
    return uncaught


# -- a full disk ------------------------------------------------------------------------------


def full(options: Options) -> Iterator[Found]:
    """Let a run fill a small disk, and see what becomes of it, of its neighbour and its worker."""
    rounds = options.count(FULL, 2)
    random, harm = np.random.default_rng(options.seed), Harm()
    with tempfile.TemporaryDirectory() as folder:
        expected = undisturbed(Path(folder) / "whole", **NEIGHBOUR)
        disk = Path(folder) / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            yield Found("full-disk", "skipped: only root may mount a small disk", None)
            return
        try:
            with serving.host(disk / "runs"):
                serving.wait(lambda: serving.workers(disk), PATIENCE)
                before = serving.workers(disk)
                for number in range(rounds):
                    _fill(disk, random.uniform(*ROOM), number, expected, harm)
                if serving.workers(disk) != before:
                    harm.disturbed.append("the worker died")
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)
    yield harm.found("full-disk", f"{rounds} times")


def _fill(
    disk: Path, room: float, number: int, expected: dict[str, torch.Tensor], harm: Harm
) -> None:
    """One round: a run that fills the disk, and somebody else's behind it."""
    filler = disk / "filler"
    taken = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
    filler.write_bytes(bytes(max(round(MEGABYTES * 1e6 - taken - room * 1e6), 0)))
    large = serving.create(**WIDE | {"seed": number})
    # Not the same seed as before: the same spec would be the same run, and finished already.
    other = serving.create(**NEIGHBOUR)
    if not serving.wait(lambda: serving.stands(large).ended, PATIENCE):
        harm.disturbed.append(f"the large run is {serving.stands(large).progress}")
        store.control(large, "stop")
    filler.unlink()
    said = serving.stands(large)
    harm.said += bool(said.message)
    harm.corrupt += [f"{run[-4:]}: {text}" for run in (large, other) for text in read_all(run)]
    kept = store.newest_state(large)
    if store.is_finished(large) and store.load_model(large).card.steps > said.step:
        harm.corrupt.append("the model is of a later step than the run")
    if kept is not None and not all(torch.isfinite(t).all() for t in kept.weights.values()):
        harm.corrupt.append("a state is not finite")
    serving.wait(lambda: serving.stands(other).ended, PATIENCE)
    if serving.stands(other).state == "finished" and equal(weights(other), expected):
        harm.finished += 1
    else:
        harm.disturbed.append(f"its neighbour: {serving.stands(other).message}")
    for run in (large, other):
        serving.wait(lambda: serving.stands(run).ended, PATIENCE)  # noqa: B023
        shutil.rmtree(place.path_of(run), ignore_errors=True)


# -- files that are cut off -------------------------------------------------------------------

CUT, WHOLE = 200, 10
STEPS = 1_200
HALF = SMALL | {"variant": "vanilla", "steps": STEPS}
ENDING = 290.0
"""Seconds for all of them to end."""


def in_the_middle(runs: Path, **settings: object) -> Path:
    """The folder of a run that its worker left in the middle, with two full states."""
    with serving.host(runs):
        first = serving.create(**settings | {"steps": 1, "seed": 99})  # until the worker is warm
        serving.wait(lambda: serving.stands(first).ended, PATIENCE)
        run = serving.create(**settings)
        serving.wait(lambda: serving.stands(run).step > 0, PATIENCE, 0.005)
        store.control(run, "pause")
        serving.wait(lambda: serving.stands(run).state == "paused", PATIENCE)
    with serving.sharing(runs):
        store.control(run, "resume")
        if len(store.states(run)) < 2 or serving.stands(run).ended:
            raise RuntimeError(f"No run in the middle: {serving.stands(run)}, {store.states(run)}")
        return place.path_of(run)


def copies(template: Path, folder: Path, many: int) -> list[Path]:
    """So many copies of a run, under names of their own, in the order of their names."""
    paths = [folder / f"run-20260101-{k:06d}-{k:032x}" for k in range(many)]
    for path in paths:
        shutil.copytree(template, path)
    return paths


def truncate(run: Path, random: np.random.Generator) -> str:
    """Cut one file of a run off at a random byte; returns its name."""
    files = sorted(path for path in run.rglob("*") if path.is_file() and path.stat().st_size)
    path = files[int(random.integers(len(files)))]
    path.write_bytes(path.read_bytes()[: int(random.integers(path.stat().st_size))])
    return path.relative_to(run).as_posix()


def truncated(options: Options) -> Iterator[Found]:
    """Truncate a file in each of many runs that a worker left, and let another one take them up."""
    many = options.count(CUT, 10)
    random, harm = np.random.default_rng(options.seed), Harm()
    with tempfile.TemporaryDirectory() as folder:
        expected = undisturbed(Path(folder) / "whole", **HALF)
        template = in_the_middle(Path(folder) / "template", **HALF)
        runs = Path(folder) / "runs"
        paths = copies(template, runs, many + WHOLE)
        # Between the others, so that what those do would meet them.
        whole = paths[:: max(len(paths) // WHOLE, 1)][:WHOLE]
        cut = {path.name: truncate(path, random) for path in paths if path not in whole}
        with serving.host(runs):
            for run, name in cut.items():
                harm.corrupt += [f"{name} cut: {text}" for text in read_all(run)]
            serving.wait(lambda: serving.workers(runs), PATIENCE)
            before = serving.workers(runs)
            names, patience = [path.name for path in paths], options.seconds(ENDING, PATIENCE)
            serving.wait(lambda: all(serving.stands(run).ended for run in names), patience, 0.5)
            if serving.workers(runs) != before:
                harm.disturbed.append("the worker died")
            for run in cut:
                harm.look(run, expected)
            for path in whole:
                if serving.stands(path.name).state != "finished":
                    harm.disturbed.append(f"a whole run: {serving.stands(path.name).progress}")
                elif not equal(weights(path.name), expected):
                    harm.corrupt.append("a whole run ended with other weights")
    yield harm.found("truncated", f"{many} runs, {len(whole)} whole ones between them")
