"""Runs that stand side by side: which are offered, and what tells them apart."""

from __future__ import annotations

import pytest

from aeviz.models.zoo import MODELS
from aeviz.training import race
from aeviz.training.spec import RunSpec


def spec(variant: str = "variational", **settings: object) -> RunSpec:
    return RunSpec.model_validate({"variant": variant, "steps": 100, **settings})


@pytest.mark.parametrize("variant", MODELS)
def test_races_differ_in_one_thing_and_have_the_same_seed_and_data_order(variant: str) -> None:
    base = spec(variant, seed=0)
    races = race.offered(base)
    assert "Seeds 0 to 3" in races
    for name, specs in races.items():
        assert 2 <= len(specs) <= race.MOST
        assert len({one.model_dump_json() for one in specs}) == len(specs)
        assert len({(one.batch, one.data, one.steps) for one in specs}) == 1
        if name != "Seeds 0 to 3":
            assert {one.seed for one in specs} == {0}
        titles = race.differences(specs)
        assert all(titles), name
        assert len(set(titles)) == len(specs)


def test_what_tells_runs_apart_is_said_in_words() -> None:
    base = spec()
    other = spec(config={"beta": 10.0}, seed=1, lr=1e-3)
    assert race.differences([base, other]) == [
        "seed 0, learning rate 0.002, beta 1",
        "seed 1, learning rate 0.001, beta 10",
    ]
    turned = base.changed(38, beta=4.0, lr=1e-4)
    assert race.differences([turned, base]) == [
        "beta 4 from step 38, learning rate 0.0001 from step 38",
        "",
    ]
    assert race.differences([turned, turned]) == ["", ""]


def test_a_race_of_beta_is_offered_where_there_is_one() -> None:
    betas = [one.config.to_dict()["beta"] for one in race.offered(spec())["Beta 0.1, 1, 10"]]
    assert betas == [0.1, 1.0, 10.0]
    assert "Beta 0.1, 1, 10" not in race.offered(spec("vanilla"))
