"""A step of a run is a model like any other."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.app import library
from aeviz.app.subject import ModelSubject
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.training import place, store
from tests.training.conftest import no_worker  # noqa: F401
from tests.training.making import begun, small


@pytest.fixture
def run(no_worker: None) -> str:  # noqa: F811
    """A run that trains, after nine steps."""
    return begun(store.create(small("variational", steps=50)), 9).name


def test_a_step_has_a_title_a_card_and_a_file_of_its_own(run: str) -> None:
    name = f"{run}@8"
    assert library.is_run(name)
    assert library.trouble(name) == ""
    said = f"Yours, {place.started(run)}: Variational, 2 dimensions at step 8"
    assert library.title(name) == said
    assert library.card(name).steps == 8
    assert library.spec(name) == store.spec(run)
    kept = checkpoint.from_bytes(library.content(name)).state_dict()
    for key, value in library.model(name).state_dict().items():
        np.testing.assert_array_equal(value.numpy(), kept[key].numpy())


def test_between_two_kept_steps_the_one_before_is_loaded_and_says_so(run: str) -> None:
    name = f"{run}@7"
    assert library.title(name).endswith(" at step 4")
    assert library.settled(name) == f"{run}@4"
    assert library.codec(name).key == f"{run}@4"
    assert library.settled("variational-2d") == "variational-2d"


def test_a_step_of_which_nothing_was_kept_is_a_sentence(run: str) -> None:
    said = "This run kept no weights up to step 0: the first are of step 1."
    assert library.trouble(f"{run}@0") == said
    assert library.trouble(run) == "This run has left no model."


def test_two_steps_are_two_models_on_the_same_data(run: str) -> None:
    mnist = datasets.load("mnist")
    early, late = (ModelSubject(library.codec(f"{run}@{step}"), mnist) for step in (1, 8))
    assert early.key != late.key
    for subject, step in ((early, 1), (late, 8)):
        model = store.load_model(f"{run}@{step}")
        codes = apply.encode(model, mnist.test_images[:50])
        np.testing.assert_allclose(
            subject.codec.encode(mnist.test_images[:50]), codes, rtol=1e-4, atol=1e-5
        )
