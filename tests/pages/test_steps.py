"""Every page opens a step of a run, as it opens any model."""

from __future__ import annotations

from pathlib import Path

import pytest

from aeviz.training import store
from tests.pages.opening import chosen_model, opened
from tests.training.making import begun, small

PAGES = sorted(path.stem for path in (Path(__file__).parents[2] / "pages").glob("[a-z]*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_a_step_of_a_run(page: str) -> None:
    run = begun(store.create(small("variational", steps=50)), 9).name
    app = opened(page, model=f"{run}@8")
    assert chosen_model(app) == f"{run}@8"
    assert not [warning.value for warning in app.warning if "link" in warning.value]


def test_a_step_that_was_not_kept_is_a_sentence_on_the_page() -> None:
    run = begun(store.create(small("variational", steps=50)), 9).name
    app = opened("reconstruct", model=f"{run}@0")
    said = " ".join(warning.value for warning in app.warning)
    assert "This run kept no weights up to step 0: the first are of step 1." in said
