"""The masked transformer: what it sees, what it cannot see, and its attention by numpy."""

from __future__ import annotations

from math import erf
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import Tensor

from tests.models.variants.arithmetic import loss_of, make, squared_error


def pixels(shown: Tensor) -> Tensor:
    """Which of the 49 patches are shown (B, 49), as pixels (B, 28, 28)."""
    return torch.kron(shown.view(-1, 7, 7), torch.ones(4, 4, dtype=torch.bool))


def some(n: int, shown: int) -> Tensor:
    """For each of n images another choice of shown patches (n, 49)."""
    chosen = torch.zeros(n, 49, dtype=torch.bool)
    for k in range(n):
        chosen[k, np.random.default_rng(k).choice(49, shown, replace=False)] = True
    return chosen


@pytest.fixture(scope="module")
def model() -> Any:
    """Weights none of which is one or zero, as norms and biases are at first."""
    model = make("masked", heads=2, latent_dim=8).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@torch.no_grad()
def test_the_code_does_not_move_whatever_is_in_hidden_patches(model: Any, digits: Tensor) -> None:
    visible = pixels(some(64, 12))
    codes = model.encode(digits, visible)
    hidden = ~visible[:, None]
    for other in (1 - digits, torch.randn_like(digits), torch.full_like(digits, torch.nan)):
        assert torch.equal(model.encode(torch.where(hidden, other, digits), visible), codes)
    # while each shown patch matters
    for k in range(12):
        patch = torch.zeros(64, 49, dtype=torch.bool)
        patch[range(64), patches_of_rank(visible, k)] = True
        moved = model.encode(torch.where(pixels(patch)[:, None], 1 - digits, digits), visible)
        assert ((moved - codes).abs().amax(1) > 1e-4).all()


def patches_of_rank(visible: Tensor, k: int) -> list[int]:
    """The number of each image's k-th shown patch."""
    shown = visible[:, ::4, ::4].flatten(1)
    return [int(row.nonzero()[k]) for row in shown]


def test_no_gradient_reaches_a_hidden_pixel_and_one_reaches_each_shown_pixel(
    model: Any, digits: Tensor
) -> None:
    visible = pixels(some(64, 12))
    x = digits.clone().requires_grad_()
    model.encode(x, visible).square().sum().backward()
    assert x.grad is not None
    assert (x.grad[:, 0][~visible] == 0).all()
    assert (x.grad[:, 0][visible] != 0).all()


