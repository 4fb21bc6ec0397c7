"""Long computations, each in a process of its own, with progress, and kept on disk.

A page asks with `start`, looks with `progress`, and takes the result with `read` once it is there.
The module that computes is run as `python -m <module> <arguments> <path>`, and calls `work`.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from aeviz import files

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One computation.

    path: what its files begin with, named after all that the result depends on.
    title: what is computed, as a person calls it.
    module: computes it, with these arguments before the path.
    result: how the name of the file with the result ends.
    """

    path: Path
    title: str
    module: str
    arguments: tuple[str, ...] = ()
    result: str = ".npy"

    def file(self, suffix: str) -> Path:
        """One of its files."""
        return self.path.with_name(self.path.name + suffix)


processes: dict[Path, subprocess.Popen[bytes]] = {}
"""What this process started, by the job's path."""
_refused: dict[Path, str] = {}
"""Why a job could not even begin, or its result not be read, as a sentence, by the job's path."""
_guard = threading.Lock()


def read(job: Job, parse: Callable[[bytes], T]) -> T | None:
    """The result, or None when it is not there (yet).

    One that cannot be parsed is removed, as if it had never been computed.
    """
    path = job.file(job.result)
    try:
        content = files.read(path)
    except files.MISSING:
        return None
    except OSError as error:
        _refuse(job, f"The result of {job.title} cannot be read: {files.reason(error)}.")
        return None
    _refused.pop(job.path, None)
    try:
        return parse(content)
    except (ValueError, EOFError, zipfile.BadZipFile):
        logging.exception("%s is damaged", path)
        files.remove(path)
        return None


def start(job: Job, content: Callable[[], bytes], *, retry: bool = False) -> None:
    """Begin to compute in a process of low priority; returns at once.

    Does nothing when the result is there or on its way, or when an attempt failed. Where it cannot
    begin, such as in a folder that cannot be written, `progress` says why.

    Args:
        content: makes what the computation is given.
        retry: begin again after a failure.
    """
    with _guard:
        if retry:
            _refused.pop(job.path, None)
        failed = _failure(job) is not None
        if _alive(job) or _is_done(job) or (failed and not retry):
            return
        try:
            job.path.parent.mkdir(parents=True, exist_ok=True)
            files.write(job.file(".input"), content())
            report(job, 0.0, "Starting")
            processes[job.path] = _launch(job)
        except OSError as error:
            _refuse(job, files.refused(f"The computation of {job.title}", job.path.parent, error))


def _refuse(job: Job, sentence: str) -> None:
    logging.warning("%s", sentence)
    _refused[job.path] = sentence


def progress(job: Job) -> tuple[float, str] | str:
    """How far it is: the fraction done and what is being done; a sentence when it failed."""
    alive = _alive(job)  # asked first: a process that ends after this has left its result
    if _is_done(job):
        return 1.0, "Done"
    failure = _failure(job)
    if failure is not None and not alive:
        return failure
    status = _status(job)
    return (status["fraction"], status["phase"]) if status else (0.0, "Waiting to start")


def begun(job: Job) -> bool:
    """True once it was asked for: it works, has failed, or is done."""
    return _alive(job) or _failure(job) is not None or _is_done(job)


def _is_done(job: Job) -> bool:
    return job.path not in _refused and files.true(job.file(job.result).exists)


def _status(job: Job) -> dict[str, Any]:
    """What the computing process said last; empty where that cannot be read."""
    try:
        found = json.loads(files.read(job.file(".json")))
    except files.MISSING:
        return {}
    except (OSError, ValueError) as error:
        logging.warning("The status of %s: %s", job.path, error)
        return {}
    whole = isinstance(found, dict) and found.keys() >= {"fraction", "phase", "failure"}
    return found if whole else {}


def _alive(job: Job) -> bool:
    """Whether a process works on it: ours, or another server's, which holds the lock."""
    ours = processes.get(job.path)
    if ours is not None and ours.poll() is None:
        return True
    if not files.true(job.path.parent.exists):
        return False
    try:
        with FileLock(job.file(".lock"), timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # where no lock can be made, nothing is computed
        return False


def _failure(job: Job) -> str | None:
    """Why the last attempt failed; None while there was none or it works.

    What an earlier server left unfinished is no failure: it is simply begun again.
    """
    said = _refused.get(job.path) or _status(job).get("failure")
    ours = processes.get(job.path)
    if said or ours is None or ours.poll() is None or _is_done(job):
        return said
    if ours.returncode > 0:  # it could not even say why
        return f"The computation of {job.title} failed; the reason is in {job.file('.log')}."
    return f"The computation of {job.title} was ended from outside before it was done."


def _launch(job: Job) -> subprocess.Popen[bytes]:
    threads = str(max((os.cpu_count() or 2) // 2, 1))  # the pages need the others
    with job.file(".log").open("wb") as log:
        return polite(
            [sys.executable, "-m", job.module, *job.arguments, str(job.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        )


def polite(arguments: list[str], **popen_options: Any) -> subprocess.Popen[bytes]:
    """Start a process of low priority that finds the package `aeviz` wherever it starts.

    Args:
        popen_options: as of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
    """
    env = popen_options.pop("env", os.environ)
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, env.get("PYTHONPATH"))))
    # Any: with options as they come, pyright takes it for a process that speaks text.
    process: Any = subprocess.Popen(
        arguments,
        env={**env, "PYTHONPATH": path},
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        **popen_options,
    )
    if hasattr(os, "setpriority"):  # from outside, so that even its imports are polite
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    return process


# -- in the process that computes --------------------------------------------------------------


def report(job: Job, fraction: float, phase: str, failure: str | None = None) -> None:
    """Say how far it is, or why it failed."""
    status = {"fraction": fraction, "phase": phase, "failure": failure}
    files.write(job.file(".json"), json.dumps(status).encode())


def work(job: Job, compute: Callable[[bytes], bytes]) -> None:
    """Compute the result of a job from what it was given, unless another process is at it."""
    try:
        with FileLock(job.file(".lock"), timeout=0):
            try:
                files.write(job.file(job.result), compute(files.read(job.file(".input"))))
            except Exception as error:
                why = files.reason(error) if isinstance(error, OSError) else str(error)
                report(job, 0.0, "", f"{job.title} failed: {why.rstrip('.')}.")
                raise  # the traceback is in the log
            for suffix in (".input", ".json", ".log"):
                files.remove(job.file(suffix))
    except Timeout:
        print("Another process works on it already.")
