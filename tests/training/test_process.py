"""A run that waits gets a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from aeviz.training import place, process, store
from tests.training.making import finish, ours, runs_in, small


def test_whoever_sees_a_run_that_waits_without_a_worker_starts_one(tmp_path: Path) -> None:
    with runs_in(tmp_path / "runs"):
        older = process.worker_lock()  # the worker of an older server, which tidies up
        with older:
            name = store.create(small(steps=2))
            process.ensure_workers()
            assert store.status(name).state == "queued"
            assert ours() == []
        assert finish(name).state == "finished"
        assert len(ours()) == 1


def test_a_run_that_waits_where_no_worker_can_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with runs_in(tmp_path / "runs"):
        name = store.create(small())

        def refuse() -> None:
            raise place.RunError("It cannot be written.")

        monkeypatch.setattr(process, "ensure_workers", refuse)
        for _ in range(2):  # once asked, once remembered
            status = store.status(name)
            assert (status.state, status.progress) == ("queued", "It cannot be written.")
