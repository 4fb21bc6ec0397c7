"""Which runs want something of a worker, and which of them a worker has.

A ticket is an empty file beside the runs. A claim is a lock that the system takes away when its
process ends, however that ends; for folders whose locks do not reach other machines it also has a
heartbeat.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from aeviz import files
from aeviz.training import place

HOST = socket.gethostname()
BEAT = 1.0
"""Seconds between two beats of a claim."""
DEAD = 15.0
"""Seconds without a beat after which a claim of another machine counts no more: clocks differ."""


# -- tickets ----------------------------------------------------------------------------------


def _ticket(name: str) -> Path:
    return place.folder() / "queue" / name


def put(name: str) -> None:
    """Say that a run wants a worker; one that does already keeps its place.

    Raises:
        OSError: it cannot be written.
    """
    _ticket(name).parent.mkdir(exist_ok=True)
    if not has(name):
        _ticket(name).touch()


def remove(name: str) -> None:
    """Say that a run wants nothing more.

    Raises:
        OSError: its ticket stays.
    """
    with contextlib.suppress(*files.MISSING):
        files.again(_ticket(name).unlink)


def has(name: str) -> bool:
    """True while a run waits or trains."""
    return files.true(_ticket(name).exists)


def listed() -> list[str]:
    """All runs with a ticket, the oldest first; none where they cannot be listed."""
    try:
        names = [path.name for path in (place.folder() / "queue").iterdir()]
    except files.MISSING:
        return []
    except OSError as error:
        logging.warning("The queue cannot be listed: %s", error)
        return []
    return sorted(name for name in names if place.RUN_ID.fullmatch(name))


def came(name: str) -> float:
    """When a run was put there, in seconds of the clock; now where that is not known."""
    try:
        return _ticket(name).stat().st_mtime
    except OSError:
        return time.time()


# -- claims -----------------------------------------------------------------------------------


class Claim:
    """A worker has a run, until it lets it go or ends."""

    def __init__(self, name: str, lock: FileLock) -> None:
        self._lock, self._beat = lock, _beat_of(name)
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beats, daemon=True)
        self._beating.start()

    def _beats(self) -> None:
        while True:
            with contextlib.suppress(OSError):  # then only those of this machine know it
                self._beat.write_text(HOST, encoding="utf-8")
            if self._over.wait(BEAT):
                return

    def release(self) -> None:
        """Let the run go."""
        self._over.set()
        self._beating.join()
        with contextlib.suppress(OSError):
            self._beat.unlink(missing_ok=True)
        self._lock.release()


def _beat_of(name: str) -> Path:
    return place.path_of(name) / "claim"


def _lock_of(name: str) -> FileLock:
    return FileLock(place.path_of(name) / "lock")


def claim(name: str) -> Claim | None:
    """Take a run for this process; None where another worker has it.

    Raises:
        OSError: it cannot be taken.
    """
    if _beats_elsewhere(name):
        return None
    lock = _lock_of(name)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return Claim(name, lock)


def is_claimed(name: str) -> bool:
    """True while a worker has a run, and where that cannot be known."""
    if not place.is_run(name):
        return False
    try:
        found = claim_is_held(name)
    except OSError as error:
        logging.warning("%s: whether a worker has it cannot be asked: %s", name, error)
        return True
    return found or _beats_elsewhere(name)


def claim_is_held(name: str) -> bool:
    """True while the lock of a run is held.

    Raises:
        OSError: it cannot be asked.
    """
    lock = _lock_of(name)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _beats_elsewhere(name: str) -> bool:
    beat = _beat_of(name)
    try:
        age = time.time() - beat.stat().st_mtime
        return age < DEAD and beat.read_text(encoding="utf-8") not in ("", HOST)
    except (OSError, UnicodeDecodeError):
        return False


@contextlib.contextmanager
def choosing() -> Iterator[None]:
    """One process at a time chooses what to train next.

    Raises:
        OSError: the folder cannot be written.
    """
    with _choosing, FileLock(place.folder() / "choosing.lock", poll_interval=0.005):
        yield


_choosing = threading.Lock()
"""The threads of a process wait for each other without asking the disk."""
