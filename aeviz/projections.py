"""UMAP and t-SNE of codes, computed by a process of their own and kept on disk.

`start` begins, `progress` says how far it is, `get` gives the result once it is there. Both
methods take longer than a page may wait, and UMAP's compiler longer still to start.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

import numpy as np
from filelock import FileLock, Timeout

from aeviz import data

METHODS = {"umap": "UMAP", "tsne": "t-SNE"}
"""Method -> its name."""
SEED = 0
NEIGHBOURS = 15
"""UMAP's size of a neighbourhood."""
PERPLEXITY = 30
"""t-SNE's effective size of a neighbourhood."""
ITERATIONS = 1000
"""Of t-SNE's gradient descent."""


def get(codes: np.ndarray, method: str) -> np.ndarray | None:
    """Places (N, 2) float32 of codes (N, D), or None when they are not there (yet)."""
    return _read(_job(codes, method))


def start(codes: np.ndarray, method: str, *, retry: bool = False) -> None:
    """Begin to compute in a process of low priority; returns at once.

    Does nothing when the result is there or on its way, or when an attempt failed.

    Args:
        codes: (N, D).
        method: a key of METHODS.
        retry: begin again after a failure.
    """
    job = _job(codes, method)
    with _guard:
        failed = _failure(job) is not None
        if _alive(job) or _read(job) is not None or (failed and not retry):
            return
        job.parent.mkdir(parents=True, exist_ok=True)
        _write(job, ".codes.npy", _npy(np.asarray(codes, np.float32)))
        _report(job, 0.0, "Starting")
        _processes[job] = _launch(method, job)


def progress(codes: np.ndarray, method: str) -> tuple[float, str] | str:
    """How far it is: the fraction done and what is being done; a sentence when it failed."""
    job = _job(codes, method)
    alive = _alive(job)  # asked first: a process that ends after this has left its result
    if _read(job) is not None:
        return 1.0, "Done"
    failure = _failure(job)
    if failure is not None and not alive:
        return failure
    status = _status(job)
    return (status["fraction"], status["phase"]) if status else (0.0, "Waiting to start")


# -- a job: the path that its files begin with -------------------------------------------------

_processes: dict[Path, subprocess.Popen[bytes]] = {}
"""What this process started, by job."""
_guard = threading.Lock()


def _job(codes: np.ndarray, method: str) -> Path:
    settings = (method, codes.shape, SEED, NEIGHBOURS if method == "umap" else PERPLEXITY)
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(np.ascontiguousarray(codes, np.float32).tobytes())
    return data.cache_folder() / "projections" / f"{method}-{digest.hexdigest()[:20]}"


def _file(job: Path, suffix: str) -> Path:
    return job.with_name(job.name + suffix)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _write(job: Path, suffix: str, content: bytes) -> None:
    partial = _file(job, f"{suffix}.{os.getpid()}.part")
    partial.write_bytes(content)
    partial.replace(_file(job, suffix))  # a reader never sees half a file


def _read(job: Path) -> np.ndarray | None:
    path = _file(job, ".npy")
    return np.load(path) if path.exists() else None


def _report(job: Path, fraction: float, phase: str, failure: str | None = None) -> None:
    status = {"fraction": fraction, "phase": phase, "failure": failure}
    _write(job, ".json", json.dumps(status).encode())


def _status(job: Path) -> dict:
    path = _file(job, ".json")
    return json.loads(path.read_bytes()) if path.exists() else {}


def _alive(job: Path) -> bool:
    """Whether a process works on it: ours, or another server's, which holds the lock."""
    ours = _processes.get(job)
    if ours is not None and ours.poll() is None:
        return True
    if not job.parent.exists():
        return False
    try:
        with FileLock(_file(job, ".lock"), timeout=0):
            return False
    except Timeout:
        return True


def _failure(job: Path) -> str | None:
    """Why the last attempt failed; None while there was none or it works.

    What an earlier server left unfinished is no failure: it is simply begun again.
    """
    said = _status(job).get("failure")
    ours = _processes.get(job)
    if said or ours is None or ours.poll() is None:
        return said
    method = METHODS[job.name.partition("-")[0]]
    return f"The computation of {method} was ended from outside before it was done."


def _launch(method: str, job: Path) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    threads = str(max((os.cpu_count() or 2) // 2, 1))  # the pages need the others
    with _file(job, ".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "aeviz.projections", method, str(job)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
            },
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
    if hasattr(os, "setpriority"):  # from outside, so that even its imports are polite
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    return process


# -- in the process that computes --------------------------------------------------------------


class _Watch(io.TextIOBase):
    """Reads what a library prints while it works, and reports the fraction found in it."""

    def __init__(self, job: Path, out: TextIO, pattern: str, total: int) -> None:
        self.job, self.out, self.pattern, self.total = job, out, re.compile(pattern), total
        self.next = 0.0

    def write(self, text: str, /) -> int:
        """Pass the text on to the log; report at most five times a second."""
        found = self.pattern.search(text)
        if found and time.monotonic() >= self.next:
            self.next = time.monotonic() + 0.2
            _report(self.job, 0.2 + 0.8 * int(found[1]) / self.total, "Arranging the points")
        return self.out.write(text)


def _umap(codes: np.ndarray, job: Path) -> np.ndarray:
    """Source: McInnes, Healy & Melville 2018, arXiv:1802.03426."""
    from sklearn.neighbors import NearestNeighbors
    from umap import UMAP

    _report(job, 0.1, "Finding neighbours")
    k = min(NEIGHBOURS, len(codes) - 1)
    # Exact neighbours take half a second here; UMAP's approximate search half a minute, most of
    # it to compile.
    distances, indices = NearestNeighbors(n_neighbors=k).fit(codes).kneighbors(codes)
    method = UMAP(
        n_neighbors=k,
        precomputed_knn=(indices, distances),
        random_state=SEED,
        n_jobs=1,
        verbose=True,
    )
    with contextlib.redirect_stderr(_Watch(job, sys.stderr, r"(\d+)%\|", 100)):
        return np.asarray(method.fit_transform(codes))


def _tsne(codes: np.ndarray, job: Path) -> np.ndarray:
    """Source: van der Maaten & Hinton 2008, JMLR 9; van der Maaten 2014, JMLR 15."""
    from sklearn.manifold import TSNE

    _report(job, 0.1, "Finding neighbours")
    method = TSNE(perplexity=PERPLEXITY, max_iter=ITERATIONS, random_state=SEED, verbose=2)
    with contextlib.redirect_stdout(_Watch(job, sys.stdout, r"Iteration (\d+):", ITERATIONS)):
        return method.fit_transform(codes)


def main() -> None:
    """Compute one job: `python -m aeviz.projections <method> <job>`, called by `start`."""
    method, job = sys.argv[1], Path(sys.argv[2])
    try:
        with FileLock(_file(job, ".lock"), timeout=0):
            try:
                codes = np.load(_file(job, ".codes.npy"))
                places = {"umap": _umap, "tsne": _tsne}[method](codes, job)
            except Exception as error:
                _report(job, 0.0, "", f"{METHODS[method]} failed: {str(error).rstrip('.')}.")
                raise  # the traceback is in the log
            _write(job, ".npy", _npy(places.astype(np.float32)))
            for suffix in (".codes.npy", ".json", ".log"):
                _file(job, suffix).unlink(missing_ok=True)
    except Timeout:
        print("Another process works on it already.")


if __name__ == "__main__":
    main()
