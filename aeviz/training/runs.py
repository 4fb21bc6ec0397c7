"""Training runs: a folder each, advanced by one worker process.

The app creates runs and reads them; worker.py trains them. They share nothing but
files, so a run goes on while its page is reloaded, left, or cut off.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aeviz import files
from aeviz.analysis import planes
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.base import Autoencoder
from aeviz.models.card import Curve
from aeviz.training.spec import RunSpec, held_out_set, sentence, summary, trained_on, training_set

RUN_ID = re.compile(r"run-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
MAPPED = 2_000
"""So many test images are drawn on a run's map."""
LOOK = 2.0
"""Seconds between two looks for the worker of a run that waits, or that says nothing more."""

__all__ = ["RunSpec", "held_out_set", "sentence", "summary", "trained_on", "training_set"]
"""Whoever has to do with runs finds what a run shall do here as well."""

State = Literal["queued", "running", "paused", "stopped", "finished", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("stopped", "finished", "failed", "interrupted")
Wish = Literal["resume", "pause", "stop"]
WAY_OUT: dict[State, str] = {
    "stopped": "Train it again.",
    "failed": "Change its settings, or train it again.",
    "interrupted": "Train it again: the same settings and seed give the same model.",
}
"""What to do about a run that left no model."""


class RunError(Exception):
    """A run or the folder of runs is not as it should be; one sentence with the way out."""


class RunStatus(BaseModel):
    """Where a run stands. A run that ended keeps the numbers of its last step."""

    model_config = ConfigDict(allow_inf_nan=False)

    state: State = "queued"
    step: int = 0
    steps: int | None = None
    epoch: float = 0.0
    images_per_second: float | None = None
    seconds_left: float | None = None
    unit: str = ""
    """What the loss terms are measured in; known when the model is built."""
    message: str = ""
    """One sentence, where there is something to say."""
    updated: float = Field(default_factory=time.time)

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return self.state in ENDED

    @property
    def fraction(self) -> float:
        """How much of the run is done, in [0, 1]."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    @property
    def progress(self) -> str:
        """Step, epoch, speed and time left as a person reads them."""
        if not self.step:
            said = f"{self.state.capitalize()}, before its first step"
            return said if self.ended else self.message or said
        steps = f" of {self.steps:,}" if self.steps else ""
        parts = [f"Step {self.step:,}{steps}", f"epoch {self.epoch:.1f}"]
        if self.images_per_second and not self.ended:
            parts.append(f"{self.images_per_second:,.0f} images a second")
        if self.message and not self.ended:
            parts.append(self.message)
        elif self.step == self.steps and not self.ended:
            parts.append("measuring on the test images")
        elif self.seconds_left is not None:
            minutes, seconds = divmod(round(self.seconds_left), 60)
            parts.append(f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left")
        if self.state not in ("running", "queued"):
            parts.append(self.state)
        return ", ".join(parts)


Numbers = dict[str, float | list[float]]


class Means(BaseModel):
    """Loss terms and metrics, averaged; a vector metric is a list."""

    terms: dict[str, float]
    metrics: Numbers = {}


class Point(BaseModel):
    """One point of the curves.

    train: averaged over the steps since the point before; at step 0, before any, over the first
        training images.
    validation: after the step, over the same held-out images with the same noise each time.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    step: int
    epoch: float
    train: Means
    validation: Means


@dataclass(frozen=True)
class Preview:
    """What a model in training does to fixed test images.

    originals, reconstructions: (10, 28, 28) uint8, one of each class, labels (10,).
    points: (2000, 2), the codes on a plane with these axis titles; point_labels (2000,).
    """

    step: int
    originals: np.ndarray
    reconstructions: np.ndarray
    labels: np.ndarray
    points: np.ndarray
    point_labels: np.ndarray
    axis_titles: tuple[str, str]


# -- what the app calls -----------------------------------------------------------------------


def folder() -> Path:
    """The folder of all runs: `$AEVIZ_RUNS`, or `runs` in the cache folder."""
    return Path(os.environ.get("AEVIZ_RUNS") or datasets.cache_folder() / "runs")


@contextlib.contextmanager
def _writing(what: str = "Runs") -> Iterator[None]:
    """Whatever the folder of runs does not allow becomes one sentence."""
    try:
        yield
    except OSError as error:
        variable = "AEVIZ_RUNS" if os.environ.get("AEVIZ_RUNS") else "AEVIZ_CACHE"
        raise RunError(files.refused(what, folder(), error, variable)) from error


def path_of(name: str) -> Path:
    """A run's folder. Names come from the URL: nothing but an id ever becomes a path."""
    if not RUN_ID.fullmatch(name):
        raise KeyError(f"{name!r} is not the name of a run.")
    return folder() / name


def is_run(name: str) -> bool:
    """True for the id of a run that exists."""
    return bool(RUN_ID.fullmatch(name)) and files.true(path_of(name).is_dir)


def started(name: str) -> str:
    """When a run was made, such as "14:05:59", by the server's clock."""
    path_of(name)  # an id, or a KeyError
    time_of_day = name.split("-")[2]
    return ":".join(time_of_day[i : i + 2] for i in (0, 2, 4))


def create(spec: RunSpec) -> str:
    """Queue a run and return its id; the worker takes it up at once.

    Raises:
        RunError: the folder of runs cannot be written.
    """
    with _writing():
        name = _new_folder({"spec.json": spec, "status.json": RunStatus(steps=spec.steps)})
        try:
            ticket = _ticket(name)
            ticket.parent.mkdir(exist_ok=True)
            ticket.touch()
        except OSError:
            shutil.rmtree(path_of(name), ignore_errors=True)  # it would wait for ever
            raise
    return name


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
    dataset = _data_here(spec.data)
    if dataset is not None:
        content_of["preview.npz"] = preview_bytes(look(model, dataset, card.steps, None))
    with _writing():
        return _new_folder(content_of)


def spec(name: str) -> RunSpec:
    """What a run shall do.

    Raises:
        RunError: its file is missing, damaged, or from another version.
    """
    try:
        return RunSpec.model_validate_json(files.read(path_of(name) / "spec.json"))
    except (OSError, ValueError) as error:
        raise RunError(_unreadable("settings", error) + ": train it again.") from error


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

    A run that waits in the queue while there is no worker gets one; one whose worker is gone is
    "interrupted".
    """
    found = said(name)
    if found.ended:
        return found
    if waits(name):
        trouble = _see_to_the_worker()
        return found.model_copy(update={"message": trouble}) if trouble else found
    if time.time() - found.updated > LOOK and _is_abandoned():
        return interrupt(name, found)
    return found


def said(name: str) -> RunStatus:
    """What a run's worker said last; "failed" with a sentence where that cannot be read."""
    try:
        return RunStatus.model_validate_json(files.read(path_of(name) / "status.json"))
    except (OSError, ValueError) as error:
        return RunStatus(state="failed", message=_unreadable("notes", error) + ".")


def metrics(name: str) -> list[Point]:
    """The points of a run's curves.

    A last line that is still being written is left out, and so is one that is damaged.

    Raises:
        RunError: there is nothing that can be read.
    """
    try:
        *lines, _unfinished = files.read(path_of(name) / "metrics.jsonl").split(b"\n")
    except files.MISSING:
        return []
    except OSError as error:
        raise RunError(_unreadable("curves", error) + ".") from error
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
        raise RunError(_unreadable("curves", wrong) + ".") from wrong
    return points


def preview(name: str) -> Preview | None:
    """The newest pictures of a run; None before the first ones.

    Raises:
        RunError: the file is damaged, or of another version.
    """
    try:
        content = files.read(path_of(name) / "preview.npz")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _checked(
                Preview(
                    step=int(arrays["step"]),
                    axis_titles=tuple(str(title) for title in arrays["axis_titles"]),  # type: ignore[arg-type]
                    **{key: arrays[key] for key in _PREVIEW_ARRAYS},
                )
            )
    except files.MISSING:
        return None
    except (OSError, *DAMAGED) as error:
        raise RunError(_unreadable("pictures", error) + ".") from error


DAMAGED = (
    *(ValueError, TypeError, KeyError, EOFError, MemoryError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise for a file that is not what it should be."""


def _checked(seen: Preview) -> Preview:
    """A preview whose arrays fit each other; a ValueError for others."""
    digits, points = (len(seen.labels), 28, 28), (len(seen.point_labels), 2)
    if (
        (seen.originals.shape, seen.reconstructions.shape, seen.points.shape)
        != (digits, digits, points)
        or len(seen.axis_titles) != 2
        or {seen.originals.dtype, seen.reconstructions.dtype} != {np.dtype(np.uint8)}
        or not {*seen.labels.tolist(), *seen.point_labels.tolist()} <= set(range(10))
    ):
        raise ValueError("The pictures do not fit each other.")
    return seen


def first_look(spec: RunSpec) -> Preview:
    """What the model of a run does before its first step, on MNIST where its data is not here."""
    config = spec.config
    model = optim.build(spec.model_class, config, spec.seed)
    return look(model, _data_here(spec.data) or datasets.load("mnist"), 0, None)


def curves(points: list[Point]) -> dict[str, tuple[np.ndarray, ...]]:
    """Each loss term, and their sum where there is more than one: training, validation (K,)."""
    names = list(points[0].train.terms) if points else []
    return _with_total(
        {
            name: (
                np.array([point.train.terms[name] for point in points]),
                np.array([point.validation.terms[name] for point in points]),
            )
            for name in names
        }
    )


def kept_curves(curve: Curve) -> dict[str, tuple[np.ndarray, ...]]:
    """The same as a checkpoint keeps it: training alone, (K,)."""
    return _with_total({name: (np.array(values),) for name, values in curve.terms.items()})


def _with_total(terms: dict[str, tuple[np.ndarray, ...]]) -> dict[str, tuple[np.ndarray, ...]]:
    if len(terms) < 2:
        return terms
    return terms | {"total": tuple(np.sum(v, axis=0) for v in zip(*terms.values(), strict=True))}


def to_keep(points: list[Point]) -> Curve | None:
    """What a checkpoint keeps of a run's curves: some 120 of their points at most."""
    after = [point for point in points if point.step > 0]
    kept = after[:: max(len(after) // 60, 1)]
    if not kept:
        return None
    terms = {n: [float(f"{p.train.terms[n]:.4g}") for p in kept] for n in kept[0].train.terms}
    return Curve(steps=[point.step for point in kept], terms=terms)


def measured(card: checkpoint.Card) -> str:
    """The figures of a card as a person reads them; empty where it has none."""
    shown = (("mse", "MSE", ".4f", ""), ("psnr", "PSNR", ".1f", " dB"))
    shown = (*shown, ("bce", "cross-entropy", ".3f", " nats a pixel"))
    found = card.figures
    parts = [f"{text} **{found[k]:{how}}{unit}**" for k, text, how, unit in shown if k in found]
    return f"On all test pictures: {', '.join(parts)}." if parts else ""


def snapshots(name: str) -> dict[int, Path]:
    """The weights kept on the way, a checkpoint file for each step."""
    paths = (path_of(name) / "snapshots").glob("*.safetensors")
    return dict(sorted((int(path.stem), path) for path in paths if path.stem.isdecimal()))


def wish(name: str) -> Wish:
    """What was last asked of a run; "resume" where nothing is to be read."""
    try:
        asked = files.read(path_of(name) / "control").decode("utf-8", "replace")
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
    with _writing(f"That this run shall {action}"):
        write(path_of(name) / "control", action.encode())


def is_finished(name: str) -> bool:
    """True when a run left a model to use: it ended, or was stopped after its first step."""
    return files.true(_final(name).is_file)


def load_model(name: str) -> Autoencoder:
    """The model of a finished run, in eval mode on the CPU, with its card.

    Raises:
        CheckpointError: there is none, or it cannot be read or used.
    """
    return checkpoint.load(_final(name))


def model_bytes(name: str) -> bytes:
    """The model of a finished run as the bytes of a safetensors file.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    return checkpoint.read(_final(name))


def _final(name: str) -> Path:
    return path_of(name) / "final.safetensors"


def delete(name: str) -> None:
    """Remove a run that ended.

    Raises:
        ValueError: it has not ended.
        RunError: its folder cannot be removed.
    """
    if not status(name).ended:
        raise ValueError("Stop the run before you delete it.")
    try:
        shutil.rmtree(path_of(name))
    except OSError as error:
        raise RunError(f"This run cannot be deleted, since {files.reason(error)}.") from error


# -- a run whose worker is gone ---------------------------------------------------------------


def interrupt(name: str, found: RunStatus) -> RunStatus:
    """Note that the worker of a run is gone; its last snapshot becomes its model."""
    kept_step, kept = keep_last_model(name)
    step = max(found.step, kept_step)  # the status is written after a slice of steps
    text = f"The process that trained this run ended at step {step:,}{kept}."
    changes = {"state": "interrupted", "step": step, "message": text, "seconds_left": None}
    noted = found.model_copy(update=changes)
    try:
        write(path_of(name) / "status.json", noted)
    except OSError as error:  # then whoever looks next finds it out again
        logging.warning("%s is interrupted, which cannot be noted: %s", name, error)
    return noted


def keep_last_model(name: str) -> tuple[int, str]:
    """Make the newest snapshot that can be loaded a run's model, where it has none.

    Returns:
        The model's step and what to say about it; 0 and nothing where there is none.
    """
    for path in [_final(name), *reversed(snapshots(name).values())]:
        try:
            content = checkpoint.read(path)
            model = checkpoint.from_bytes(content)
            if path != _final(name):
                write(_final(name), content)
        except checkpoint.CheckpointError as error:
            if path != _final(name):
                logging.warning("%s: %s", name, error)
            continue
        except OSError as error:
            logging.warning("%s: its last model cannot be kept: %s", name, error)
            break
        kept = f"; the model of step {model.card.steps:,} is kept"
        if path != _final(name) and type(model).finish is not Autoencoder.finish:
            kept += ", but what it draws samples from was not learned yet"
        return model.card.steps, kept
    return 0, ""


# -- the worker -------------------------------------------------------------------------------


def _ticket(name: str) -> Path:
    """The file that says that a run waits for the worker."""
    return folder() / "queue" / name


def waits(name: str) -> bool:
    """True while no worker has taken a run."""
    return files.true(_ticket(name).exists)


def queued() -> list[str]:
    """The runs that wait, the oldest first; none where the queue cannot be listed."""
    try:
        names = [path.name for path in (folder() / "queue").iterdir()]
    except files.MISSING:
        return []
    except OSError as error:
        logging.warning("The queue cannot be listed: %s", error)
        return []
    return sorted(name for name in names if RUN_ID.fullmatch(name))


def take(name: str) -> bool:
    """Take a run out of the queue; False where another worker was quicker.

    Raises:
        OSError: it stays there.
    """
    try:
        files.again(_ticket(name).unlink)
    except files.MISSING:
        return False
    return True


def worker_lock() -> FileLock:
    """Held by the one worker of the runs folder.

    Raises:
        OSError: there is no such folder, and it cannot be made.
    """
    folder().mkdir(parents=True, exist_ok=True)
    return FileLock(folder() / "worker.lock")


def worker_is_alive() -> bool:
    """True when a worker process holds the lock of the runs folder.

    Raises:
        OSError: nobody can hold it, or it cannot be asked.
    """
    lock = worker_lock()
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _is_abandoned() -> bool:
    """True when there is no worker for certain."""
    try:
        return not worker_is_alive()
    except OSError as error:
        logging.warning("Whether there is a worker cannot be asked: %s", error)
        return False


_workers: list[tuple[Path, subprocess.Popen[bytes]]] = []
"""Workers that this process started; their standard input stays open as long as it lives."""
_starting = threading.Lock()


def ensure_worker() -> None:
    """Start the worker of the runs folder unless there is one; returns at once.

    The worker lives as long as the process that started it: it notices the end of its standard
    input, which comes however that process ends.

    Raises:
        RunError: the folder of runs cannot be written.
    """
    with _starting, _writing():
        ours = any(where == folder() and w.poll() is None for where, w in _workers)
        if not ours and not worker_is_alive():
            _workers.append((folder(), _start_worker()))


_looks: dict[Path, tuple[float, str]] = {}
"""For a folder of runs, when its worker was last looked for, and what was wrong then."""


def _see_to_the_worker() -> str:
    """Start a worker unless somebody looked a moment ago; why there can be none, if so."""
    where, now = folder(), time.monotonic()
    last, trouble = _looks.get(where, (-math.inf, ""))
    if now - last > LOOK:
        _looks[where] = now, trouble
        try:
            ensure_worker()
            trouble = ""
        except RunError as error:
            trouble = str(error)
        _looks[where] = now, trouble
    return trouble


def _start_worker() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with (folder() / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "aeviz", "worker"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": path, "AEVIZ_RUNS": str(folder())},
            start_new_session=True,  # Ctrl-C in the terminal ends the app; the worker tidies up
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
    if hasattr(os, "setpriority"):  # from outside, so that even its imports are polite
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    return process


# -- files ------------------------------------------------------------------------------------


def write(path: Path, content: bytes | BaseModel) -> None:
    """Put content into a file of a run, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    text = content.model_dump_json(indent=2).encode() if isinstance(content, BaseModel) else content
    files.write(path, text)


def _new_folder(content_of: dict[str, bytes | BaseModel]) -> str:
    # Under its name only when it is complete: a run that can be seen can be read.
    name = f"run-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    partial = folder() / f"{name}.part"
    try:
        (partial / "snapshots").mkdir(parents=True)
        for filename, content in content_of.items():
            write(partial / filename, content)
        files.again(lambda: partial.rename(folder() / name))
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return name


_PREVIEW_ARRAYS = ("originals", "reconstructions", "labels", "points", "point_labels")


def preview_bytes(found: Preview) -> bytes:
    """A preview as the bytes of an npz file."""
    buffer = io.BytesIO()
    arrays = {key: getattr(found, key) for key in _PREVIEW_ARRAYS}
    np.savez(buffer, step=found.step, axis_titles=np.array(found.axis_titles), **arrays)
    return buffer.getvalue()


def _data_here(name: str) -> datasets.Dataset | None:
    """A data set that need not be downloaded; None without it, or where it is damaged."""
    if name != "mnist" and datasets.find_folder(name) is None:
        return None
    try:
        return datasets.load(name)
    except datasets.DataError as error:
        logging.warning("%s", error)
        return None


def look(
    model: Autoencoder, dataset: datasets.Dataset, step: int, before: Preview | None
) -> Preview:
    """Reconstructions of the first test image of each class, and a map of the first codes."""
    images, labels = dataset.test_images, dataset.test_labels
    ten = np.unique(labels, return_index=True)[1]
    copies = apply.reconstruct(model, images[ten], labels[ten])
    codes = apply.encode(model, images[:MAPPED], labels[:MAPPED])
    plane = planes.default_plane(codes)
    points = plane.project(codes).astype(np.float32)
    if isinstance(plane, planes.PCAPlane) and before is not None:
        # An axis and its mirror image are equally good; take the one that does not jump.
        points *= np.where((points * before.points).sum(0) < 0, -1, 1).astype(np.float32)
    return Preview(
        step=step,
        originals=images[ten],
        reconstructions=np.round(copies * 255).astype(np.uint8),
        labels=labels[ten],
        points=points,
        point_labels=labels[:MAPPED],
        axis_titles=plane.axis_titles,
    )
