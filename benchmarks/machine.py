"""What a figure was measured on, and how a program says what it measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"
LOAD_BEFORE = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
"""Processes that wanted to run while this program started: those of others."""


def line() -> str:
    """One line: processor, cores, system, versions, and how busy the machine was already."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    parts = [
        _processor(),
        f"{cores} cores",
        _system(),
        f"Python {platform.python_version()}",
        f"torch {torch.__version__}",
    ]
    if LOAD_BEFORE is not None:
        parts.append(f"load {LOAD_BEFORE:.1f} before it began")
    return ", ".join(parts)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for text in cpuinfo.read_text(encoding="utf-8").splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


@dataclass(frozen=True)
class Row:
    """One line of a table: what was measured, the reference, ours, and the bar to meet."""

    what: str
    reference: str
    ours: str
    must: str = "-"
    held: bool | None = None
    """None where there is no bar, or where it could not be measured."""

    def cells(self) -> tuple[str, ...]:
        """The texts of the line."""
        result = {True: "held", False: "missed", None: "-"}[self.held]
        return self.what, self.reference, self.ours, self.must, result


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table whose columns are even, so that it reads well in a terminal too."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]

    def text(row: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([text(head), rule, *map(text, rows)])


def report(
    name: str, command: str, seed: int, rows: Sequence[Row], notes: Sequence[str], more: str = ""
) -> None:
    """Print what was measured and write the same to results/<name>.md.

    Args:
        command: made the figures, as a person types it.
        notes: what exactly was measured, a sentence each.
        more: markdown below the table.
    """
    parts = [
        f"# {name}",
        f"`{command}`, {time.strftime('%Y-%m-%d')}, seed {seed}",
        line(),
        table(
            ("what", "reference", "ours", "must", "result"),
            [row.cells() for row in rows],
        ),
        "\n".join(f"- {note}" for note in notes),
        more,
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
