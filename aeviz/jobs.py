"""Long computations, each in a process of its own, with progress, and kept on disk.

A page asks with `start`, looks with `progress`, and takes the result with `read` once it is there.
The module that computes is run as `python -m <module> <arguments> <path>`, and calls `work`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout


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
_guard = threading.Lock()


def read(job: Job) -> bytes | None:
    """The result, or None when it is not there (yet)."""
    path = job.file(job.result)
    return path.read_bytes() if path.exists() else None


def start(job: Job, content: Callable[[], bytes], *, retry: bool = False) -> None:
    """Begin to compute in a process of low priority; returns at once.

    Does nothing when the result is there or on its way, or when an attempt failed.

    Args:
        content: makes what the computation is given.
        retry: begin again after a failure.
    """
    with _guard:
        failed = _failure(job) is not None
        if _alive(job) or job.file(job.result).exists() or (failed and not retry):
            return
        job.path.parent.mkdir(parents=True, exist_ok=True)
        _write(job, ".input", content())
        report(job, 0.0, "Starting")
        processes[job.path] = _launch(job)


def progress(job: Job) -> tuple[float, str] | str:
    """How far it is: the fraction done and what is being done; a sentence when it failed."""
    alive = _alive(job)  # asked first: a process that ends after this has left its result
    if job.file(job.result).exists():
        return 1.0, "Done"
    failure = _failure(job)
    if failure is not None and not alive:
        return failure
    status = _status(job)
    return (status["fraction"], status["phase"]) if status else (0.0, "Waiting to start")


def begun(job: Job) -> bool:
    """True once it was asked for: it works, has failed, or is done."""
    return _alive(job) or _failure(job) is not None or job.file(job.result).exists()


def _write(job: Job, suffix: str, content: bytes) -> None:
    partial = job.file(f"{suffix}.{os.getpid()}.part")
    partial.write_bytes(content)
    partial.replace(job.file(suffix))  # a reader never sees half a file


def _status(job: Job) -> dict:
    path = job.file(".json")
    return json.loads(path.read_bytes()) if path.exists() else {}


def _alive(job: Job) -> bool:
    """Whether a process works on it: ours, or another server's, which holds the lock."""
    ours = processes.get(job.path)
    if ours is not None and ours.poll() is None:
        return True
    if not job.path.parent.exists():
        return False
    try:
        with FileLock(job.file(".lock"), timeout=0):
            return False
    except Timeout:
        return True


def _failure(job: Job) -> str | None:
    """Why the last attempt failed; None while there was none or it works.

    What an earlier server left unfinished is no failure: it is simply begun again.
    """
    said = _status(job).get("failure")
    ours = processes.get(job.path)
    if said or ours is None or ours.poll() is None or job.file(job.result).exists():
        return said
    return f"The computation of {job.title} was ended from outside before it was done."


def _launch(job: Job) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    threads = str(max((os.cpu_count() or 2) // 2, 1))  # the pages need the others
    with job.file(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", job.module, *job.arguments, str(job.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
            },
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
    if hasattr(os, "setpriority"):  # from outside, so that even its imports are polite
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    return process


# -- in the process that computes --------------------------------------------------------------


def report(job: Job, fraction: float, phase: str, failure: str | None = None) -> None:
    """Say how far it is, or why it failed."""
    status = {"fraction": fraction, "phase": phase, "failure": failure}
    _write(job, ".json", json.dumps(status).encode())


def work(job: Job, compute: Callable[[bytes], bytes]) -> None:
    """Compute the result of a job from what it was given, unless another process is at it."""
    try:
        with FileLock(job.file(".lock"), timeout=0):
            try:
                found = compute(job.file(".input").read_bytes())
            except Exception as error:
                report(job, 0.0, "", f"{job.title} failed: {str(error).rstrip('.')}.")
                raise  # the traceback is in the log
            _write(job, job.result, found)
            for suffix in (".input", ".json", ".log"):
                job.file(suffix).unlink(missing_ok=True)
    except Timeout:
        print("Another process works on it already.")
