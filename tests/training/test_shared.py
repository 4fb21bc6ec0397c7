"""The same run once: who asks for it twice watches one."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from aeviz.training import owners, place, shared, store
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus, State
from tests.training.making import by_hand, small

PEOPLE = [f"{number:032x}" for number in range(40)]


def end(run: str, state: State) -> None:
    store.write(place.path_of(run) / "status.json", RunStatus(state=state, step=1, steps=1))


def test_forty_who_ask_for_the_same_at_once_own_one_run(no_worker: None) -> None:
    found: list[tuple[str, bool]] = []
    together = threading.Barrier(len(PEOPLE))

    def press(token: str) -> None:
        together.wait()
        found.append(shared.start(small(seed=3), token))

    threads = [threading.Thread(target=press, args=(token,)) for token in PEOPLE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (run,) = {run for run, _ in found}
    assert sorted(new for _, new in found) == [False] * 39 + [True]
    assert len(owners.of(run)) == 40
    assert len(list(place.folder().glob("run-*"))) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4},
        {"batch": 64},
        {"lr": 1e-3},
        {"steps": 41},
        {"config": {"width": 64, "depth": 1}},
        {"variant": "linear", "config": {}},
        {"data": "fashion"},
        {"steps": None, "epochs": 1.0},
        {"classes": (1,)},
    ],
)
def test_what_differs_in_anything_is_another_run(other: dict[str, Any], no_worker: None) -> None:
    spec = small(seed=3)
    run, _ = shared.start(spec, PEOPLE[0])
    changed = RunSpec.model_validate(spec.model_dump() | other)
    assert shared.start(changed, PEOPLE[1]) != (run, False)
    assert shared.start(RunSpec.model_validate(spec.model_dump()), PEOPLE[2]) == (run, False)


def test_a_timed_run_is_found_again_when_its_steps_are_known(no_worker: None) -> None:
    spec = small(steps=None, seconds=1.0)
    run, _ = shared.start(spec, PEOPLE[0])
    assert by_hand(run).status.state == "finished"
    assert store.spec(run).steps
    assert shared.start(spec, PEOPLE[1]) == (run, False)


@pytest.mark.parametrize(
    ("state", "joins"),
    [
        ("running", True),
        ("queued", True),
        ("paused", True),
        ("finished", True),
        ("failed", False),
        ("stopped", False),
        ("interrupted", False),
    ],
)
def test_a_run_that_came_to_nothing_is_trained_anew(
    state: State, joins: bool, no_worker: None
) -> None:
    run, _ = shared.start(small(), PEOPLE[0])
    end(run, state)
    again, new = shared.start(small(), PEOPLE[1])
    assert (again == run) == joins == (not new)


def test_a_finished_run_is_trained_again_where_that_is_asked_for(no_worker: None) -> None:
    run, _ = shared.start(small(), PEOPLE[0])
    end(run, "finished")
    again, new = shared.start(small(), PEOPLE[0], again=True)
    assert new
    assert again != run
    assert shared.start(small(), PEOPLE[1]) == (again, False)


def test_who_stops_leaves_and_the_last_one_stops_it(no_worker: None) -> None:
    run, _ = shared.start(small(), PEOPLE[0])
    shared.start(small(), PEOPLE[1])
    with pytest.raises(place.RunError, match="One other person watches this run too: nobody can"):
        shared.control(run, PEOPLE[0], "pause")
    assert not shared.control(run, PEOPLE[0], "stop")
    assert store.wish(run) == "resume"
    with pytest.raises(PermissionError, match="somebody else's"):
        shared.control(run, PEOPLE[0], "stop")
    assert shared.control(run, PEOPLE[1], "pause")
    assert store.wish(run) == "pause"
    assert shared.control(run, PEOPLE[1], "stop")
    assert store.wish(run) == "stop"
    other, new = shared.start(small(), PEOPLE[2])  # not the one that is about to end
    assert new
    assert other != run


@pytest.mark.parametrize("wish", ["pause", "resume", "stop"])
def test_nobody_steers_another_persons_run(wish: Any, no_worker: None) -> None:
    run, _ = shared.start(small(), PEOPLE[0])
    with pytest.raises(PermissionError, match="you can watch it"):
        shared.control(run, PEOPLE[1], wish)
    assert store.wish(run) == "resume"


def test_a_person_has_so_many_runs_under_way(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_RUNS_EACH", "2")
    runs = [shared.start(small(seed=seed), PEOPLE[0])[0] for seed in range(2)]
    with pytest.raises(place.RunError, match=r"^You have 2 runs waiting or training"):
        shared.start(small(seed=2), PEOPLE[0])
    assert shared.start(small(seed=2), PEOPLE[1])[1]
    assert shared.start(small(seed=2), PEOPLE[0])[1] is False  # it is trained anyway
    end(runs[0], "finished")
    shared.control(store_run := shared.start(small(seed=2), PEOPLE[0])[0], PEOPLE[0], "stop")
    assert not owners.owns(store_run, PEOPLE[0])
    assert shared.start(small(seed=5), PEOPLE[0])[1]


def test_a_run_may_not_be_longer_than_the_server_allows(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_LONGEST", "0.5")
    with pytest.raises(place.RunError, match=r"^A run may take at most 0\.5 minutes here\.$"):
        shared.start(small(steps=None, seconds=31), PEOPLE[0])
    assert shared.start(small(steps=None, seconds=30), PEOPLE[0])[1]


def test_a_run_of_unknown_length_ends_when_it_has_trained_so_long(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_LONGEST", "0.01")
    run, _ = shared.start(small(steps=10_000_000), PEOPLE[0])
    status = by_hand(run).status
    assert status.state == "stopped"
    assert status.message == "Ended after 0.01 minutes, as long as a run may take."
    assert store.load_model(run).card.steps == status.step > 0