@torch.no_grad()
def test_a_patch_with_one_hidden_pixel_is_left_out(model: Any, digits: Tensor) -> None:
    shown = some(64, 20)
    holed = pixels(shown)
    first = patches_of_rank(holed, 0)
    for k, patch in enumerate(first):
        holed[k, patch // 7 * 4 + 2, patch % 7 * 4 + 3] = False
    shown[range(64), first] = False
    assert torch.equal(model.encode(digits, holed), model.encode(digits, pixels(shown)))


@torch.no_grad()
def test_images_with_more_and_fewer_shown_patches_do_not_disturb_each_other(
    model: Any, digits: Tensor
) -> None:
    numbers = [0, 1, 12, 49, 30]
    visible = torch.cat([pixels(some(1, number)) for number in numbers])
    together = model.encode(digits[:5], visible)
    alone = [model.encode(digits[k : k + 1], visible[k : k + 1]) for k in range(5)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    assert torch.allclose(together[3], model.encode(digits[3:4])[0], atol=1e-5)
    # Nothing shown is one code for all, and one image does not look like it.
    blank = model.encode(digits, torch.zeros(64, 28, 28, dtype=torch.bool))
    assert torch.allclose(blank, together[0].expand(64, -1), atol=1e-5)
    assert (model.encode(digits) - blank).abs().amax(1).min() > 1e-3


def norm(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def by_numpy(model: Any, image: np.ndarray, shown: list[int]) -> np.ndarray:
    """The code (D,) of the shown patches of one image (28, 28), token by token in float64."""
    w = {name: p.detach().double().numpy() for name, p in model.state_dict().items()}
    tokens = [w["class_token"]]
    for k in shown:
        row, column = divmod(k, 7)
        patch = image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].ravel()
        tokens.append(linear(patch, w, "embed") + w["positions"][k])
    x = np.stack(tokens)
    dim, heads = x.shape[1], model.config.heads
    for k in range(model.config.layers):
        layer = f"transformer.layers.{k}"
        h = norm(x, w, f"{layer}.norm1")
        qkv = h @ w[f"{layer}.self_attn.in_proj_weight"].T + w[f"{layer}.self_attn.in_proj_bias"]
        mixed = []
        for head in range(heads):
            size = dim // heads
            q, key, v = (
                qkv[:, part * dim + head * size : part * dim + (head + 1) * size]
                for part in range(3)
            )
            weights = np.exp(q @ key.T / np.sqrt(size))
            mixed.append(weights / weights.sum(1, keepdims=True) @ v)
        x = x + linear(np.concatenate(mixed, 1), w, f"{layer}.self_attn.out_proj")
        h = linear(norm(x, w, f"{layer}.norm2"), w, f"{layer}.linear1")
        h = h * 0.5 * (1 + np.vectorize(erf)(h / np.sqrt(2)))
        x = x + linear(h, w, f"{layer}.linear2")
    return linear(norm(x, w, "transformer.norm")[0], w, "to_code")


@torch.no_grad()
@pytest.mark.parametrize("number", [0, 1, 12, 49])
def test_the_code_is_what_a_transformer_makes_of_the_shown_patches(
    model: Any, digits: Tensor, number: int
) -> None:
    shown = some(4, number)
    codes = model.encode(digits[:4], pixels(shown)).numpy()
    for k in range(4):
        patches = np.flatnonzero(shown[k]).tolist()
        expected = by_numpy(model, digits[k, 0].double().numpy(), patches)
        assert np.allclose(codes[k], expected, rtol=1e-3, atol=1e-4)


def test_in_training_hidden_patches_are_not_computed(digits: Tensor) -> None:
    lengths = []
    for ratio in (0.75, 0.5, 0.0, 0.95):
        model = make("masked", mask_ratio=ratio)
        model.transformer.register_forward_pre_hook(
            lambda _, given: lengths.append(given[0].shape[1])
        )
        model.loss(digits)
    assert lengths == [1 + 12, 1 + 24, 1 + 49, 1 + 2]


def test_hiding_takes_whole_patches_as_many_from_each_image_and_others_each_time() -> None:
    model = make("masked", mask_ratio=0.75)
    torch.manual_seed(0)
    visible = model.hide(torch.zeros(2000, 1, 28, 28))
    assert visible.dtype == torch.bool
    shown = visible[:, ::4, ::4].flatten(1)
    assert torch.equal(visible, pixels(shown))
    assert (shown.sum(1) == 12).all()
    counts = shown.sum(0).numpy()
    low, high = binom.interval(1 - 1e-4 / 49, 2000, 12 / 49)
    assert low <= counts.min()
    assert counts.max() <= high
    assert not torch.equal(model.hide(torch.zeros(2000, 1, 28, 28)), visible)
    assert make("masked", mask_ratio=0.0).hide(torch.zeros(3, 1, 28, 28)).all()


def test_all_pixels_are_in_the_loss_and_hidden_ones_are_watched(digits: Tensor) -> None:
    model = make("masked")
    loss = loss_of(model, digits, seed=5)
    torch.manual_seed(5)
    visible = model.hide(digits)
    x_hat = model.decode(model.encode(digits, visible))
    expected = squared_error(digits, x_hat)
    assert loss.terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)
    hidden = ~visible.numpy()
    error = (x_hat[:, 0].detach().numpy() - digits[:, 0].numpy())[hidden]
    assert loss.metrics["hidden_mse"].item() == pytest.approx((error**2).mean(), rel=1e-5)
    assert loss_of(make("masked", mask_ratio=0.0), digits).metrics["hidden_mse"] == 0
