"""Whose runs are whose: a browser keeps a token, a run the digests of the tokens that own it.

Whoever has a token steers its runs; a run's link lets one watch. No token is ever written here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from pathlib import Path

from aeviz import files
from aeviz.training import place

TOKEN = re.compile(r"[0-9a-f]{32}")
"""128 random bits."""


def new_token() -> str:
    """The token of a person who has none."""
    return secrets.token_hex(16)


def digest(token: str) -> str:
    """What is kept of a token, from which nobody can tell it.

    Raises:
        ValueError: it is no token.
    """
    if not TOKEN.fullmatch(token):
        raise ValueError("This is no owner's token.")
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _folder(run: str) -> Path:
    return place.path_of(run) / "owners"


def add(run: str, token: str) -> None:
    """Make a person an owner of a run.

    Raises:
        RunError: the run's folder cannot be written.
    """
    with place.writing("Whose run this is"):
        _folder(run).mkdir(exist_ok=True)
        (_folder(run) / digest(token)).touch()


def leave(run: str, token: str) -> None:
    """Make a person no owner of a run any more.

    Raises:
        RunError: the run's folder cannot be written.
    """
    with place.writing("Whose run this is"), contextlib.suppress(*files.MISSING):
        files.again((_folder(run) / digest(token)).unlink)


def of(run: str) -> set[str]:
    """The digests of all owners of a run."""
    try:
        return {path.name for path in _folder(run).iterdir()}
    except OSError:
        return set()


def owns(run: str, token: str) -> bool:
    """True for an owner of a run."""
    return files.true((_folder(run) / digest(token)).exists)


def runs_of(token: str) -> list[str]:
    """All runs of an owner, the oldest first."""
    try:
        found = [path.parts[-3] for path in place.folder().glob(f"run-*/owners/{digest(token)}")]
    except OSError:
        return []
    return sorted(name for name in found if place.is_run(name))
