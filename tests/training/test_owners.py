"""Whose runs are whose."""

from __future__ import annotations

import pytest

from aeviz.training import owners, place, store
from tests.training.making import small

ME, SOMEBODY = "0" * 32, "f" * 32


def test_a_token_is_random_and_none_is_written(no_worker: None) -> None:
    tokens = {owners.new_token() for _ in range(100)}
    assert len(tokens) == 100
    run, token = store.create(small()), tokens.pop()
    owners.add(run, token)
    for path in place.folder().rglob("*"):
        assert token not in path.name
        assert not path.is_file() or token.encode() not in path.read_bytes()


def test_a_run_has_the_owners_that_were_added_and_did_not_leave(no_worker: None) -> None:
    run, other = store.create(small()), store.create(small())
    assert owners.of(run) == set()
    owners.add(run, ME)
    owners.add(run, SOMEBODY)
    owners.add(run, ME)
    owners.add(other, ME)
    assert len(owners.of(run)) == 2
    assert owners.owns(run, ME)
    assert owners.runs_of(ME) == sorted([run, other])
    owners.leave(run, ME)
    owners.leave(run, ME)
    assert not owners.owns(run, ME)
    assert owners.owns(run, SOMEBODY)
    assert owners.runs_of(ME) == [other]


@pytest.mark.parametrize("token", ["", "../" * 10, "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "\n"])
def test_nothing_but_a_token_is_taken_for_one(token: str, no_worker: None) -> None:
    run = store.create(small())
    for door in (owners.add, owners.leave, owners.owns):
        with pytest.raises(ValueError, match="no owner's token"):
            door(run, token)
    with pytest.raises(ValueError, match="no owner's token"):
        owners.runs_of(token)
