"""Only the name of a run becomes a path."""

from __future__ import annotations

import re

import pytest

from aeviz.training import place, store
from tests.training.making import small

BAD_IDS = (
    "",
    ".",
    "queue",
    "../runs",
    "/etc/passwd",
    "run-20261125-010203-00ff/..",
    "run-20261125-010203-00ff\n",
    "run-20261125-010203-00FF",
    "run-20261125-010203-00f",
    f"run-20261125-010203-{'0f' * 16}0",
    "run-٢0261125-010203-00ff",
)


@pytest.mark.parametrize("name", BAD_IDS)
def test_only_an_id_becomes_a_path(name: str, no_worker: None) -> None:
    (place.folder() / "queue").mkdir(parents=True)
    assert not place.is_run(name)
    for door in (
        place.path_of,
        store.status,
        store.spec,
        store.metrics,
        store.is_finished,
        store.wish,
    ):
        with pytest.raises(KeyError):
            door(name)
    with pytest.raises(KeyError):
        store.control(name, "stop")


def test_an_id_without_a_folder_is_no_run(no_worker: None) -> None:
    assert not place.is_run("run-20261125-010203-00ff")


def test_nobody_guesses_the_name_of_a_run(no_worker: None) -> None:
    names = {store.create(small()) for _ in range(3)}
    assert len({name.split("-")[3] for name in names}) == 3
    for name in names:
        assert re.fullmatch(r"run-\d{8}-\d{6}-[0-9a-f]{32}", name)
        assert place.split(f"{name}@9") == (name, 9)


def test_a_run_is_known_by_the_time_of_day(no_worker: None) -> None:
    assert place.started("run-20261125-140559-00ff") == "14:05:59"
    with pytest.raises(KeyError):
        place.started("run-20261125-140559-00ff/..")


def test_the_name_of_a_model_is_a_run_and_perhaps_a_step() -> None:
    run = "run-20261125-140559-00ff"
    assert place.split(run) == (run, None)
    assert place.split(f"{run}@256") == (run, 256)
    assert place.split(f"{run}@0") == (run, 0)
    assert place.names_model(f"{run}@256")
    for bad in (
        *BAD_IDS,
        *(f"{run}{end}" for end in ("@", "@-1", "@2.5", "@1@2", "@٢", "@1\n", "@1/..", "@1e3")),
    ):
        assert not place.names_model(bad)
        with pytest.raises(KeyError):
            place.split(bad)
    with pytest.raises(KeyError):
        place.path_of(f"{run}@256")
    assert not place.is_run(f"{run}@256")
