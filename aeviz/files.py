"""Files that several processes share: written whole, tried again, and their errors in words."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

WRITING = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds before each further try to replace a file that another process holds open."""
READING = (0.01, 0.03, 0.06)
"""The same for reading, for which a page waits."""
MISSING = (FileNotFoundError, NotADirectoryError)
"""What a system says of a file that is not there, or could not be."""
FULL = {errno.ENOSPC, errno.EDQUOT}
"""What a system says when there is no room."""
REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EROFS: "it is read-only",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
    errno.ENOENT: "it is not there",
    errno.ENOTDIR: "a file is in its way",
    errno.EEXIST: "a file is in its way",
    errno.EISDIR: "a folder is in its way",
}


def again(act: Callable[[], T], waits: Sequence[float] = WRITING) -> T:
    """Do what another process may forbid for a moment: on Windows nobody replaces an open file.

    Raises:
        OSError: it was forbidden each time, or failed otherwise.
    """
    for wait in waits:
        try:
            return act()
        except PermissionError:
            time.sleep(wait)
    return act()


def write(path: Path, content: bytes, *, lasting: bool = False) -> None:
    """Put content into a file: a reader sees the old one or the new one, never half of one.

    Args:
        lasting: it is on the disk when this returns, also where the machine loses its power then.

    Raises:
        OSError: it cannot be written. The old file is as it was.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(content)
        if lasting:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        again(lambda: partial.replace(path))
    except OSError:
        remove(partial)
        raise


def read(path: Path) -> bytes:
    """The content of a file that may just be replaced.

    Raises:
        OSError: it cannot be read.
    """
    return again(path.read_bytes, READING)


def remove(path: Path) -> None:
    """Remove a file that nobody needs; where that is impossible, the log says so."""
    try:
        again(lambda: path.unlink(missing_ok=True))
    except OSError as error:
        logging.warning("%s stays: %s", path, reason(error))


def true(test: Callable[[], bool]) -> bool:
    """What `path.is_file` and its like say, and False where one may not even look."""
    try:
        return test()
    except OSError:
        return False


def reason(error: OSError) -> str:
    """Why a file cannot be had or kept, such as "the disk is full"."""
    said = REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    return said[:1].lower() + said[1:]


def refused(what: str, folder: Path, error: OSError, variable: str = "AEVIZ_CACHE") -> str:
    """The sentence for a folder in which something cannot be kept, with the way out."""
    why = "it cannot be made" if error.errno == errno.ENOENT else reason(error)
    way = f"set {variable} to a folder that can be written"
    if error.errno in FULL:
        way = f"make room there, or set {variable} to another folder"
    return f"{what} cannot be kept in {folder}, since {why}: {way}."
