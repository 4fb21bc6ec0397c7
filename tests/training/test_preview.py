"""What a model in training does to fixed test images."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training import preview
from tests.training.making import SMALL, small


def test_an_axis_of_a_wide_code_does_not_turn_over_from_one_image_to_the_next() -> None:
    spec = small(config=SMALL | {"latent_dim": 8})
    before = preview.first_look(spec)
    model = optim.build(MODELS["vanilla"], spec.config, 0)
    turned = copy.copy(before)
    object.__setattr__(turned, "points", before.points * [-1, 1])
    after = preview.look(model, datasets.load(), 1, turned)
    np.testing.assert_allclose(after.points, turned.points, rtol=1e-3, atol=1e-6)


def test_codes_without_a_place_end_the_look_with_a_way_out() -> None:
    model = optim.build(MODELS["vanilla"], MODELS["vanilla"].Config(), 0)
    with torch.no_grad():
        model.get_parameter("encoder.1.weight").fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="step 7: try a smaller learning rate"):
        preview.see(model, datasets.load("mnist"), 7, None)
