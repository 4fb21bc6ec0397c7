"""Whose turn it is, and what those who wait are told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from aeviz.models.zoo import MODELS
from aeviz.training import owners, place, process, store, task, tickets, turns
from aeviz.training.status import RunStatus
from tests.training.making import by_hand, equal, small, weights

ANNA, BEN, CEM = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture(autouse=True)
def known_speed(no_worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand images a second, one run at a time."""
    monkeypatch.setattr(turns, "speed", lambda variant: 10_000.0)
    monkeypatch.setattr(process, "slots", lambda: 1)
    monkeypatch.setattr(turns, "_looked", {})


def run(owner: str, seconds: float = 10.0, **settings: Any) -> str:
    """A run of about so many seconds."""
    name = store.create(small(steps=round(seconds * 10_000 / 100), batch=100, **settings))
    owners.add(name, owner)
    time.sleep(0.02)  # clocks of files are coarse
    return name


def order() -> list[str]:
    return [waiting.name for waiting in turns.look().waiting]


def begin(name: str) -> tickets.Claim:
    """As a worker takes it."""
    claim = tickets.claim(name)
    assert claim
    found = store.said(name).model_copy(update={"state": "running", "began": time.time()})
    store.write(place.path_of(name) / "status.json", found)
    return claim


def end(name: str, claim: tickets.Claim) -> None:
    found = store.said(name).model_copy(update={"state": "finished"})
    store.write(place.path_of(name) / "status.json", found)
    tickets.remove(name)
    claim.release()


def test_nobody_has_a_second_run_before_everybody_who_waits_had_a_first() -> None:
    first, second, third = (run(ANNA, seed=seed) for seed in range(3))
    of_ben, of_cem = run(BEN), run(CEM)
    assert order() == [first, of_ben, of_cem, second, third]
    claim = begin(first)
    assert order() == [of_ben, of_cem, second, third]
    end(first, claim)
    assert order() == [of_ben, of_cem, second, third]
    other = run(CEM, seed=9)
    claim = begin(of_cem)
    assert order() == [of_ben, second, other, third]
    claim.release()


def test_among_equals_short_runs_come_first_and_then_who_came_first() -> None:
    long, early, late, short = run(ANNA, 60), run(BEN, 20), run(CEM, 20), run("d" * 32, 5)
    assert order() == [short, early, late, long]


def test_two_long_runs_take_turns_though_one_is_shorter() -> None:
    shorter, longer = run(ANNA, 1000), run(BEN, 3000)
    had = dict.fromkeys((shorter, longer), 0)
    for _ in range(12):
        first = order()[0]
        claim = begin(first)
        had[first] += 1
        said = store.said(first)
        trained = said.trained + task.TURN + 0.1
        said = said.model_copy(update={"state": "queued", "trained": trained})
        store.write(place.path_of(first) / "status.json", said)
        claim.release()
    assert had == {shorter: 6, longer: 6}


def test_a_run_of_an_hour_ago_counts_no_more() -> None:
    old = run(ANNA)
    end(old, begin(old))
    found = store.said(old).model_copy(update={"began": time.time() - 2 * turns.RECENT})
    store.write(place.path_of(old) / "status.json", found)
    again, of_ben = run(ANNA, seed=1), run(BEN)
    assert order() == [again, of_ben]


def test_what_pauses_stops_or_has_ended_does_not_wait() -> None:
    paused, stopping, ended, waits = (run(owner) for owner in (ANNA, BEN, CEM, "d" * 32))
    store.control(paused, "pause")
    store.control(stopping, "stop")
    store.write(place.path_of(ended) / "status.json", RunStatus(state="finished"))
    assert order() == [waits]
    assert {name for name, _ in turns.ending(set())} == {paused, stopping}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ((), "you are next, about 5 seconds"),
        ((10,), "1 before you, about 10 seconds"),
        ((20, 20), "2 before you, about 40 seconds"),
        ((40, 40, 40), "3 before you, about 2 minutes"),
        ((30, 30), "2 before you, about 1 minute"),
        ((25,) * 39, "39 before you, about 16 minutes"),
    ],
)
def test_who_waits_is_told_how_many_are_before_and_how_long_that_takes(
    seconds: Sequence[float], said: str
) -> None:
    for number, length in enumerate(seconds):
        run(f"{number:032x}", length, seed=number)
    name = run("f" * 32, 50)
    assert turns.status(name).progress == f"Waiting: {said}"
    assert turns.status(name).state == "queued"


