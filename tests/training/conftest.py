"""Folders of runs with and without a worker, and one finished run."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop, place, process, store
from aeviz.training.status import RunStatus
from tests.training.making import finish, runs_in, small

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The worker of this module; the id of a run that an earlier worker left behind."""
    with runs_in(tmp_path_factory.mktemp("runs")):
        left = store.make_folder({"spec.json": small(), "status.json": RunStatus()})
        store.write(place.path_of(left) / "status.json", RunStatus(state="running", step=7))
        process.ensure_workers()
        yield left


@pytest.fixture(scope="module")
def finished(one_worker: str) -> str:
    """A finished run of 27 steps, 13 of them an epoch."""
    name = store.create(small(batch=4096, steps=27))
    assert finish(name).state == "finished"
    return name


@pytest.fixture(scope="module")
def replay(finished: str) -> list[tuple[loop.Step, dict[str, torch.Tensor]]]:
    """The steps of the finished run again, without the worker, with the weights after each."""
    spec, mnist = store.spec(finished), datasets.load()
    model = optim.build(MODELS["vanilla"], spec.config, 0)
    fitting = loop.fit(
        model, mnist.train_images[:50_000], steps=27, batch=4096, lr=spec.lr, seed=spec.seed
    )
    return [(step, copy.deepcopy(model.state_dict())) for step in fitting]


@pytest.fixture
def no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder without a worker, for runs by hand."""
    monkeypatch.setattr(process, "ensure_workers", lambda: None)
    with runs_in(tmp_path / "runs"):
        yield


@pytest.fixture
def fifty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty training and fifty test images in the place of Fashion-MNIST."""
    with zipfile.ZipFile(CASES / "idx-five-per-class.zip") as archive:
        archive.extractall(tmp_path / "data")
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "_loaded", {})
