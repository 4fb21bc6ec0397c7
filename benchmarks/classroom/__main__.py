"""The command; see the package."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.classroom import parts, serving
from benchmarks.classroom.bars import BARS, PEOPLE, Found, Options

MOST = 25 * 60.0
"""Seconds in which the command ends, whatever hangs."""
TIDY = 15.0
"""Seconds for a part whose time is over to end its servers."""


def main() -> None:
    """Measure, print each row as soon as it is there, and write results/classroom.md."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.classroom", description=main.__doc__
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=list(BARS), help=", ".join(BARS)
    )
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of all times and counts, to try the programs out"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=list(parts.PARTS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    options = Options(args.people, args.share, args.seed)
    if args.part:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers end with it
        for found in parts.PARTS[args.part].measure(options):
            print(json.dumps(found.plain()), flush=True)
        return
    wanted = args.only or list(BARS)
    print(machine.line(), flush=True)
    rows = measure(options, wanted)
    if args.only or options != Options(seed=args.seed):
        print("Only a part was measured: results/classroom.md stays as it is.")
        return
    machine.report(
        "classroom", f"python -m benchmarks.classroom --seed {args.seed}", args.seed, rows, NOTES
    )


def measure(options: Options, wanted: Collection[str], most: float = MOST) -> list[machine.Row]:
    """The rows of these names in the order of the table, each printed as soon as it is measured."""
    end = time.monotonic() + most
    rows: dict[str, machine.Row] = {}
    for name, part in parts.PARTS.items():
        mine = [row for row in part.rows if row in wanted]
        if not mine:
            continue
        limit = min(part.limit, end - time.monotonic() - TIDY)
        why = f"not measured: the {most / 60:.0f} minutes were over"
        if limit > TIDY or part.limit < TIDY < limit + TIDY:
            for found in measured(name, options, limit):
                rows[found.name] = found.row(options)
                if found.name in mine:
                    print(" | ".join(rows[found.name].cells()), flush=True)
            why = f"not measured within {limit:.0f} s, or its program failed"
        for row in mine:
            if row not in rows:
                rows[row] = Found(row, why, None).row(options)
                print(" | ".join(rows[row].cells()), flush=True)
    return [rows[name] for name in BARS if name in rows and name in wanted]


def measured(name: str, options: Options, limit: float) -> Iterator[Found]:
    """What a part measures, in a process and a folder of its own; what hangs is ended."""
    command = [sys.executable, "-m", "benchmarks.classroom", "--part", name]
    command += ["--people", str(options.people), "--share", str(options.share)]
    command += ["--seed", str(options.seed)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "found"
        with out.open("wb") as file:
            process = subprocess.Popen(
                command, stdout=file, env=os.environ | {"TMPDIR": folder}, start_new_session=True
            )
        end, read = time.monotonic() + limit, 0
        try:
            while True:
                ended = process.poll() is not None
                lines = out.read_bytes().splitlines(keepends=True)
                for line in lines[read:]:
                    if line.endswith(b"\n"):
                        read += 1
                        yield Found(**json.loads(line))
                if ended:
                    return
                if time.monotonic() > end:
                    print(f"{name}: ended after {limit:.0f} s", file=sys.stderr)
                    return
                time.sleep(0.1)
        finally:
            _end(process)
            serving.kill(serving.workers(Path(folder)))
            _unmount(Path(folder))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a part and all that it started: what it began is in one group of processes."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TIDY / 2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _unmount(folder: Path) -> None:
    """Take away the disks that a part left in its folder."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        where = line.split()[1]
        if Path(where).is_relative_to(folder):
            subprocess.run(["umount", "-l", where], check=False)


NOTES: Sequence[str] = (
    "The reference is what was measured by hand before anything was done about it, on two cores.",
    "One server with the project's own settings, and programs on the same machine that play all "
    "the people: Streamlit's messages over websockets, without browsers, so pictures, fonts and "
    "scripts are not fetched; their share of the two cores is taken from the server's. Somebody "
    "was there before. Every request goes to 127.0.0.1.",
    "An event is a press of Draw again on Sample; it is answered when the first run of the page "
    f"that began after it has ended. Without an answer it counts as {serving.GIVEN_UP:g} s and as "
    "an error, and so does an exception that the page shows.",
    *(note for part in parts.PARTS.values() for note in part.notes),
)


if __name__ == "__main__":
    main()
