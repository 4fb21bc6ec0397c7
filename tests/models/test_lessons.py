"""Each variant's default preset shows what its card promises: measured, beside a plain opponent.

Short trainings on MNIST where a few hundred steps show it, else the pretrained model. What other
tests measure is left to them: that the linear one finds PCA's plane (test_linear), and that a
conditional one draws the digit that is asked for in the same style (test_conditional).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from aeviz.analysis import inpainting, mechanism, pca
from aeviz.data import corruption, datasets
from aeviz.models import apply, checkpoint, objective, optim
from aeviz.models.base import Autoencoder
from aeviz.models.settings import BaseConfig
from aeviz.models.zoo import MODELS
from aeviz.training import loop

MNIST = datasets.load()
IMAGES, LABELS = MNIST.test_images[:1000], MNIST.test_labels[:1000]
X = IMAGES / np.float32(255)


def trained(variant: str, config: BaseConfig, steps: int) -> Any:
    model = optim.build(MODELS[variant], config, 0)
    images = MNIST.train_images[:50_000]
    for _ in loop.fit(model, images, steps=steps, batch=256, lr=2e-3, seed=0):
        pass
    return model.eval()


def by_recipe(variant: str, config: BaseConfig, steps: int) -> Any:
    """Trained as the page proposes it, for fewer steps."""
    model, recipe = optim.build(MODELS[variant], config, 0), MODELS[variant].recipe
    images = MNIST.train_images[:50_000]
    how = {"batch": recipe.batch, "lr": recipe.lr, "seed": 0}
    for _ in loop.fit(model, images, steps=steps, **how):
        pass
    return model.eval()


def preset(variant: str, name: str = "") -> Any:
    """The default preset, which is the first one, or that whose name contains some text."""
    return next(config for title, config in MODELS[variant].presets.items() if name in title)


def pretrained(name: str) -> Autoencoder:
    return checkpoint.load(name)


def mse(images: np.ndarray, x: np.ndarray = X) -> float:
    return float(np.square(images - x).mean())


def share_explained(error: float) -> float:
    return 1 - error / float(np.square(X - X.mean(0)).mean())


# -- sparse -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "steps", "least", "most"),
    [("top-k", 500, 32, 32), ("L1", 600, 20, 64), ("KL", 300, 0.05 * 256, 0.1 * 256)],
)
def test_of_a_sparse_code_few_units_are_active_and_hardly_one_is_dead(
    name: str, steps: int, least: float, most: float
) -> None:
    model = trained("sparse", preset("sparse", name), steps)
    codes = apply.encode(model, IMAGES)
    activity = codes if name == "KL" else (codes != 0)
    active = activity.sum(1).mean()  # of 256
    assert least - 0.1 <= active <= most + 0.1
    fires = codes > 0.5 if name == "KL" else codes != 0
    assert (~fires.any(0)).mean() <= 0.05
    assert (fires.mean(0) > 0.9).mean() <= 0.05  # nor does one stand for everything
    if name == "top-k":  # the default: those explain more than as many principal components
        linear = pca.pca(MNIST, round(float(active)))
        ours, theirs = mse(apply.decode(model, codes)), mse(linear.reconstruct(IMAGES))
        assert share_explained(ours) > share_explained(theirs) + 0.02


# -- contractive ------------------------------------------------------------------------------


def slopes(model: Autoencoder) -> float:
    """|J|_F^2, the median over test images, in units of the spread of the codes."""
    values = mechanism.spectrum(model, IMAGES, LABELS)
    assert values is not None
    return float(np.median(np.square(values).sum(1)) / apply.encode(model, IMAGES).var(0).mean())


@pytest.mark.parametrize("width", [2, 32])
def test_a_contractive_code_moves_less_than_a_plain_one_of_the_same_width(width: int) -> None:
    ours, plain = pretrained(f"contractive-{width}d"), pretrained(f"vanilla-{width}d")
    assert slopes(ours) < 0.9 * slopes(plain)  # whatever the scale of the code
    if width == 2:  # the default: at nearly equal reconstructions
        error, theirs = (mse(apply.reconstruct(model, IMAGES)) for model in (ours, plain))
        assert error < 1.15 * theirs


def test_with_tied_weights_the_penalty_makes_a_code_move_less_whatever_its_scale() -> None:
    config = preset("contractive", "paper")
    assert config.tied
    model, plain = (
        trained("contractive", replace(config, penalty=penalty), 300)
        for penalty in (config.penalty, 0.0)
    )
    assert slopes(model) < 0.8 * slopes(plain)
    error, theirs = (mse(apply.reconstruct(m, IMAGES)) for m in (model, plain))
    assert error < 1.2 * theirs


# -- denoising --------------------------------------------------------------------------------


def test_a_denoising_autoencoder_cleans_and_a_plain_one_reconstructs_the_noise() -> None:
    noisy = corruption.noisy(IMAGES, 0.5, 0)
    assert preset("denoising").level == 0.5
    ours, theirs, convolutional = (
        mse(apply.reconstruct(pretrained(name), noisy))
        for name in ("denoising-32d", "vanilla-32d", "convolutional_denoising-128d")
    )
    assert ours < mse(noisy) / 5
    assert theirs > mse(noisy) / 2
    assert convolutional < ours


# -- codes that follow a prior ----------------------------------------------------------------


def discrepancy(codes: np.ndarray) -> float:
    """Squared maximum mean discrepancy (unbiased) to draws from N(0, I), kernel exp(-d^2 / 2).

    Source: Gretton et al. 2012, JMLR 13:723, eq. 3.
    """
    drawn = np.random.default_rng(0).standard_normal(codes.shape)
    n = len(codes)
    within = sum(
        (np.exp(-(cdist(z, z) ** 2) / 2).sum() - n) / (n * (n - 1)) for z in (codes, drawn)
    )
    return float(within - 2 * np.exp(-(cdist(codes, drawn) ** 2) / 2).mean())


@pytest.mark.parametrize("name", ["wasserstein-2d", "variational-2d"])
def test_codes_pressed_into_the_prior_look_like_it_and_a_plain_ones_do_not(name: str) -> None:
    codes = apply.encode(pretrained(name), IMAGES)
    plain = apply.encode(pretrained("vanilla-2d"), IMAGES)
    if name == "wasserstein-2d":  # there even without what mean and scale do
        plain = (plain - plain.mean(0)) / plain.std(0)
    assert np.abs(codes.mean(0)).max() < 0.2
    assert np.abs(np.cov(codes.T) - np.eye(2)).max() < 0.25
    assert discrepancy(codes) < 0.6 * discrepancy(plain)


def test_a_large_beta_makes_dimensions_collapse() -> None:
    four = preset("variational", "beta = 4")
    active = {}
    for beta in (1.0, 4.0):
        model = trained("variational", replace(four, beta=beta, width=128), 300)
        kl = objective.validate(model, IMAGES).metrics["kl_per_dim"].numpy()
        active[beta] = four.latent_dim - len(mechanism.collapsed(kl))
    assert four.beta == 4
    assert 0 < active[4.0] < active[1.0]


# -- told the class ---------------------------------------------------------------------------


def test_a_conditional_code_says_how_and_the_label_says_what() -> None:
    model = pretrained("conditional-2d")
    others = (LABELS + 1) % 10
    swapped = apply.decode(model, apply.encode(model, IMAGES, LABELS), others)
    judge = pretrained("variational-2d")
    train = apply.encode(judge, MNIST.train_images[:10_000])
    found = MNIST.train_labels[cdist(apply.encode(judge, swapped), train).argmin(1)]
    assert (found == others).mean() > 0.7
    # The class can hardly be read off the code: by chance a tenth.
    codes = apply.encode(model, IMAGES, LABELS)
    nearest = cdist(codes[500:], codes[:500]).argmin(1)
    assert (LABELS[:500][nearest] == LABELS[500:]).mean() < 0.2


# -- the others -------------------------------------------------------------------------------


def test_a_plain_code_beats_as_many_principal_components() -> None:
    error = mse(apply.reconstruct(pretrained("vanilla-2d"), IMAGES))
    assert error < 0.8 * mse(pca.pca(MNIST, 2).reconstruct(IMAGES))


def test_layers_made_for_images_reconstruct_better_with_as_many_weights() -> None:
    ours, plain = pretrained("convolutional-32d"), pretrained("vanilla-32d")
    assert weights(ours) <= weights(plain)
    assert ours.code_dim == plain.code_dim == 32
    errors = [mse(apply.reconstruct(model, IMAGES)) for model in (ours, plain)]
    assert errors[0] < 0.9 * errors[1]


def weights(model: Autoencoder) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_convolutional_default_is_ahead_of_dense_layers_with_as_many_weights() -> None:
    wide = replace(preset("vanilla"), latent_dim=32, width=1024, depth=1)
    ours, dense = (
        by_recipe(variant, config, 300)
        for variant, config in (("convolutional", preset("convolutional")), ("vanilla", wide))
    )
    assert ours.code_dim == dense.code_dim == 32
    assert weights(ours) <= weights(dense)
    errors = [mse(apply.reconstruct(model, IMAGES)) for model in (ours, dense)]
    assert errors[0] < 0.8 * errors[1]


def test_so_is_the_convolutional_variational_one() -> None:
    wide = replace(preset("variational"), latent_dim=32, width=512, depth=2)
    variant = "convolutional_variational"
    ours, dense = by_recipe(variant, preset(variant), 300), by_recipe("variational", wide, 300)
    assert ours.code_dim == dense.code_dim == 32
    assert weights(ours) <= weights(dense)
    nats = [float(objective.validate(model, IMAGES).total) for model in (ours, dense)]
    assert nats[0] < nats[1] - 8


def test_the_whole_codebook_is_used() -> None:
    model = pretrained("vector_quantised-8d")
    assert model.config.codebook_size == preset("vector_quantised").codebook_size == 64
    shares = mechanism.usage(model, apply.encode(model, IMAGES))
    used = shares[shares > 0]
    assert len(used) == 64
    assert np.exp(-(used * np.log(used)).sum()) > 32


@pytest.mark.parametrize("name", ["masked-256d", "recurrent-32d"])
def test_what_is_hidden_is_filled_in_better_than_by_the_mean_image(name: str) -> None:
    visible = np.ones_like(X, bool)
    visible[:, 14:] = False
    if name.startswith("masked"):
        visible = inpainting.hide_patches(len(X), seed=0, shape=MNIST.shape)
    filled = apply.reconstruct(pretrained(name), X * visible, None, visible)
    mean = (MNIST.train_images.mean(0) / 255)[None].repeat(len(X), 0)
    assert mse(filled[~visible], X[~visible]) < 0.6 * mse(mean[~visible], X[~visible])
