"""What the person who starts aeviz may set: variables `AEVIZ_...`, or the same lines in `.env`."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "AEVIZ_"


class SettingsError(Exception):
    """A variable holds what it cannot mean; one sentence."""


class Environment(BaseSettings):
    """The settings of a server; README has them in a table that a test compares with these."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data: Path | None = Field(
        default=None,
        description="folder of data sets in torchvision's layout; nothing is downloaded then",
    )
    cache: Path = Field(
        default=Path.home() / ".cache" / "aeviz",
        description="folder of downloads, results and runs",
    )
    runs: Path | None = Field(
        default=None, description="folder of the runs, in place of `runs` in the cache"
    )
    runs_max: float = Field(
        default=4.0,
        gt=0,
        description="gigabytes that all runs may take: the oldest that have ended go first, never "
        "one that somebody keeps",
    )
    runs_each: int = Field(
        default=4, ge=1, description="runs that one person may have waiting or training"
    )
    longest: float = Field(
        default=60.0, gt=0, description="minutes of training after which a run is ended"
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        description="runs that train at a time, each on one core; one less than cores",
    )
    memory: int | None = Field(
        default=None,
        ge=1000,
        description="megabytes of data that one worker may hold (Linux), 950 of them for itself; "
        "a run that needs more fails",
    )
    executor: str = Field(
        default="local",
        pattern=r"^(local|dask://[^\s/:]+:[0-9]+)$",
        description="where runs train: `local`, or the scheduler of a Dask cluster as "
        "`dask://host:8786`",
    )


def now() -> Environment:
    """The settings as the variables say at this moment.

    Raises:
        SettingsError: one of them holds what it cannot mean.
    """
    return _read(frozenset(item for item in os.environ.items() if item[0].startswith(PREFIX)))


@functools.lru_cache(maxsize=8)  # asked for at every look at a run
def _read(variables: frozenset[tuple[str, str]]) -> Environment:
    try:
        return Environment()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{PREFIX}{first['loc'][0]}".upper()
        raise SettingsError(
            f"{name} cannot be {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        ) from error


def table() -> str:
    """All settings as the rows of a table in Markdown."""
    rows = ["| variable | what it says | unless it is set |", "|---|---|---|"]
    for name, field in Environment.model_fields.items():
        home = str(Path.home())
        default = "" if field.default is None else f"`{field.default}`".replace(home, "~")
        rows.append(f"| `{PREFIX}{name.upper()}` | {field.description} | {default} |")
    return "\n".join(rows) + "\n"
