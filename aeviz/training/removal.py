"""Removing runs: by a person, who can take it back for an hour, and by age where room is short."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from aeviz import environment, files
from aeviz.training import place, store, tickets

REMOVED = ".removed-"
"""Before the name of a run that was removed: nothing that looks for runs finds it."""
KEPT_FOR = 3600.0
"""Seconds for which a run that was removed can be brought back, unless the room is needed."""
GIGABYTE = 1_000_000_000


def _hidden(name: str) -> Path:
    place.path_of(name)  # an id, or a KeyError
    return place.folder() / f"{REMOVED}{name}"


def _hide(name: str) -> None:
    os.utime(place.path_of(name))  # so that it is known when it was removed
    files.again(lambda: place.path_of(name).rename(_hidden(name)))


# -- what a person asks for -------------------------------------------------------------------


def star(name: str, starred: bool) -> None:
    """Keep a run however old it becomes, or no longer.

    Raises:
        RunError: the run's folder cannot be written.
    """
    mark = place.path_of(name) / "starred"
    with place.writing("That this run is kept"):
        if starred:
            files.write(mark, b"")
        else:
            files.again(lambda: mark.unlink(missing_ok=True))


def is_starred(name: str) -> bool:
    """True for a run that is kept however old it becomes."""
    return files.true((place.path_of(name) / "starred").is_file)


def remove(name: str) -> None:
    """Take a run that ended out of everybody's sight; `restore` brings it back.

    Raises:
        ValueError: it has not ended.
        RunError: it is gone already, or cannot be moved.
    """
    if not store.status(name).ended:
        raise ValueError("Stop the run before you remove it.")
    try:
        _hide(name)
    except OSError as error:
        raise place.RunError(f"This run cannot be removed: {files.reason(error)}.") from error


def can_restore(name: str) -> bool:
    """True for a run that was removed and can be brought back."""
    return files.true(_hidden(name).is_dir)


def restore(name: str) -> None:
    """Bring a run back that was removed.

    Raises:
        RunError: it is gone for good, or cannot be moved.
    """
    try:
        files.again(lambda: _hidden(name).rename(place.path_of(name)))
    except files.MISSING as error:
        raise place.RunError("This run cannot be brought back: it is gone for good.") from error
    except OSError as error:
        raise place.RunError(f"This run cannot be brought back: {files.reason(error)}.") from error


# -- pruning ----------------------------------------------------------------------------------


def prune(busy: Collection[str] = ()) -> None:
    """Erase what was removed an hour ago, and where all runs take more room than they may, more.

    Then whatever was removed goes first, and after it the oldest runs; but no run that is starred
    or has not ended. What cannot be erased stays, and the log says so.

    Args:
        busy: runs that the worker trains, whatever their files say.
    """
    try:
        names = sorted(path.name for path in place.folder().iterdir())
    except OSError as error:
        logging.warning("The runs cannot be pruned: %s", error)
        return
    runs = [name for name in names if place.RUN_ID.fullmatch(name)]
    removed = {
        name: _age(place.folder() / name)
        for name in names
        if name.startswith(REMOVED) and place.RUN_ID.fullmatch(name.removeprefix(REMOVED))
    }
    left = {name: _size(place.folder() / name) for name in [*runs, *removed]}
    for name, age in removed.items():
        if age > KEPT_FOR and _erase(name):
            del left[name]
    oldest_first = sorted(removed.keys() & left, key=removed.__getitem__, reverse=True)
    for name in [*oldest_first, *runs]:
        if sum(left.values()) <= environment.now().runs_max * GIGABYTE:
            return
        if (name in removed or (name not in busy and _may_go(name))) and _erase(name):
            del left[name]


def _may_go(run: str) -> bool:
    return not (is_starred(run) or tickets.has(run)) and store.said(run).ended


def _age(path: Path) -> float:
    changed = _changed(path)
    return time.time() - changed if changed else 0.0  # somebody has just brought it back


def _size(folder: Path) -> int:
    """Bytes in a folder of a run; counted again when a file has come, gone, or been replaced."""
    within = (folder, *(folder / name for name in ("snapshots", "states", "frames")))
    return _counted(folder, *(_changed(path) for path in within))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # not there
        return 0.0


@functools.lru_cache(maxsize=10_000)  # the worker, which trains, has no time to count all anew
def _counted(folder: Path, *changed: float) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # replaced or removed at this moment
                total += (Path(where) / name).stat().st_size
    return total


def _erase(name: str) -> bool:
    """Remove a run, or one that was removed already, for good; False where that is impossible."""
    try:
        if not name.startswith(REMOVED):
            _hide(name)  # at once: nobody reads half a run
        shutil.rmtree(_hidden(name.removeprefix(REMOVED)))
    except OSError as error:
        logging.warning("%s cannot be erased: %s", name, error)
        return False
    logging.info("%s is erased", name)
    return True
