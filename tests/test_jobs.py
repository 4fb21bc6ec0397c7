"""Jobs in a cache folder that is full, locked, read-only or damaged: always a sentence."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aeviz import files, jobs
from aeviz.analysis import baselines, few_labels, projections, uses
from aeviz.data import datasets
from aeviz.models import checkpoint
from tests.test_files import FULL, LOCKED

MNIST = datasets.load()
CODES = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
MODEL = (checkpoint.FOLDER / "linear-2d.safetensors").read_bytes()
JOBS: dict[str, tuple[Callable[..., None], Callable[[], jobs.Job], Callable[[], Any]]] = {
    "projections": (
        lambda **again: projections.start(CODES, "tsne", **again),
        lambda: projections.job(CODES, "tsne"),
        lambda: projections.get(CODES, "tsne"),
    ),
    "uses": (
        lambda **again: uses.start(MNIST, MODEL, **again),
        lambda: uses.job(MNIST, MODEL),
        lambda: uses.get(MNIST, MODEL),
    ),
    "references": (
        lambda **again: baselines.start(MNIST, **again),
        lambda: baselines.job(MNIST),
        lambda: baselines.get(MNIST),
    ),
    "few labels": (
        lambda **again: few_labels.start(MNIST, MODEL, **again),
        lambda: few_labels.job(MNIST, MODEL, few_labels.FEW),
        lambda: few_labels.get(MNIST, MODEL),
    ),
}
every_job = pytest.mark.parametrize("name", JOBS)


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jobs, "_refused", {})
    monkeypatch.setattr(jobs, "processes", {})


def sentence(state: tuple[float, str] | str) -> str:
    assert isinstance(state, str)
    assert state.endswith(".")
    assert "\n" not in state
    return state


@every_job
@pytest.mark.parametrize("where", ["below a file", "/proc/x"])
def test_a_cache_that_cannot_be_written_is_a_sentence_with_the_variable(
    name: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, job, get = JOBS[name]
    if where == "below a file":
        (tmp_path / "file").touch()
        where = str(tmp_path / "file")
    elif not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    monkeypatch.setenv("AEVIZ_CACHE", where)
    assert get() is None
    assert not jobs.begun(job())
    for again in (False, True):
        start(retry=again)
        assert jobs.begun(job())
        said = sentence(jobs.progress(job()))
        assert said.startswith(f"The computation of {job().title} cannot be kept in {where}")
        assert said.endswith("set AEVIZ_CACHE to a folder that can be written.")
        assert get() is None


@pytest.mark.parametrize("method", ["write_bytes", "replace", "mkdir", "open"])
@pytest.mark.parametrize("error", [FULL, LOCKED])
def test_a_job_that_cannot_begin_can_be_tried_again(
    method: str, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, job, _ = JOBS["projections"]

    def refuse(*arguments: Any, **options: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Path, method, refuse)
        start()
        assert "AEVIZ_CACHE" in sentence(jobs.progress(job()))
    start()  # unasked it is not tried again
    assert jobs.processes == {}
    begun: list[jobs.Job] = []
    monkeypatch.setattr(jobs, "_launch", begun.append)
    start(retry=True)
    assert begun == [job()]


@every_job
def test_a_damaged_result_is_computed_anew(name: str) -> None:
    _, job, get = JOBS[name]
    path = job().file(job().result)
    for content in (b"", b"{", b"\x93NUMPY\x01\x00v\x00", b'{"numbers": "many"}', b"PK\x03\x04"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        assert get() is None
        assert not path.exists()
        assert jobs.progress(job()) == (0.0, "Waiting to start")


@every_job
def test_a_result_that_may_not_be_read_is_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, job, get = JOBS[name]
    path = job().file(job().result)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"it")

    def locked(path: Path) -> bytes:
        raise LOCKED

    monkeypatch.setattr(Path, "read_bytes", locked)
    assert get() is None
    said = sentence(jobs.progress(job()))
    assert said == f"The result of {job().title} cannot be read: there is no permission."


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"fraction": 1}', b"\xff"])
def test_a_damaged_status_is_none(content: bytes) -> None:
    _, job, _ = JOBS["projections"]
    files_of = job()
    files_of.path.parent.mkdir(parents=True)
    files_of.file(".json").write_bytes(content)
    assert jobs.progress(files_of) == (0.0, "Waiting to start")
    assert not jobs.begun(files_of)


def test_a_full_disk_in_the_process_that_computes_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = jobs.Job(tmp_path / "it", "A sum", "aeviz.none")
    this.file(".input").write_bytes(b"1")
    write = files.write

    def full(path: Path, content: bytes) -> None:
        if path.suffix == ".npy":
            raise FULL
        write(path, content)

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(OSError, match="No space"):
        jobs.work(this, lambda content: content)
    assert jobs.progress(this) == "A sum failed: the disk is full."


def test_a_process_that_cannot_even_say_why_it_failed_is_a_sentence(tmp_path: Path) -> None:
    this = jobs.Job(tmp_path / "it", "A sum", "aeviz.there_is_no_such_module")
    jobs.start(this, lambda: b"1")
    while jobs.processes[this.path].poll() is None:
        time.sleep(0.05)
    said = sentence(jobs.progress(this))
    if sys.platform != "win32":
        assert said == f"The computation of A sum failed; the reason is in {tmp_path / 'it.log'}."