def test_what_trains_counts_with_the_time_that_it_still_needs() -> None:
    first, waits = run(ANNA, 100), run(BEN, 10)
    claim = begin(first)
    found = store.said(first).model_copy(update={"step": 1, "seconds_left": 17.0})
    store.write(place.path_of(first) / "status.json", found)
    assert turns.look().places() == {waits: turns.Place(1, 17.0)}
    # A long one gives way after its turn.
    store.write(
        place.path_of(first) / "status.json", found.model_copy(update={"seconds_left": 900.0})
    )
    assert turns.look().places() == {waits: turns.Place(1, task.TURN)}
    claim.release()


def test_two_workers_halve_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "slots", lambda: 2)
    names = [run(f"{number:032x}", 10, seed=number) for number in range(5)]
    seconds = [turns.look().places()[name].seconds for name in names]
    assert seconds == [0, 0, 10, 10, 20]


def test_one_worker_takes_a_run_and_no_other_one_gets_it() -> None:
    only = run(ANNA)
    found = turns.next_run(set())
    assert found
    assert found[0] == only
    assert turns.next_run(set()) is None
    assert tickets.is_claimed(only)
    assert store.status(only).message == ""
    found[1].release()
    assert not tickets.is_claimed(only)
    again = turns.next_run(set())
    assert again
    again[1].release()


def test_a_claim_of_another_machine_holds_as_long_as_its_heart_beats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only = run(ANNA)
    beat = place.path_of(only) / "claim"
    beat.write_text("another machine", encoding="utf-8")
    assert tickets.is_claimed(only)
    assert turns.next_run(set()) is None
    monkeypatch.setattr(tickets, "DEAD", 0.05)
    time.sleep(0.1)
    found = turns.next_run(set())
    assert found
    found[1].release()


def test_a_run_that_gives_way_goes_on_to_the_same_weights() -> None:
    whole, parted = (store.create(small("variational", steps=120, seed=1)) for _ in range(2))
    by_hand(whole)
    training = by_hand(parted, until=lambda training: training.status.step > 10)
    training.give_way()
    training.advance()
    assert training.over
    status = store.said(parted)
    assert (status.state, status.step) == ("queued", training.status.step)
    assert max(store.states(parted)) == status.step
    tickets.put(parted)
    assert turns.status(parted).progress.endswith("waiting: you are next, about 5 seconds")
    assert by_hand(parted).status.state == "finished"
    assert store.said(parted).trained > status.trained > 0
    assert equal(weights(whole), weights(parted))


def test_a_run_has_had_its_turn_when_it_trained_long_and_needs_long_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task, "TURN", 0.01)
    long = by_hand(store.create(small(steps=1_000_000)), until=lambda t: t.has_had_its_turn)
    assert long.trains
    long.status.seconds_left = 0.005
    assert not long.has_had_its_turn


def test_a_variant_is_as_fast_as_it_was_here_or_as_the_others_suggest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    measured = turns._measured()
    assert measured.keys() == MODELS.keys()
    assert turns.speed("vanilla") == measured["vanilla"]
    place.folder().mkdir(parents=True, exist_ok=True)
    store.note_speed("vanilla", measured["vanilla"] / 4)
    store.note_speed("linear", measured["linear"] / 4)
    assert turns.speed("vanilla") == pytest.approx(measured["vanilla"] / 4)
    assert turns.speed("masked") == pytest.approx(measured["masked"] / 4)
    store.note_speed("vanilla", measured["vanilla"] / 2)
    assert turns.speed("vanilla") == pytest.approx(measured["vanilla"] * 3 / 8)
