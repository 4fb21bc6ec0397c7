"""What variants say of themselves in figures, measured again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from aeviz.analysis import denoising, errors, estimate, mechanism
from aeviz.data import corruption, datasets
from aeviz.models import apply, checkpoint, objective
from aeviz.models.zoo import MODELS

MNIST = datasets.load()


def test_so_many_dimensions_of_the_variational_one_collapse() -> None:
    said = re.search(r"(\d+) of (\d+) here, at beta = (\d+)", MODELS["variational"].fails)
    assert said is not None
    model: Any = checkpoint.load("variational-32d")
    kl = objective.validate(model, MNIST.test_images).metrics["kl_per_dim"].numpy()
    collapsed = len(mechanism.collapsed(kl))
    assert [int(part) for part in said.groups()] == [collapsed, len(kl), model.config.beta]
    # The others are far from the border, so that it does not decide.
    assert np.sort(kl)[collapsed] > 50 * mechanism.COLLAPSED


def db(images: np.ndarray, cleaned: np.ndarray) -> float:
    return errors.compare(images, cleaned).overall["psnr"]


@pytest.mark.parametrize("name", ["denoising-32d", "convolutional_denoising-128d"])
@pytest.mark.parametrize("what", ["blur", "masking"])
def test_one_trained_on_gaussian_noise_undoes_these_worse_than_a_wiener_filter(
    name: str, what: str
) -> None:
    model, kind = checkpoint.load(name), corruption.CORRUPTIONS[what]
    assert model.config.corruption == "gaussian"
    assert "blur or missing pixels worse than a Wiener filter" in model.fails
    x = datasets.to_float(MNIST.test_images[:300])
    corrupted = kind.apply(x, kind.start, 1)
    filtered = denoising.tuned("wiener", MNIST, what, kind.start).clean(corrupted)
    assert db(x, apply.reconstruct(model, corrupted)) < db(x, filtered) - 1


def test_the_convolutional_one_cleans_gaussian_noise_best_of_all_here() -> None:
    assert "cleans that best of all here" in MODELS["convolutional_denoising"].fails
    kind = corruption.CORRUPTIONS["gaussian"]
    x = datasets.to_float(MNIST.test_images[:300])
    noisy = kind.apply(x, 0.5, 1)
    found = {
        name: db(x, apply.reconstruct(checkpoint.load(name), noisy))
        for name, card in checkpoint.pretrained().items()
        if MODELS[card.variant].corrupts
    }
    found |= {
        name: db(x, denoising.tuned(name, MNIST, "gaussian", 0.5).clean(noisy))
        for name in denoising.FILTERS
    }
    best = max(found, key=found.__getitem__)
    assert best == "convolutional_denoising-128d"
    assert sorted(found.values())[-2] < found[best] - 0.5


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("recurrent-32d", "vanilla-32d"),  # its error stays above
        ("vanilla-32d", "convolutional-32d"),  # a wide code and a small error
        ("vanilla-64d", "convolutional-64d"),
        ("convolutional-2d", "vanilla-2d"),  # with two dimensions its error is larger
        ("convolutional_variational-2d", "variational-2d"),
    ],
)
def test_one_has_a_larger_error_than_another(more: str, less: str) -> None:
    x = datasets.to_float(MNIST.test_images[:2000])
    each = [errors.mse(x, apply.reconstruct(checkpoint.load(name), x)) for name in (more, less)]
    apart = estimate.mean(each[0] - each[1])
    assert apart.value > 5 * apart.error
