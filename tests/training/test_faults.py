"""Faults while runs train, as benchmarks/classroom has them by the dozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.classroom import damaging, killing
from benchmarks.classroom.bars import Options


def test_a_worker_that_is_killed_at_random_moments_changes_no_weight(tmp_path: Path) -> None:
    found = killing.lane(tmp_path, "variational", 3, seed=4, steps=800)
    assert found.others == []
    assert (found.kills, found.finished, found.identical) == (3, 1, 1)


def test_a_full_disk_ends_one_run_with_a_sentence_and_disturbs_no_other() -> None:
    (found,) = damaging.full(Options(share=0.1))
    if found.held is None:
        pytest.skip(found.ours)
    assert found.held, found.ours


def test_a_file_that_is_cut_off_is_never_taken_and_disturbs_no_other_run() -> None:
    (found,) = damaging.truncated(Options(share=0.1))
    assert found.held, found.ours


def test_every_file_of_a_run_is_cut_off_sooner_or_later(tmp_path: Path) -> None:
    random, run = np.random.default_rng(0), tmp_path / "run"
    (run / "states").mkdir(parents=True)
    for name in ("spec.json", "status.json", "states/7.state"):
        (run / name).write_bytes(bytes(100))
    names = {damaging.truncate(run, random) for _ in range(5)}
    cut = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    assert names <= cut
    assert all((run / name).stat().st_size < 100 for name in names)
