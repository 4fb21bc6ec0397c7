"""What a worker of a cluster does: it trains a run for about a second and gives back what changed.

All that it needs comes with the question, so that any worker can go on where another one was
killed. Between two slices it keeps the run as it is: then its files need not come again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from aeviz import files
from aeviz.data import datasets
from aeviz.training import film, place, store
from aeviz.training.status import RunStatus, Wish
from aeviz.training.task import Task

KEPT = 4
"""So many runs a worker keeps between two slices, with model, optimiser and images: 80 MB each."""
POLL = 0.02
"""Seconds between two looks at a run that only waits, for its data."""


class DiffersError(Exception):
    """A worker of the cluster would not train what this server does."""


class ScratchError(Exception):
    """A worker of the cluster cannot keep what it is given; one sentence."""


@functools.cache
def versions() -> dict[str, str]:
    """All that must be the same on the server and on the workers of the cluster."""
    package, source = Path(__file__).parents[1], hashlib.sha256()
    for room in ("data", "models", "analysis", "training"):
        for path in sorted((package / room).rglob("*.py")):
            source.update(path.read_text(encoding="utf-8").encode())
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "torch": torch.__version__.partition("+")[0],
        "numpy": np.__version__,
        "distributed": importlib.metadata.version("distributed"),
        "aeviz": source.hexdigest()[:8],
    }


def greet() -> dict[str, str]:
    """What a worker that has joined says of itself, once it has MNIST at hand."""
    with contextlib.suppress(datasets.DataError):  # a run that meets it says so
        datasets.load("mnist")
    return versions()


@dataclass(frozen=True)
class Asked:
    """A slice of a run, as a server asks for it.

    seconds: that it may take; wish, give_way: what the run shall do; longest: minutes that a run
    may train; after: what the slice before was called; files: of the run, where the worker is not
    known to keep it; changes: what was asked of it meanwhile, as `store.asked` names the files.
    """

    name: str
    seconds: float
    wish: Wish
    give_way: bool
    longest: float
    versions: Mapping[str, str]
    after: str
    files: Mapping[str, bytes] | None
    changes: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Came:
    """What a slice gives back: where the run stands, files that are new, what the slice is called.

    left: it was put aside, as its status says; heard: which changes it knows now.
    """

    status: RunStatus
    left: bool
    files: Mapping[str, bytes]
    called: str
    heard: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """True when no slice follows."""
        return self.left or (self.status.ended and not self.status.measuring)


class _Kept:
    """A run between two slices."""

    def __init__(self, name: str) -> None:
        self.path = place.path_of(name)
        self.task = Task(name)
        self.known = self._seen()
        self.called = ""
        self.asked: set[str] = set()
        """Changes that were handed to it, heard or not."""

    def _seen(self) -> dict[str, tuple[int, int]]:
        """All files that a server wants, and when they were changed."""
        found = {}
        for path in self.path.rglob("*"):
            ours = path.name in ("control", "status.json") or path.parent.name == "asked"
            if path.is_file() and not ours:
                told = path.stat()
                name = path.relative_to(self.path).as_posix()
                found[name] = told.st_mtime_ns, told.st_size
        return found

    def go_on(self, asked: Asked) -> None:
        """Train until the time is over, or there is something that somebody waits for."""
        task = self.task
        store.write(self.path / "control", asked.wish.encode())
        for filename, content in asked.changes.items():
            if filename not in self.asked:
                (self.path / "asked").mkdir(exist_ok=True)
                store.write(self.path / "asked" / filename, content)
                self.asked.add(filename)
        if asked.give_way:
            task.give_way()
        until, ended = time.monotonic() + asked.seconds, task.status.ended
        while not task.over and task.status.ended == ended and time.monotonic() < until:
            if not task.advance():
                time.sleep(POLL)
        if asked.files is not None and task.step and not task.over:
            # A run that is not kept here has to begin from its files again, and yet come further.
            store.keep_state(asked.name, task.step.state())

    def came(self) -> Came:
        """What is new since the last slice."""
        seen = self._seen()
        new = [name for name, at in seen.items() if self.known.get(name) != at]
        self.known, self.called = seen, secrets.token_hex(8)
        found = {name: files.read(self.path / name) for name in new}
        run = self.path.name
        for kept in (store.snapshots(run), film.paths(run)):
            for path in list(kept.values())[:-1]:
                files.remove(path)  # the server has them
        heard = tuple(self.asked - {path.name for path in store.asked(run)})
        return Came(self.task.status.model_copy(), self.task.left, found, self.called, heard)


_kept: dict[str, _Kept] = {}
_alone = threading.Lock()
"""torch has one stream of random numbers in a process: one run trains at a time."""


def train(asked: Asked) -> Came | None:
    """Train a run for a while; None where it is not kept here, and its files did not come.

    Raises:
        DiffersError: this worker has other versions than the server.
        ScratchError: this worker's disk is full, or forbids to write.
    """
    if asked.versions != versions():
        raise DiffersError
    with _alone:
        os.environ["AEVIZ_RUNS"], os.environ["AEVIZ_LONGEST"] = str(_scratch()), str(asked.longest)
        torch.set_num_threads(1)  # as a worker of one machine; the same sums, bit for bit
        torch.set_flush_denormal(True)  # of this thread: the last slice may have had another one
        kept = _kept.pop(asked.name, None)
        try:
            if asked.files is not None:
                kept = _begin(asked.name, asked.files)
            elif kept is None or kept.called != asked.after:
                return None
            kept.go_on(asked)
            came = kept.came()
        except OSError as error:
            _forget(asked.name)
            why = f"a worker of the cluster cannot keep its files, since {files.reason(error)}"
            raise ScratchError(why) from error
        _kept[asked.name] = kept  # the last one is the last to go
        for name in [asked.name] if came.over else list(_kept)[:-KEPT]:
            _forget(name)
        return came


@functools.cache
def _scratch() -> Path:
    """This process's own folder of runs; Dask removes what a worker that was killed leaves."""
    from distributed import get_worker

    return Path(tempfile.mkdtemp(prefix="aeviz-", dir=get_worker().local_directory))


def _begin(name: str, content: Mapping[str, bytes]) -> _Kept:
    _forget(name)
    path = place.path_of(name)
    for folder in ("snapshots", "states", "frames"):
        (path / folder).mkdir(parents=True)
    for filename, found in content.items():
        (path / filename).write_bytes(found)
    return _Kept(name)


def _forget(name: str) -> None:
    _kept.pop(name, None)
    shutil.rmtree(place.path_of(name), ignore_errors=True)
