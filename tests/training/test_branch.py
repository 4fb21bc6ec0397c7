"""Going back: runs that are changed while they train, branched, ended, and extended."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from aeviz.models import checkpoint
from aeviz.models.settings import live_knobs
from aeviz.models.zoo import MODELS
from aeviz.training import branch, film, owners, place, removal, shared, store, task
from aeviz.training.course import PLATEAU, Change, decay_of
from aeviz.training.spec import RunSpec, sentence, summary
from aeviz.training.state import FullState
from tests.training.making import begun, by_hand, equal, small, weights

PERSON, OTHER = "a" * 32, "b" * 32


def fast(variant: str, **settings: Any) -> RunSpec:
    """A run of any variant on few images."""
    return RunSpec.model_validate(
        {"variant": variant, "data": "fashion", "batch": 8, "steps": 40} | settings
    )


def state_of(name: str) -> FullState:
    found = store.newest_state(name)
    assert found is not None
    return found


def same_end(one: str, other: str) -> bool:
    """True where the last steps of two runs left the same weights, bit for bit, not rounded."""
    a, b = state_of(one), state_of(other)
    return a.step == b.step and equal(a.weights, b.weights)


# -- knobs that are turned while it trains ----------------------------------------------------


@pytest.mark.parametrize("variant", MODELS)
def test_live_knobs_change_no_layer(variant: str) -> None:
    config = MODELS[variant].Config()
    for name, knob in live_knobs(config).items():
        shapes = []
        for value in (knob.low, knob.high):
            kind = type(getattr(config, name))
            changed = MODELS[variant].Config.from_dict({**config.to_dict(), name: kind(value)})
            model = MODELS[variant](changed)
            shapes.append({key: value.shape for key, value in model.state_dict().items()})
        assert shapes[0] == shapes[1], name


def test_variants_with_a_weight_or_noise_can_change_it_while_they_train() -> None:
    known = {name: set(live_knobs(model.Config())) for name, model in MODELS.items()}
    assert known["variational"] == {"beta"}
    assert known["denoising"] == {"level"}
    assert known["contractive"] == known["wasserstein"] == {"penalty"}
    assert known["sparse"] == {"k"}  # of top-k, which has no penalty
    assert known["vanilla"] == set()


@pytest.mark.parametrize("variant", ["variational", "denoising", "contractive", "sparse", "masked"])
def test_a_run_whose_knobs_were_turned_is_repeated_by_its_spec(
    variant: str, no_worker: None, fifty: None
) -> None:
    name = store.create(fast(variant))
    training = begun(name, 7)
    (knob, setting), *_ = live_knobs(training.spec.config).items()
    value = type(getattr(training.spec.config, knob))(setting.high / 4)
    store.change(name, **{knob: value, "lr": 1e-3})
    training.advance()
    while not training.over:
        training.advance()
    spec = store.spec(name)
    assert spec.changes == (
        Change(step=7, knob=knob, value=value),
        Change(step=7, knob="lr", value=1e-3),
    )
    assert store.asked(name) == []
    again = by_hand(store.create(spec)).name
    assert same_end(name, again)
    assert equal(weights(name), weights(again))
    untouched = by_hand(store.create(fast(variant))).name
    assert not same_end(name, untouched)
    card = store.load_model(name).card
    assert card.config.to_dict()[knob] == value
    assert card.command == ""  # no command turns a knob


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({}, "Say which knob shall change."),
        ({"beta": -1}, "beta must be from 0 to 30, not -1."),
        ({"beta": "much"}, "beta must be a number, not 'much'."),
        ({"lr": 0}, "lr must be above 0, at most 1."),
        ({"lr": True}, "lr must be above 0, at most 1."),
        ({"width": 64}, "width cannot change while this run trains: lr, beta can."),
        ({"dropout": 0.5}, "dropout cannot change while this run trains: lr, beta can."),
    ],
)
def test_nonsense_is_one_sentence(knobs: dict[str, Any], said: str, no_worker: None) -> None:
    name = store.create(small("variational"))
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        store.change(name, **knobs)
    assert str(raised.value) == said
    assert store.asked(name) == []
    if knobs:
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            begun(name, 3).spec.changed(2, **knobs)
        assert str(raised.value) == said


def test_a_spec_with_changes_that_cannot_be_is_refused_in_a_sentence() -> None:
    changes = [{"step": 3, "knob": "beta", "value": 99}]
    with pytest.raises(ValueError, match="validation error") as raised:
        small("variational", changes=changes)
    assert sentence(raised.value) == "beta must be from 0 to 30, not 99."
    late_first = [{"step": s, "knob": "lr", "value": 0.1} for s in (5, 3)]
    with pytest.raises(ValueError, match="validation error") as raised:
        small("variational", changes=late_first)
    assert sentence(raised.value) == "Changes stand in the order of their steps."


def test_what_was_asked_but_damaged_does_not_end_a_run(no_worker: None) -> None:
    name = store.create(small("variational"))
    training = begun(name, 3)
    store.change(name, beta=2.0)
    (path,) = store.asked(name)
    (path.parent / "1.json").write_bytes(b"{")
    (path.parent / "2.json").write_text(json.dumps({"beta": 99}), encoding="utf-8")
    while not training.over:
        training.advance()
    assert training.status.state == "finished"
    assert store.spec(name).changes == (Change(step=3, knob="beta", value=2.0),)


def test_a_run_that_ended_cannot_be_changed(finished: str, no_worker: None) -> None:
    name = by_hand(store.create(small("variational", steps=2))).name
    with pytest.raises(place.RunError, match="This run has ended: branch it"):
        store.change(name, beta=2.0)


def test_only_the_only_owner_turns_a_knob(no_worker: None) -> None:
    spec = small("variational", steps=100)
    run, _ = shared.start(spec, PERSON)
    with pytest.raises(PermissionError, match="somebody else's"):
        shared.change(run, OTHER, beta=2.0)
    shared.change(run, PERSON, beta=2.0)
    assert len(store.asked(run)) == 1
    owners.add(run, OTHER)
    with pytest.raises(place.RunError, match="One other person watches this run too: branch it"):
        shared.change(run, OTHER, beta=3.0)
    with pytest.raises(place.RunError, match="One other person watches this run too: branch it"):
        shared.wind_down(run, PERSON)


def test_who_asks_for_a_run_does_not_get_one_whose_knobs_were_turned(no_worker: None) -> None:
    spec = small("variational", steps=20)
    run, _ = shared.start(spec, PERSON)
    assert shared.same(spec) == run
    training = begun(run, 3)
    store.change(run, beta=2.0)
    training.advance()
    assert shared.same(spec) is None
    found, new = shared.start(store.spec(run), OTHER)
    assert new
    assert found != run


def test_a_change_of_later_steps_holds_where_a_run_goes_on_from_before_it(no_worker: None) -> None:
    """Its worker was killed: the newest full state is of a step before the change."""
    name = store.create(small("variational", steps=30))
    training = begun(name, 5)
    assert training.step
    store.keep_state(name, training.step.state())
    while training.status.step < 9:
        next(training.work)
    store.change(name, beta=5.0)
    training._hear()
    for path in [path for step, path in store.states(name).items() if step > 5]:
        path.unlink()
    store.control(name, "resume")
    by_hand(name)
    again = by_hand(store.create(store.spec(name))).name
    assert store.spec(name).changes[0].step == 9
    assert same_end(name, again)


# -- branching --------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["variational", "denoising", "vector_quantised", "wasserstein"])
@pytest.mark.parametrize("at", [3, 21, 24])
def test_a_branch_without_changes_has_the_weights_of_its_parent(
    variant: str, at: int, no_worker: None, fifty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task.Pace, "done", lambda *_: None)  # states at all steps that are due
    monkeypatch.setattr(store, "STATES", 1)
    parent = by_hand(store.create(fast(variant))).name
    spec = branch.branch(parent, at)
    assert (spec.parent, spec.branched_at) == (parent, at)
    assert shared.address(spec) == shared.address(store.spec(parent))
    name = store.create(spec)
    begins = store.said(name).step
    assert begins == max([step for step in store.states(parent) if step <= at], default=0)
    by_hand(name)
    assert same_end(parent, name)
    assert equal(weights(parent), weights(name))
    for step in store.snapshots(parent):
        a, b = (checkpoint.load(store.snapshots(run)[step]) for run in (parent, name))
        assert equal(a.state_dict(), b.state_dict())
    points = [store.metrics(run) for run in (parent, name)]
    validated = [{p.step: p.validation for p in found} for found in points]
    assert all(validated[0][step] == validated[1][step] for step in {0, 1, 4, 16, 40})


def test_a_branch_with_another_beta_goes_its_own_way_from_its_step_on(no_worker: None) -> None:
    parent = by_hand(store.create(small("variational", steps=40))).name
    spec = branch.branch(parent, 20, beta=8.0)
    assert spec.changes == (Change(step=20, knob="beta", value=8.0),)
    name = by_hand(store.create(spec)).name
    assert not same_end(parent, name)
    a, b = (checkpoint.load(store.snapshots(run)[16]).state_dict() for run in (parent, name))
    assert equal(a, b)
    scratch = spec.model_copy(update={"parent": None, "branched_at": None})
    assert shared.address(scratch) == shared.address(spec)
    assert same_end(name, by_hand(store.create(scratch)).name)
    # Its film begins with that of its parent, and a branch of the branch inherits the change.
    assert film.steps(name)[:3] == film.steps(parent)[:3]
    assert branch.branch(name, 30, lr=1e-3).changes == (
        *spec.changes,
        Change(step=30, knob="lr", value=1e-3),
    )
    assert branch.branch(name, 10, lr=1e-3).changes == (Change(step=10, knob="lr", value=1e-3),)
    assert branch.branch(name, 25, beta=8.0).changes == spec.changes  # nothing changes


def test_a_branch_outlives_its_parent(no_worker: None) -> None:
    parent = by_hand(store.create(small("variational", steps=40))).name
    first = branch.branch(parent, 30)
    kept, gone = store.create(first), branch.branch(parent, 30, beta=2.0)
    removal.remove(parent)
    by_hand(kept)
    name = by_hand(store.create(gone)).name  # begins anew, and comes to the same
    assert store.status(name).state == "finished"
    removal.restore(parent)
    assert same_end(parent, kept)
    assert same_end(name, by_hand(store.create(branch.branch(parent, 30, beta=2.0))).name)


def test_a_step_that_a_run_does_not_have_is_a_sentence(no_worker: None) -> None:
    name = by_hand(store.create(small(steps=5))).name
    with pytest.raises(ValueError, match="was trained for 5 steps: it has no step 9"):
        branch.branch(name, 9)
    with pytest.raises(ValueError, match="the last step of the run"):
        branch.branch(name, 5, lr=0.1)
    with pytest.raises(ValueError, match="beta cannot change while this run trains: lr can"):
        branch.branch(name, 3, beta=2.0)


# -- full states to go back to ----------------------------------------------------------------


def test_full_states_are_kept_two_for_each_doubling_within_their_bounds() -> None:
    steps = list(range(1, 5000))
    kept = store.kept_states(steps, newest=2, many=100)
    assert kept[-2:] == [4998, 4999]
    assert len(kept) == 14
    assert kept[0] <= 64
    ratios = [b / a for a, b in itertools.pairwise(kept[:-2])]
    assert max(ratios) < 2.2
    few = store.kept_states(steps, newest=2, many=5)
    assert len(few) == 6
    assert few[-2:] == [4998, 4999]
    gaps = [b / a for a, b in itertools.pairwise([1, *few[:-1]])]
    assert max(gaps) <= store.FIRST_REWIND  # from the start to the end
    assert store.kept_states(steps, newest=2, many=1) == [4998, 4999]
    assert store.kept_states([3, 4, 5], newest=1, many=9) == [5]


def test_a_run_that_ended_keeps_states_to_go_back_to(no_worker: None) -> None:
    name = by_hand(store.create(small(steps=300))).name
    kept = list(store.states(name))
    assert kept[-1] == 300
    assert kept[0] < 64
    assert sum(path.stat().st_size for path in store.states(name).values()) < store.STATE_BYTES


# -- until it stops improving -----------------------------------------------------------------


def test_a_run_is_told_to_end_and_its_spec_repeats_it(no_worker: None) -> None:
    spec = small("variational", steps=None, until="flat")
    assert "**as long as it improves**" in summary(spec)
    name = store.create(spec)
    training = begun(name, 40)
    assert training.status.steps is None
    assert training.status.fraction == 0
    store.wind_down(name)
    training.advance()
    many = decay_of(40)
    assert training.status.steps == 40 + many
    while not training.over:
        training.advance()
    assert (training.status.state, training.status.step) == ("finished", 40 + many)
    found = store.spec(name)
    assert found.changes == (Change(step=40, knob="decay", value=many),)
    assert same_end(name, by_hand(store.create(found)).name)
    # Back before its end, with another rate, it ends when it is told to.
    assert branch.branch(name, 20, lr=1e-3).steps is None
    assert branch.branch(name, 20).steps == found.steps


def test_a_run_of_known_length_is_told_to_end_before_it(no_worker: None) -> None:
    name = store.create(small(steps=400))
    training = begun(name, 50)
    store.wind_down(name)
    store.wind_down(name)  # twice is once
    while not training.over:
        training.advance()
    spec = store.spec(name)
    assert training.status.step == spec.steps == 50 + decay_of(50)
    assert spec.cosine == 400
    assert same_end(name, by_hand(store.create(spec)).name)


def test_a_run_ends_by_itself_when_it_improves_no_more(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "LEAST", 20)
    monkeypatch.setattr(task, "FLAT", 2.0)  # nothing is good enough
    name = by_hand(store.create(small(steps=None, until="flat"))).name
    (change,) = store.spec(name).changes
    assert change.knob == "decay"
    assert store.said(name).state == "finished"
    assert store.said(name).step == change.step + int(change.value)
    held_out = store.metrics(name)[-1].validation.terms
    assert held_out.keys() == {"reconstruction"}


def test_flat_is_no_better_for_the_last_share_of_the_steps() -> None:
    falling = [(step, 100.0 * 0.99 ** (step / 20)) for step in range(0, 4000, 100)]
    assert not task.flat(falling)
    assert task.flat([*falling, *((step, falling[-1][1]) for step in range(4000, 8000, 100))])
    assert not task.flat([(step, 5.0) for step in range(0, task.LEAST, 100)])  # too early to say
    assert task.flat([(step, 5.0) for step in range(0, 2 * task.LEAST, 100)])
    assert not task.flat([])


def test_a_stop_before_the_end_leaves_a_model(no_worker: None) -> None:
    name = store.create(small(steps=None, until="flat"))
    training = begun(name, 12)
    store.control(name, "stop")
    while not training.over:
        training.advance()
    assert store.said(name).state == "stopped"
    assert store.load_model(name).card.steps == training.status.step


# -- a minute more ----------------------------------------------------------------------------


@pytest.mark.parametrize("until", [None, "flat"])
def test_a_run_is_trained_for_longer(until: Any, no_worker: None) -> None:
    name = store.create(small(steps=None if until else 60, until=until))
    training = begun(name, 30)
    store.control(name, "stop")
    while not training.over:
        training.advance()
    step = training.status.step
    spec = branch.extend(name, 0.5)
    assert spec.steps is not None
    assert spec.steps > step
    assert (spec.parent, spec.branched_at) == (name, step)
    rates = [spec.course.rate(at) for at in range(spec.steps)]
    assert rates[step] == PLATEAU * spec.lr
    assert rates[-1] < rates[-2] < PLATEAU * spec.lr
    longer = by_hand(store.create(spec)).name
    assert store.said(longer).state == "finished"
    scratch = spec.model_copy(update={"parent": None, "branched_at": None})
    assert same_end(longer, by_hand(store.create(scratch)).name)
    again = branch.extend(longer, 0.5)  # and once more
    assert again.steps is not None
    assert again.steps > spec.steps
    assert again.course.rate(spec.steps) == PLATEAU * spec.lr


def test_what_cannot_be_trained_for_longer_says_why(finished: str, no_worker: None) -> None:
    name = store.create(small())
    with pytest.raises(place.RunError, match="This run still trains: stop it first"):
        branch.extend(name, 60)
    loaded = store.add((checkpoint.FOLDER / "linear-2d.safetensors").read_bytes())
    with pytest.raises(place.RunError, match="kept no full state to go on from"):
        branch.extend(loaded, 60)
    with pytest.raises(ValueError, match="more than 0 and at most 3,600 seconds"):
        branch.extend(loaded, 0)
