"""A Dask cluster on this machine, and how runs fare there when one of its workers is killed.

`python -m benchmarks.cluster` prints the row of that.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aeviz.training import place, store
from aeviz.training.spec import RunSpec

ROOT = Path(__file__).parent.parent


@dataclass
class Cluster:
    """A scheduler on 127.0.0.1, and worker processes of one thread each."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What AEVIZ_EXECUTOR says."""
        file = self.folder / "scheduler.json"
        while not file.exists():
            assert self.scheduler.poll() is None, (self.folder / "scheduler.log").read_text(
                encoding="utf-8"
            )
            time.sleep(0.05)
        return json.loads(file.read_text(encoding="utf-8"))["address"].replace("tcp://", "dask://")

    def join(self) -> subprocess.Popen[bytes]:
        """Start another worker."""
        of = ["--scheduler-file", str(self.folder / "scheduler.json"), "--no-nanny"]
        where = ["--local-directory", str(self.folder), "--nthreads", "1", "--no-dashboard"]
        found = _start(self.folder / f"worker-{len(self.workers)}.log", "worker", *of, *where)
        self.workers.append(found)
        return found

    def close(self) -> None:
        """End all of its processes."""
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()


def _start(log: Path, *command: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=file,
            stderr=file,
        )


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A cluster that keeps its logs in a folder."""
    at = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    file = ["--scheduler-file", str(folder / "scheduler.json")]
    found = Cluster(folder, _start(folder / "scheduler.log", "scheduler", *at, *file))
    try:
        for _ in range(workers):
            found.join()
        yield found
    finally:
        found.close()


@contextlib.contextmanager
def server(runs: Path, executor: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that hands the runs of a folder to a cluster, as the app starts it."""
    runs.mkdir(parents=True, exist_ok=True)
    said = {"AEVIZ_RUNS": str(runs), "AEVIZ_EXECUTOR": executor}
    before = {name: os.environ.pop(name, None) for name in said}
    os.environ.update(said)  # for whoever looks at a run, and starts a worker for it
    with (runs / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "aeviz", "worker"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(60)
        finally:
            process.kill()
            for name, value in before.items():
                del os.environ[name]
                if value is not None:
                    os.environ[name] = value


@dataclass(frozen=True)
class Killed:
    """What became of runs: their ids, how many finished, and how long all took."""

    runs: list[str]
    finished: int
    seconds: float


def kill_one(where: Cluster, specs: list[RunSpec], limit: float = 600.0) -> Killed:
    """Train these runs, and kill a worker of the cluster as soon as two of them are under way.

    AEVIZ_RUNS is the folder of a `server` of this cluster.
    """
    began = time.monotonic()
    names = [store.create(spec) for spec in specs]
    while sum(_is_under_way(name) for name in names) < 2 and time.monotonic() - began < limit:
        time.sleep(0.05)
    where.workers[0].send_signal(signal.SIGKILL)
    where.workers[0].wait()
    while not all(store.said(name).ended for name in names) and time.monotonic() - began < limit:
        time.sleep(0.05)
    finished = sum(store.said(name).state == "finished" for name in names)
    return Killed(names, finished, time.monotonic() - began)


def _is_under_way(name: str) -> bool:
    status = store.said(name)
    return status.state == "running" and 0 < status.step < (status.steps or 0)


def specs(many: int = 12, steps: int = 2_000) -> list[RunSpec]:
    """Short runs of three variants."""
    variants = ("vanilla", "variational", "wasserstein")
    return [
        RunSpec.model_validate(
            {
                "variant": variants[number % 3],
                "config": {"width": 32, "depth": 1},
                "batch": 128,
                "steps": steps,
            }
        )
        for number in range(many)
    ]


def main() -> None:
    """Print the row: twelve runs, two workers, one killed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with cluster(folder) as found, server(folder / "runs", found.address):
            seen = kill_one(found, specs())
            for name in seen.runs:
                print(name, store.said(name).progress)
            kept = sum(path.stat().st_size for path in place.folder().rglob("*") if path.is_file())
    many = len(seen.runs)
    print(
        f"{seen.finished} of {many} finished in {seen.seconds:.1f} s; {kept / 1e6:.0f} MB of runs"
    )


if __name__ == "__main__":
    main()
