"""UMAP and t-SNE in their own process: result, cache, progress, failure."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from aeviz import jobs
from aeviz.analysis import projections


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path))
    return tmp_path / "projections"


def clouds(n: int = 300) -> np.ndarray:
    """Three far clouds in eight dimensions."""
    draw = np.random.default_rng(0)
    centres = 20 * np.eye(3, 8)
    return (draw.standard_normal((n, 8)) + centres[np.arange(n) % 3]).astype(np.float32)


def wait(codes: np.ndarray, method: str) -> list[tuple[float, str] | str]:
    """Every progress seen until it is done or failed."""
    seen = [projections.progress(codes, method)]
    deadline = time.monotonic() + 240
    while not isinstance(seen[-1], str) and seen[-1][0] < 1:
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
        seen.append(projections.progress(codes, method))
    return seen


@pytest.mark.parametrize("method", projections.METHODS)
def test_a_projection_is_computed_once_with_progress_and_kept(method: str, folder: Path) -> None:
    codes = clouds()
    assert projections.get(codes, method) is None
    assert projections.progress(codes, method) == (0.0, "Waiting to start")
    projections.start(codes, method)
    (process,) = (p for path, p in jobs.processes.items() if path.parent == folder)
    projections.start(codes, method)  # a second request does not start a second process
    assert process in jobs.processes.values()
    assert len(list(folder.glob("*.log"))) == 1

    seen = [state for state in wait(codes, method) if not isinstance(state, str)]
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert any(0 < fraction < 1 for fraction in fractions)
    assert {"Starting", "Done"} <= {phase for _, phase in seen}
    places = projections.get(codes, method)
    assert places is not None
    assert places.shape == (300, 2)
    assert places.dtype == np.float32
    assert trustworthiness(codes, places, n_neighbors=10) > 0.85
    process.wait(20)
    assert {path.suffix for path in folder.iterdir()} <= {".npy", ".lock"}
    assert len(list(folder.glob("*.npy"))) == 1

    projections.start(codes, method)  # nothing to do
    assert jobs.processes[projections.job(codes, method).path] is process
    assert projections.get(codes + 1, method) is None  # other codes, another result


def test_what_the_method_refuses_is_a_sentence_and_is_not_tried_again_unasked(
    folder: Path,
) -> None:
    few = clouds(6)
    projections.start(few, "tsne")
    failure = wait(few, "tsne")[-1]
    assert isinstance(failure, str)
    assert failure.startswith("t-SNE failed: perplexity")
    first = jobs.processes[projections.job(few, "tsne").path]
    projections.start(few, "tsne")
    assert jobs.processes[projections.job(few, "tsne").path] is first
    assert projections.progress(few, "tsne") == failure


def test_a_process_that_was_ended_is_told_and_can_be_tried_again() -> None:
    codes = clouds()
    projections.start(codes, "tsne")
    job = projections.job(codes, "tsne")
    first = jobs.processes[job.path]
    first.kill()
    first.wait(20)
    failure = projections.progress(codes, "tsne")
    assert failure == "The computation of t-SNE was ended from outside before it was done."
    projections.start(codes, "tsne", retry=True)
    assert jobs.processes[job.path] is not first
    assert wait(codes, "tsne")[-1] == (1.0, "Done")


def test_what_another_server_left_unfinished_is_begun_again(folder: Path) -> None:
    codes = clouds()
    job = projections.job(codes, "tsne")
    folder.mkdir()
    jobs.report(job, 0.4, "Arranging the points")
    projections.start(codes, "tsne")
    assert wait(codes, "tsne")[-1] == (1.0, "Done")
