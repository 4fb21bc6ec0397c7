"""Which model: by its name, and one that suits."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.app import library
from aeviz.models import checkpoint
from aeviz.models.zoo import MODELS

CARDS = checkpoint.pretrained()


@pytest.mark.parametrize("name", ["variational-2d", "masked-256d"])
def test_a_pretrained_model_by_its_name(name: str) -> None:
    model = library.model(name)
    assert model is library.model(name)  # loaded once for everybody
    assert model.variant == library.card(name).variant == name.rpartition("-")[0]
    assert library.trouble(name) == ""
    assert library.spec(name) is None
    assert library.metrics(name) == []
    assert checkpoint.from_bytes(library.content(name)).code_dim == model.code_dim


def test_no_two_models_are_called_the_same() -> None:
    titles = [library.title(name) for name in CARDS]
    assert len(set(titles)) == len(titles)


def test_the_home_model_says_so_itself() -> None:
    assert CARDS[library.home()].home


@pytest.mark.parametrize("variant", sorted({card.variant for card in CARDS.values()}))
@pytest.mark.parametrize("wanted", [1, 2, 20, 64])
def test_the_nearest_model_of_a_variant(variant: str, wanted: int) -> None:
    found = library.nearest(variant, wanted)
    assert found is not None
    dims = {n: library.model(n).config.latent_dim for n, c in CARDS.items() if c.variant == variant}
    assert abs(dims[found] - wanted) == min(abs(dim - wanted) for dim in dims.values())


def test_there_is_no_nearest_model_of_a_variant_that_is_not_pretrained() -> None:
    assert library.nearest("nothing", 2) is None


@pytest.mark.parametrize("name", CARDS)
def test_a_model_beside_one_is_of_another_variant_and_takes_no_labels(name: str) -> None:
    other = CARDS[library.beside(name)]
    assert other.variant != CARDS[name].variant
    assert not MODELS[other.variant].uses_labels


def test_those_as_wide_have_codes_of_one_width() -> None:
    found = library.as_wide("variational-2d")
    assert len(found) > 3
    assert "variational-2d" not in found
    assert {library.model(name).code_dim for name in found[:4]} == {2}


def test_a_model_that_reports_something_has_it_in_its_loss() -> None:
    found = library.reporting("perplexity")
    assert found is not None
    assert CARDS[found].variant == "vector_quantised"
    assert library.reporting("nothing") is None


def test_the_ladder_is_of_one_variant_narrow_first() -> None:
    rungs = library.ladder()
    assert list(rungs) == sorted(rungs)
    assert len(rungs) >= 4
    assert len({CARDS[name].variant for name in rungs.values()}) == 1
    assert np.all([library.model(name).code_dim == width for width, name in rungs.items()])
