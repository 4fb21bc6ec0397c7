"""The worker processes of this machine: as many as the queue needs, started by whoever looks."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from aeviz import environment, files, jobs
from aeviz.training import place, tickets

LOOK = 2.0
"""Seconds between two looks for the worker of a run that waits, or that says nothing more."""
SEEN = 0.5
"""Seconds between two looks of a server, whether there are as many workers as are needed."""
STALE = 20.0
"""Seconds after which what a worker said of its cluster counts no more."""
STARTING = 15.0
"""Seconds in which a worker that was started takes its place, or never."""
REST = 10.0
"""Seconds without a new worker after one that failed as it started."""


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def slots() -> int:
    """How many workers there may be on this machine: one core is left for the app.

    Where runs train on a cluster, one that hands them out.
    """
    if environment.now().executor != "local":
        return 1
    return environment.now().workers or max(1, cores() - 1)


def threads() -> int:
    """Of each worker."""
    return max(1, (cores() - 1) // slots())


def worker_lock(slot: int = 0) -> FileLock:
    """Held by the worker of this machine that has a slot.

    Raises:
        OSError: there is no folder of runs, and it cannot be made.
    """
    place.folder().mkdir(parents=True, exist_ok=True)
    return FileLock(place.folder() / f"worker-{tickets.HOST}-{slot}.lock")


def alive() -> int:
    """How many workers of this machine the folder of runs has, whoever started them.

    Raises:
        OSError: nobody can be one, or it cannot be asked.
    """
    found = 0
    for slot in range(slots()):
        lock = worker_lock(slot)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            found += 1
        else:
            lock.release()
    return found


@dataclass
class Worker:
    """A worker that this process started; its standard input stays open as long as that lives."""

    where: Path
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)

    @property
    def young(self) -> bool:
        """It may not have taken its place yet."""
        return time.monotonic() - self.began < STARTING


workers: list[Worker] = []
"""Those that live, as far as was looked."""
_starting = threading.Lock()
_ended_soon = -math.inf
"""When a worker last ended as soon as it had begun."""


def ensure_workers() -> None:
    """Start the workers that the queue needs, at least one; returns at once.

    A worker lives as long as the process that started it: it notices the end of its standard
    input, which comes however that process ends.

    Raises:
        RunError: the folder of runs cannot be written.
    """
    with _starting, place.writing():
        _forget_ended()
        if time.monotonic() - _ended_soon < REST:
            return
        ours = [worker for worker in workers if worker.where == place.folder()]
        wanted = min(slots(), max(1, len(tickets.listed())))
        if len(ours) >= wanted:
            return
        lacking = wanted - alive() - sum(worker.young for worker in ours)
        workers.extend(_start() for _ in range(lacking))


def _start() -> Worker:
    with (place.folder() / "worker.log").open("ab") as log:
        process = jobs.polite(
            ["-m", "aeviz", "worker"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "AEVIZ_RUNS": str(place.folder())},
            start_new_session=True,  # Ctrl-C ends the app; the worker tidies up
        )
    return Worker(place.folder(), process)


def _forget_ended() -> None:
    global _ended_soon
    for worker in [worker for worker in workers if worker.process.poll() is not None]:
        workers.remove(worker)
        assert worker.process.stdin
        asked = worker.process.stdin.closed
        worker.process.stdin.close()
        if asked or worker.process.returncode <= 0:  # it ended on purpose, or was killed
            continue
        logging.warning("A worker ended (%d).", worker.process.returncode)
        if worker.young:
            _ended_soon = time.monotonic()


def keep_workers() -> None:
    """As long as this process lives, have workers wherever a run waits, whoever looks."""
    threading.Thread(target=_keep, daemon=True).start()


def _keep() -> None:
    said = ""
    while True:
        time.sleep(SEEN)
        if not tickets.listed():
            continue
        try:
            ensure_workers()
            said = ""
        except place.RunError as error:
            if str(error) != said:
                logging.warning("%s", error)
            said = str(error)


_looks: dict[Path, tuple[float, str]] = {}
"""For a folder of runs, when its workers were last looked for, and what was wrong then."""


def see_to_workers() -> str:
    """Start workers unless somebody looked a moment ago; why there can be none, if so."""
    where, now = place.folder(), time.monotonic()
    last, trouble = _looks.get(where, (-math.inf, ""))
    if now - last > LOOK:
        _looks[where] = now, trouble
        try:
            ensure_workers()
            trouble = ""
        except place.RunError as error:
            trouble = str(error)
        _looks[where] = now, trouble
    return trouble


def _trouble() -> Path:
    return place.folder() / f"trouble-{tickets.HOST}"


def say_trouble(sentence: str) -> None:
    """Say why runs that wait have to, beside their turn; nothing where they need not."""
    try:
        if sentence:
            files.write(_trouble(), sentence.encode())
        else:
            files.again(lambda: _trouble().unlink(missing_ok=True))
    except OSError as error:
        logging.warning("%s This cannot be noted: %s", sentence, error)


def trouble() -> str:
    """Why this machine's worker trains nothing now, as it said a moment ago; or nothing."""
    try:
        if time.time() - _trouble().stat().st_mtime < STALE:
            return files.read(_trouble()).decode("utf-8", "replace")
    except OSError:  # there is none
        pass
    return ""
