"""The contract: knobs and configs, the sum of a loss, the three reconstruction losses."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from aeviz.models import gaussian
from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.settings import RECONSTRUCTION_UNITS, BaseConfig, Knob, knob, knobs

NUMBER = Knob("Number", "A number.", 1, 64)
CHOICE = Knob("Choice", "A choice.", choices=("relu", "tanh"))
SWITCH = Knob("Switch", "A switch.")


@pytest.mark.parametrize(
    ("setting", "value", "kind", "expected"),
    [
        (NUMBER, 1, int, 1),
        (NUMBER, 64, int, 64),
        (NUMBER, 8.0, int, 8),
        (NUMBER, 8, float, 8.0),
        (NUMBER, 1.5, float, 1.5),
        (Knob("Free", "No range."), -1e300, float, -1e300),
        (CHOICE, "tanh", str, "tanh"),
        (SWITCH, True, bool, True),
        (SWITCH, False, bool, False),
    ],
)
def test_a_good_value_comes_back_as_the_knobs_type(
    setting: Knob, value: Any, kind: type, expected: Any
) -> None:
    checked = setting.check("it", value, kind)
    assert checked == expected
    assert type(checked) is kind


@pytest.mark.parametrize(
    ("setting", "value", "kind", "match"),
    [
        (NUMBER, 0, int, "from 1 to 64, not 0"),
        (NUMBER, 65, int, "from 1 to 64, not 65"),
        (NUMBER, 0.999, float, "from 1 to 64"),
        (NUMBER, 64.001, float, "from 1 to 64"),
        (NUMBER, 2.5, int, "whole number"),
        (NUMBER, math.nan, float, "a number, not nan"),
        (NUMBER, math.inf, float, "a number, not inf"),
        (NUMBER, -math.inf, int, "a number, not -inf"),
        (Knob("Free", "No range."), math.inf, float, "a number, not inf"),
        (NUMBER, 10**400, int, "a number"),  # JSON has integers that no float holds
        (Knob("Free", "No range."), 10**400, float, "a number"),
        (NUMBER, "2" * 1_000_000, int, "a number"),
        (NUMBER, "2", int, "a number, not '2'"),
        (NUMBER, None, int, "a number, not None"),
        (NUMBER, True, int, "a number, not True"),
        (NUMBER, [2], int, "a number"),
        (NUMBER, 2j, float, "a number"),
        (CHOICE, "selu", str, "one of relu, tanh, not 'selu'"),
        (CHOICE, None, str, "one of relu, tanh"),
        (CHOICE, ["relu"], str, "one of relu, tanh"),
        (CHOICE, 0, str, "one of relu, tanh"),
        (SWITCH, 1, bool, "true or false, not 1"),
        (SWITCH, "true", bool, "true or false"),
        (SWITCH, None, bool, "true or false"),
    ],
)
def test_a_bad_value_is_refused_in_a_sentence_that_names_the_knob(
    setting: Knob, value: Any, kind: type, match: str
) -> None:
    with pytest.raises(ValueError, match=match) as error:
        setting.check("width", value, kind)
    text = str(error.value)
    assert text.startswith("width must be ")
    assert text.endswith(".")
    assert len(text) < 200


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """A config with every kind of knob."""

    latent_dim: int = knob(3, low=1, high=1000, label="D", help="Wider than usual.")
    rate: float = knob(0.5, low=0, high=1, label="Rate", help="A rate.")
    shape: str = knob("round", choices=("round", "flat"), label="Shape", help="A shape.")
    fast: bool = knob(False, label="Fast", help="A switch.")


def test_a_config_has_its_knobs_in_order_and_may_redefine_one() -> None:
    assert list(knobs(Config)) == ["latent_dim", "rate", "shape", "fast"]
    setting, default = knobs(Config)["latent_dim"]
    assert (setting.low, setting.high, default) == (1, 1000, 3)
    assert knobs(BaseConfig)["latent_dim"][0].high == 64
    assert Config(latent_dim=999).latent_dim == 999


def test_a_setting_says_with_which_others_it_counts() -> None:
    rate = Knob("Rate", "A rate.", when={"shape": ("flat", "round"), "depth": range(1, 4)})
    assert rate.counts({"shape": "flat", "depth": 3})
    assert not rate.counts({"shape": "flat", "depth": 0})
    assert not rate.counts({"shape": "square", "depth": 3})
    assert rate.counts({"shape": "flat"})  # where there is no number of layers
    assert rate.condition(["shape", "depth"]) == "shape flat or round, depth 1 to 3"
    assert rate.condition(["depth"]) == "depth 1 to 3"
    assert NUMBER.counts({"shape": "square"})
    assert NUMBER.condition(["shape"]) == ""


def test_a_file_older_than_a_setting_means_what_there_was_before() -> None:
    class Newer(Config):
        before: ClassVar = {"shape": "flat"}

    assert Newer.from_file({"rate": 0.25}) == Newer(rate=0.25, shape="flat")
    assert Newer.from_file({"shape": "round"}) == Newer()
    assert Newer.from_dict({}) == Newer()


def test_a_config_goes_through_json() -> None:
    config = Config(latent_dim=7, rate=1, shape="flat", fast=True)
    again = Config.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert type(config.rate) is float
    assert Config.from_dict({}) == Config()
    assert Config.from_dict({"latent_dim": 7.0}).to_dict()["latent_dim"] == 7


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"colour": 3, "size": 1}, "There is no setting colour, size"),
        ({"rate": 2.0}, "rate must be from 0 to 1, not 2"),
        ({"shape": "square"}, "shape must be one of round, flat"),
        ({"fast": 1}, "fast must be true or false"),
        ({"latent_dim": 0}, "latent_dim must be from 1 to 1000"),
    ],
)
def test_a_config_out_of_range_is_refused(values: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Config.from_dict(values)
    if "colour" not in values:
        with pytest.raises(ValueError, match=match):
            Config(**values)


def test_the_total_is_the_sum_of_the_terms_and_not_of_the_metrics() -> None:
    a, b, c = (torch.tensor(value, requires_grad=True) for value in (1.5, -0.25, 4.0))
    loss = Loss({"reconstruction": a, "kl": b}, {"elbo": c})
    assert loss.total.item() == 1.25
    loss.total.backward()
    assert (a.grad, b.grad, c.grad) == (1, 1, None)
    assert Loss({"reconstruction": a}).total is a


def test_reconstruction_losses_agree_with_plain_arithmetic() -> None:
    draw = np.random.default_rng(0)
    logits = 3 * draw.standard_normal((5, 1, 28, 28))
    x = draw.random((5, 1, 28, 28))
    x_hat = 1 / (1 + np.exp(-logits))
    expected = {
        "bernoulli": -(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)),
        "squared": (x - x_hat) ** 2,
        "absolute": abs(x - x_hat),
    }
    assert set(expected) == set(RECONSTRUCTION_UNITS)
    for kind, per_pixel in expected.items():
        loss = reconstruction_loss(torch.tensor(logits), torch.tensor(x), kind)
        assert loss.shape == ()
        assert loss.item() == pytest.approx(per_pixel.sum() / 5)  # over pixels, then per image
    with pytest.raises(ValueError, match="There is no reconstruction loss 'cubic'"):
        reconstruction_loss(torch.tensor(logits), torch.tensor(x), "cubic")


def test_the_bernoulli_loss_stays_finite_where_the_sigmoid_is_exactly_zero_or_one() -> None:
    logits = torch.full((1, 1, 28, 28), 1000.0)
    assert reconstruction_loss(logits, torch.ones_like(logits), "bernoulli") == 0
    wrong = reconstruction_loss(-logits, torch.ones_like(logits), "bernoulli")
    assert wrong.item() == pytest.approx(784 * 1000)


def test_a_variant_must_encode_decode_and_have_a_loss() -> None:
    with pytest.raises(TypeError, match="Blind has neither logits nor decode"):

        class Blind(Autoencoder):
            def encode(self, x: torch.Tensor) -> torch.Tensor:
                return x

    class Half(Autoencoder):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return z

    with pytest.raises(TypeError, match="abstract"):
        Half()  # pyright: ignore[reportAbstractUsage]


class Plain(Autoencoder):
    """Nothing but what a variant must have: the code is the image."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z.view(-1, 1, 28, 28)

    def loss(self, x: torch.Tensor) -> Loss:
        return Loss({"reconstruction": x.sum()})


