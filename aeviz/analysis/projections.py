"""UMAP and t-SNE of codes, computed by a process of their own and kept on disk.

`start` begins, `progress` says how far it is, `get` gives the result once it is there. Both
methods take longer than a page may wait, and UMAP's compiler longer still to start.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import sys
import time
from pathlib import Path
from typing import TextIO

import numpy as np

from aeviz import jobs
from aeviz.data import datasets

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
    return jobs.read(job(codes, method), lambda content: np.load(io.BytesIO(content)))


def start(codes: np.ndarray, method: str, *, retry: bool = False) -> None:
    """Begin to compute in a process of low priority; returns at once.

    Does nothing when the result is there or on its way, or when an attempt failed.

    Args:
        codes: (N, D).
        method: a key of METHODS.
        retry: begin again after a failure.
    """
    jobs.start(job(codes, method), lambda: _npy(np.asarray(codes, np.float32)), retry=retry)


def progress(codes: np.ndarray, method: str) -> tuple[float, str] | str:
    """How far it is: the fraction done and what is being done; a sentence when it failed."""
    return jobs.progress(job(codes, method))


def job(codes: np.ndarray, method: str) -> jobs.Job:
    """The computation, by the codes (N, D) and a key of METHODS."""
    settings = (method, codes.shape, SEED, NEIGHBOURS if method == "umap" else PERPLEXITY)
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(np.ascontiguousarray(codes, np.float32).tobytes())
    name = f"{method}-{digest.hexdigest()[:20]}"
    return _job_at(datasets.cache_folder() / "projections" / name, method)


def _job_at(path: Path, method: str) -> jobs.Job:
    return jobs.Job(path, METHODS[method], "aeviz.analysis.projections", (method,))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


# -- in the process that computes --------------------------------------------------------------


class _Watch(io.TextIOBase):
    """Reads what a library prints while it works, and reports the fraction found in it."""

    def __init__(self, job: jobs.Job, out: TextIO, pattern: str, total: int) -> None:
        self.job, self.out, self.pattern, self.total = job, out, re.compile(pattern), total
        self.next = 0.0

    def write(self, text: str, /) -> int:
        """Pass the text on to the log; report at most five times a second."""
        found = self.pattern.search(text)
        if found and time.monotonic() >= self.next:
            self.next = time.monotonic() + 0.2
            jobs.report(self.job, 0.2 + 0.8 * int(found[1]) / self.total, "Arranging the points")
        return self.out.write(text)


def _umap(codes: np.ndarray, job: jobs.Job) -> np.ndarray:
    """Source: McInnes, Healy & Melville 2018, arXiv:1802.03426."""
    from sklearn.neighbors import NearestNeighbors
    from umap import UMAP

    jobs.report(job, 0.1, "Finding neighbours")
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


def _tsne(codes: np.ndarray, job: jobs.Job) -> np.ndarray:
    """Source: van der Maaten & Hinton 2008, JMLR 9; van der Maaten 2014, JMLR 15."""
    from sklearn.manifold import TSNE

    jobs.report(job, 0.1, "Finding neighbours")
    method = TSNE(perplexity=PERPLEXITY, max_iter=ITERATIONS, random_state=SEED, verbose=2)
    with contextlib.redirect_stdout(_Watch(job, sys.stdout, r"Iteration (\d+):", ITERATIONS)):
        return method.fit_transform(codes)


def main() -> None:
    """Compute one job: `python -m aeviz.analysis.projections <method> <job>`, called by `start`."""
    method = sys.argv[1]
    this = _job_at(Path(sys.argv[2]), method)
    arrange = {"umap": _umap, "tsne": _tsne}[method]

    def compute(content: bytes) -> bytes:
        places = arrange(np.load(io.BytesIO(content)), this)
        return _npy(places.astype(np.float32))

    jobs.work(this, compute)


if __name__ == "__main__":
    main()
