"""Training runs: a folder each, advanced by one worker process.

The app creates runs and reads them; `python -m aeviz.runs worker` trains them (see worker.py).
They share nothing but files, so a run goes on while its page is reloaded, left, or cut off.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, model_validator

from aeviz import checkpoint, data, latent, planes, train
from aeviz.model import Autoencoder
from aeviz.models import MODELS, describe

RUN_ID = re.compile(r"run-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
TRAINED_ON = 50_000
"""A run sees the first images of the training set; the last 10,000 are held out."""
VALIDATED_ON = 2_000
"""So many of the held-out images are looked at for each point of a curve."""
MAPPED = 2_000
"""So many test images are drawn on a run's map."""

State = Literal["queued", "running", "paused", "stopped", "finished", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("stopped", "finished", "failed", "interrupted")
Wish = Literal["resume", "pause", "stop"]
WAY_OUT: dict[State, str] = {
    "stopped": "Train it again.",
    "failed": "Change its settings and train it again.",
    "interrupted": "Train it again: the same settings and seed give the same model.",
}
"""What to do about a run that left no model."""


class RunSpec(BaseModel):
    """What a run shall do; `steps` is known at once for epochs, and after timing for seconds.

    Raises:
        ValidationError: a ValueError; `sentence` makes one readable sentence of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: str
    config: dict[str, Any] = {}
    data: str = "mnist"
    seed: int = Field(0, ge=0, lt=2**31)
    batch: int = Field(256, ge=1, le=4096)
    lr: float = Field(2e-3, gt=0, le=1)
    """Highest learning rate of Adam."""
    epochs: float | None = Field(None, gt=0, le=1000)
    seconds: float | None = Field(None, gt=0, le=3600)
    steps: int | None = Field(None, ge=0)
    classes: tuple[int, ...] | None = None
    """The only classes that are trained on, for a model that finds the others odd; None: all."""
    contamination: float = Field(0.0, ge=0, le=0.5)
    """Share of pictures of other classes among those that are trained on."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        variant = values.get("variant")
        if variant not in MODELS:
            raise ValueError(f"There is no variant {variant!r}.")
        config = MODELS[variant].Config.from_dict(values.get("config") or {})
        return {**values, "config": config.to_dict()}

    @model_validator(mode="after")
    def _check(self) -> RunSpec:
        if self.data not in data.SOURCES:
            raise ValueError(f"There is no data set {self.data!r}.")
        if self.epochs and self.seconds:
            raise ValueError("A run is given either epochs or seconds, not both.")
        if not self.epochs and not self.seconds and self.steps is None:
            raise ValueError("A run needs a length: epochs or seconds.")
        known = set(range(len(data.SOURCES[self.data].classes)))
        if self.classes is not None and (not self.classes or not set(self.classes) <= known):
            raise ValueError("Classes are numbers from 0 to 9, at least one.")
        if self.contamination and (self.classes is None or set(self.classes) == known):
            raise ValueError("Contamination comes from other classes: leave some out.")
        return self

    @property
    def per_epoch(self) -> int:
        """Steps that make one pass over the training images of all classes."""
        return -(-TRAINED_ON // self.batch)

    @property
    def digit(self) -> int | None:
        """The only class that is seen, where there is just one and no contamination."""
        only = self.classes is not None and len(self.classes) == 1 and not self.contamination
        return self.classes[0] if self.classes and only else None

    @property
    def model_class(self) -> type[Autoencoder]:
        """The class of the variant."""
        return MODELS[self.variant]

    @property
    def title(self) -> str:
        """Variant and code width as a person reads them."""
        return describe(self.variant, self.config)


def sentence(error: ValueError) -> str:
    """What is wrong with a RunSpec, as one sentence for the person who wrote it."""
    first = error.errors()[0] if hasattr(error, "errors") else {"msg": str(error), "loc": ()}  # pyright: ignore[reportAttributeAccessIssue]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"].removeprefix("Value error, ")


def summary(spec: RunSpec) -> str:
    """What a run will do, in a sentence."""
    if spec.epochs:
        steps = max(round(spec.epochs * spec.per_epoch), 1)
        length = f"{spec.epochs:.4g} epochs"
        if spec.classes is None:  # how many pictures there are of a class is in the data
            length += f" ({steps:,} steps)"
    else:
        length = f"{spec.seconds:g} seconds" if spec.seconds else f"{spec.steps:,} steps"
    source, held_out = data.SOURCES[spec.data], f"{VALIDATED_ON:,} others"
    pictures = f"{TRAINED_ON:,} pictures of {source.title}"
    if spec.classes is not None:
        pictures = f"those of {', '.join(source.classes[k] for k in spec.classes)} among {pictures}"
        if spec.contamination:
            pictures += f" with {100 * spec.contamination:.3g} % of other classes mixed in"
        held_out = f"up to {VALIDATED_ON:,} others of them"
    return (
        f"Trains for **{length}** on {pictures}, "
        f"{spec.batch} in each step; {held_out} are held out to validate."
    )


def training_set(spec: RunSpec, labels: np.ndarray) -> slice | np.ndarray:
    """Which pictures of a training set with labels (N,) a run sees: a slice or indices.

    Of the first 50,000 those of its classes, and of the others so many, drawn with its seed, that
    they make up the share of its contamination.

    Raises:
        ValueError: there are too few others.
    """
    if spec.classes is None:
        return slice(TRAINED_ON)
    normal = np.isin(labels[:TRAINED_ON], spec.classes)
    others = np.flatnonzero(~normal)
    mixed_in = round(normal.sum() * spec.contamination / (1 - spec.contamination))
    if mixed_in > len(others):
        raise ValueError("There are too few pictures of other classes for this contamination.")
    drawn = np.random.default_rng(spec.seed).permutation(others)[:mixed_in]
    return np.sort(np.append(np.flatnonzero(normal), drawn))


def held_out_set(spec: RunSpec, labels: np.ndarray) -> slice | np.ndarray:
    """Which of the last 10,000 are looked at for each point: the first 2,000 of its classes."""
    if spec.classes is None:
        return slice(-data.VALIDATION, -data.VALIDATION + VALIDATED_ON or None)
    start = max(len(labels) - data.VALIDATION, 0)
    return start + np.flatnonzero(np.isin(labels[start:], spec.classes))[:VALIDATED_ON]


class RunStatus(BaseModel):
    """Where a run stands. A run that ended keeps the numbers of its last step."""

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
    return Path(os.environ.get("AEVIZ_RUNS") or data.cache_folder() / "runs")


def path_of(name: str) -> Path:
    """A run's folder. Names come from the URL: nothing but an id ever becomes a path."""
    if not RUN_ID.fullmatch(name):
        raise KeyError(f"{name!r} is not the name of a run.")
    return folder() / name


def is_run(name: str) -> bool:
    """True for the id of a run that exists."""
    return bool(RUN_ID.fullmatch(name)) and path_of(name).is_dir()


def started(name: str) -> str:
    """When a run was made, such as "14:05:59", by the server's clock."""
    path_of(name)  # an id, or a KeyError
    time_of_day = name.split("-")[2]
    return ":".join(time_of_day[i : i + 2] for i in (0, 2, 4))


def create(spec: RunSpec) -> str:
    """Queue a run and return its id; the worker takes it up at once."""
    name = _new_folder({"spec.json": spec, "status.json": RunStatus(steps=spec.steps)})
    queue = folder() / "queue"
    queue.mkdir(exist_ok=True)
    (queue / name).touch()
    return name


def add(content: bytes) -> str:
    """Keep a checkpoint's bytes as a finished run and return its id.

    Raises:
        CheckpointError: see `checkpoint.from_bytes`; or the card cannot be a run's.
    """
    model = checkpoint.from_bytes(content)
    card: checkpoint.Card = model.card
    try:
        spec = RunSpec.model_validate(
            card.model_dump(include={"variant", "config", "data", "seed", "batch", "lr", "steps"})
        )
    except ValueError as error:
        raise checkpoint.CheckpointError(f"This checkpoint's card: {sentence(error)}") from error
    files: dict[str, bytes | BaseModel] = {
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
    if _is_here(spec.data):
        files["preview.npz"] = preview_bytes(look(model, data.load(spec.data), card.steps, None))
    return _new_folder(files)


def spec(name: str) -> RunSpec:
    """What a run shall do."""
    return RunSpec.model_validate_json((path_of(name) / "spec.json").read_bytes())


def status(name: str) -> RunStatus:
    """Where a run stands; "interrupted" when the worker that trained it is gone."""
    found = RunStatus.model_validate_json((path_of(name) / "status.json").read_bytes())
    waits = (folder() / "queue" / name).exists()
    stale = not found.ended and not waits and time.time() - found.updated > 2
    if stale and not worker_is_alive():
        return interrupted(found)
    return found


def metrics(name: str) -> list[Point]:
    """The points of a run's curves; a last line that is still being written is left out."""
    path = path_of(name) / "metrics.jsonl"
    if not path.exists():
        return []
    *lines, _unfinished = path.read_bytes().split(b"\n")
    return [Point.model_validate_json(line) for line in lines]


def preview(name: str) -> Preview | None:
    """The newest pictures of a run; None before the first ones."""
    path = path_of(name) / "preview.npz"
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return Preview(
            step=int(arrays["step"]),
            axis_titles=tuple(str(title) for title in arrays["axis_titles"]),  # type: ignore[arg-type]
            **{key: arrays[key] for key in _PREVIEW_ARRAYS},
        )


def first_look(spec: RunSpec) -> Preview:
    """What the model of a run does before its first step, on MNIST where its data is not here."""
    config = spec.model_class.Config.from_dict(spec.config)
    model = train.build(spec.model_class, config, spec.seed)
    return look(model, data.load(spec.data if _is_here(spec.data) else "mnist"), 0, None)


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


def kept_curves(curve: checkpoint.Curve) -> dict[str, tuple[np.ndarray, ...]]:
    """The same as a checkpoint keeps it: training alone, (K,)."""
    return _with_total({name: (np.array(values),) for name, values in curve.terms.items()})


def _with_total(terms: dict[str, tuple[np.ndarray, ...]]) -> dict[str, tuple[np.ndarray, ...]]:
    if len(terms) < 2:
        return terms
    return terms | {"total": tuple(np.sum(v, axis=0) for v in zip(*terms.values(), strict=True))}


def to_keep(points: list[Point]) -> checkpoint.Curve | None:
    """What a checkpoint keeps of a run's curves: some 120 of their points at most."""
    after = [point for point in points if point.step > 0]
    kept = after[:: max(len(after) // 60, 1)]
    if not kept:
        return None
    terms = {n: [float(f"{p.train.terms[n]:.4g}") for p in kept] for n in kept[0].train.terms}
    return checkpoint.Curve(steps=[point.step for point in kept], terms=terms)


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
    return dict(sorted((int(path.stem), path) for path in paths))


def wish(name: str) -> Wish:
    """What was last asked of a run."""
    path = path_of(name) / "control"
    return path.read_text() if path.exists() else "resume"  # type: ignore[return-value]


def control(name: str, action: Wish) -> None:
    """Ask a run to pause, resume or stop; the worker hears it after the slice it is in."""
    if action not in ("pause", "resume", "stop"):
        raise ValueError(f"A run can pause, resume or stop, not {action!r}.")
    write(path_of(name) / "control", action.encode())


def is_finished(name: str) -> bool:
    """True when a run left a model to use: it ended, or was stopped after its first step."""
    return (path_of(name) / "final.safetensors").is_file()


def load_model(name: str) -> Autoencoder:
    """The model of a finished run, in eval mode on the CPU, with its card."""
    return checkpoint.load(path_of(name) / "final.safetensors")


def model_bytes(name: str) -> bytes:
    """The model of a finished run as the bytes of a safetensors file."""
    return (path_of(name) / "final.safetensors").read_bytes()


def delete(name: str) -> None:
    """Remove a run that ended.

    Raises:
        ValueError: it has not ended.
    """
    if not status(name).ended:
        raise ValueError("Stop the run before you delete it.")
    shutil.rmtree(path_of(name))


def worker_lock() -> FileLock:
    """Held by the one worker of the runs folder."""
    folder().mkdir(parents=True, exist_ok=True)
    return FileLock(folder() / "worker.lock")


def worker_is_alive() -> bool:
    """True when a worker process holds the lock of the runs folder."""
    lock = worker_lock()
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


_workers: list[tuple[Path, subprocess.Popen[bytes]]] = []
"""Workers that this process started; their standard input stays open as long as it lives."""
_starting = threading.Lock()


def ensure_worker() -> None:
    """Start the worker of the runs folder unless there is one; returns at once.

    The worker lives as long as the process that started it: it notices the end of its standard
    input, which comes however that process ends.
    """
    with _starting:
        ours = any(where == folder() and w.poll() is None for where, w in _workers)
        if not ours and not worker_is_alive():
            _workers.append((folder(), _start_worker()))


def _start_worker() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with (folder() / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "aeviz.runs", "worker"],
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
    """Put content into a file: a reader sees the old one or the new one, never half of one."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    partial.write_bytes(
        content.model_dump_json(indent=2).encode() if isinstance(content, BaseModel) else content
    )
    partial.replace(path)


def _new_folder(files: dict[str, bytes | BaseModel]) -> str:
    # Under its name only when it is complete: a run that can be seen can be read.
    name = f"run-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    partial = folder() / f"{name}.part"
    (partial / "snapshots").mkdir(parents=True)
    for filename, content in files.items():
        write(partial / filename, content)
    partial.rename(folder() / name)
    return name


_PREVIEW_ARRAYS = ("originals", "reconstructions", "labels", "points", "point_labels")


def preview_bytes(found: Preview) -> bytes:
    """A preview as the bytes of an npz file."""
    buffer = io.BytesIO()
    arrays = {key: getattr(found, key) for key in _PREVIEW_ARRAYS}
    np.savez(buffer, step=found.step, axis_titles=np.array(found.axis_titles), **arrays)
    return buffer.getvalue()


def _is_here(data_name: str) -> bool:
    return data_name == "mnist" or data.find_folder(data_name) is not None


def look(model: Autoencoder, dataset: data.Dataset, step: int, before: Preview | None) -> Preview:
    """Reconstructions of the first test image of each class, and a map of the first codes."""
    images, labels = dataset.test_images, dataset.test_labels
    ten = np.unique(labels, return_index=True)[1]
    copies = latent.reconstruct(model, images[ten], labels[ten])
    codes = latent.encode(model, images[:MAPPED], labels[:MAPPED])
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


def interrupted(found: RunStatus) -> RunStatus:
    """The status of a run whose worker is gone."""
    text = f"The process that trained this run ended at step {found.step:,}."
    return found.model_copy(update={"state": "interrupted", "message": text, "seconds_left": None})


def main() -> None:
    """Command line: `python -m aeviz.runs worker`."""
    parser = argparse.ArgumentParser(prog="python -m aeviz.runs", description=main.__doc__)
    parser.add_argument("action", choices=("worker",))
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    from aeviz import worker

    worker.work()


if __name__ == "__main__":
    main()