def test_what_a_variant_does_not_have_it_says_by_default() -> None:
    model, x = Plain(), torch.rand(3, 1, 28, 28).clamp(0.01, 0.99)
    z = model.encode(x)
    assert torch.allclose(model.logits(z), (x / (1 - x)).log(), atol=1e-4)
    assert torch.equal(model.corrupt(x), x)
    assert torch.equal(model.active(torch.tensor([[0.0, -2.0]])), torch.tensor([[False, True]]))
    assert (model.posterior(x), model.classify(x), model.entries(z)) == (None, None, None)
    assert model.sample_prior(3) is None
    config = model.config
    assert (config.corruption, config.binarise, config.codebook_size) == ("none", False, 0)


def test_the_closed_forms_of_gaussians_agree_with_torchs_distributions() -> None:
    draws = torch.Generator().manual_seed(0)
    mu, log_var = torch.randn(2, 5, 3, generator=draws)
    q, p = torch.distributions.Normal(mu, (0.5 * log_var).exp()), torch.distributions.Normal(0, 1)
    assert torch.allclose(gaussian.kl(mu, log_var), torch.distributions.kl_divergence(q, p))
    epsilon = torch.randn(4, 5, 3, generator=draws)
    assert torch.allclose(gaussian.draw(mu, log_var, epsilon), q.icdf(p.cdf(epsilon)), atol=1e-4)
    torch.manual_seed(1)
    z = gaussian.draw(mu.expand(4000, 5, 3), log_var.expand(4000, 5, 3))
    assert torch.allclose(z.mean(0), q.mean, atol=0.15)
    assert torch.allclose(z.std(0), q.stddev, rtol=0.1)
