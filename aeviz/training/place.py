"""Where runs are kept, and what they are called."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

from aeviz import environment, files
from aeviz.data import datasets

RUN_ID = re.compile(r"run-[0-9]{8}-[0-9]{6}-(?:[0-9a-f]{4}|[0-9a-f]{32})")
"""When a run was made, and 128 random bits: whoever has its link may watch it, and nobody guesses
one. Runs of earlier versions have 16.
"""
_MODEL = re.compile(rf"({RUN_ID.pattern})(?:@([0-9]{{1,12}}))?")


class RunError(Exception):
    """A run or the folder of runs is not as it should be; one sentence with the way out."""


def folder() -> Path:
    """The folder of all runs: `$AEVIZ_RUNS`, or `runs` in the cache folder."""
    return environment.now().runs or datasets.cache_folder() / "runs"


@contextlib.contextmanager
def writing(what: str = "Runs") -> Iterator[None]:
    """Whatever the folder of runs does not allow becomes one sentence."""
    try:
        yield
    except OSError as error:
        variable = "AEVIZ_RUNS" if environment.now().runs else "AEVIZ_CACHE"
        raise RunError(files.refused(what, folder(), error, variable)) from error


def path_of(name: str) -> Path:
    """A run's folder. Names come from the URL: nothing but an id ever becomes a path."""
    if not RUN_ID.fullmatch(name):
        raise KeyError(f"{name!r} is not the name of a run.")
    return folder() / name


def is_run(name: str) -> bool:
    """True for the id of a run that exists."""
    return bool(RUN_ID.fullmatch(name)) and files.true(path_of(name).is_dir)


def names_model(name: str) -> bool:
    """True for an id, and for an id with a step such as `run-20261125-140559-00ff@256`."""
    return bool(_MODEL.fullmatch(name))


def split(name: str) -> tuple[str, int | None]:
    """The name of a run's model as the run and the step; None for the model that it ended with."""
    found = _MODEL.fullmatch(name)
    if not found:
        raise KeyError(f"{name!r} is not the name of a run's model.")
    return found[1], None if found[2] is None else int(found[2])


def made_since(moment: float) -> list[str]:
    """The runs that were made after a moment, in seconds of the clock, the oldest first."""
    first = time.strftime("run-%Y%m%d-%H%M%S", time.localtime(moment))
    try:
        names = [path.name for path in folder().iterdir()]
    except OSError:
        return []
    return sorted(name for name in names if name >= first and RUN_ID.fullmatch(name))


def started(name: str) -> str:
    """When a run was made, such as "14:05:59", by the server's clock."""
    path_of(name)  # an id, or a KeyError
    time_of_day = name.split("-")[2]
    return ":".join(time_of_day[i : i + 2] for i in (0, 2, 4))
