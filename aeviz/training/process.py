"""The one worker process of the runs folder, and the queue before it."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

from aeviz import files, jobs
from aeviz.training import place

LOOK = 2.0
"""Seconds between two looks for the worker of a run that waits, or that says nothing more."""
SEEN = 0.5
"""Seconds between two looks of the process that started a worker, whether that still lives."""
SHORT = 5.0
"""Seconds: a worker that ended so soon is not started again before a person asks for it."""


def _ticket(name: str) -> Path:
    """The file that says that a run waits for the worker."""
    return place.folder() / "queue" / name


def put(name: str) -> None:
    """Put a run into the queue.

    Raises:
        OSError: it cannot be written.
    """
    _ticket(name).parent.mkdir(exist_ok=True)
    _ticket(name).touch()


def waits(name: str) -> bool:
    """True while no worker has taken a run."""
    return files.true(_ticket(name).exists)


def queued() -> list[str]:
    """The runs that wait, the oldest first; none where the queue cannot be listed."""
    try:
        names = [path.name for path in (place.folder() / "queue").iterdir()]
    except files.MISSING:
        return []
    except OSError as error:
        logging.warning("The queue cannot be listed: %s", error)
        return []
    return sorted(name for name in names if place.RUN_ID.fullmatch(name))


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
    place.folder().mkdir(parents=True, exist_ok=True)
    return FileLock(place.folder() / "worker.lock")


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


def is_abandoned() -> bool:
    """True when there is no worker for certain."""
    try:
        return not worker_is_alive()
    except OSError as error:
        logging.warning("Whether there is a worker cannot be asked: %s", error)
        return False


workers: list[tuple[Path, subprocess.Popen[bytes]]] = []
"""Workers that this process started; their standard input stays open as long as it lives."""
_starting = threading.Lock()


def ensure_worker() -> None:
    """Start the worker of the runs folder unless there is one; returns at once.

    The worker lives as long as the process that started it: it notices the end of its standard
    input, which comes however that process ends.

    Raises:
        RunError: the folder of runs cannot be written.
    """
    with _starting, place.writing():
        ours = any(where == place.folder() and w.poll() is None for where, w in workers)
        if not ours and not worker_is_alive():
            with (place.folder() / "worker.log").open("ab") as log:
                worker = jobs.polite(
                    ["-m", "aeviz", "worker"],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "AEVIZ_RUNS": str(place.folder())},
                    start_new_session=True,  # Ctrl-C ends the app; the worker tidies up
                )
            workers.append((place.folder(), worker))
            began = time.monotonic()
            threading.Thread(
                target=_guard, args=(place.folder(), worker, began), daemon=True
            ).start()


def _guard(where: Path, worker: subprocess.Popen[bytes], began: float) -> None:
    """Wait until a worker ends, and start another one where nobody asked it to."""
    assert worker.stdin
    while worker.poll() is None:
        time.sleep(SEEN)
    asked = worker.stdin.closed or where != place.folder()
    if asked or time.monotonic() - began < SHORT:
        return
    logging.warning("The worker ended (%d) and is started again.", worker.returncode)
    try:
        ensure_worker()
    except place.RunError as error:
        logging.warning("%s", error)


_looks: dict[Path, tuple[float, str]] = {}
"""For a folder of runs, when its worker was last looked for, and what was wrong then."""


def see_to_the_worker() -> str:
    """Start a worker unless somebody looked a moment ago; why there can be none, if so."""
    where, now = place.folder(), time.monotonic()
    last, trouble = _looks.get(where, (-math.inf, ""))
    if now - last > LOOK:
        _looks[where] = now, trouble
        try:
            ensure_worker()
            trouble = ""
        except place.RunError as error:
            trouble = str(error)
        _looks[where] = now, trouble
    return trouble
