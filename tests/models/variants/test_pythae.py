"""The variational losses beside pythae's; skipped unless pythae is installed.

pip install --no-deps pythae, in an environment of its own: it asks for older versions of the rest.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from aeviz.analysis import likelihood
from tests.models.variants.arithmetic import make, spread

pythae = pytest.importorskip("pythae.models", reason="pythae is not installed")


def beside(model: Any, beta: float | None) -> Any:
    """Pythae's VAE or BetaVAE with the same encoder and decoder."""
    parts = pytest.importorskip("pythae.models.nn")
    output = pytest.importorskip("pythae.models.base.base_utils").ModelOutput

    class Encoder(parts.BaseEncoder):
        def forward(self, x: Tensor) -> Any:
            mu, log_var = model.encoder(x).chunk(2, dim=1)
            return output(embedding=mu, log_covariance=log_var)

    class Decoder(parts.BaseDecoder):
        def forward(self, z: Tensor) -> Any:
            return output(reconstruction=model.decode(z))

    how = {"input_dim": (1, 28, 28), "latent_dim": model.code_dim, "reconstruction_loss": "bce"}
    if beta is None:
        return pythae.VAE(pythae.VAEConfig(**how), encoder=Encoder(), decoder=Decoder())
    config = pythae.BetaVAEConfig(**how, beta=beta)
    return pythae.BetaVAE(config, encoder=Encoder(), decoder=Decoder())


@pytest.mark.parametrize("variant", ["variational", "convolutional_variational"])
@pytest.mark.parametrize("beta", [None, 1.0, 4.0])
def test_the_loss_is_pythaes_with_the_same_weights_and_noise(
    variant: str, beta: float | None, digits: Tensor
) -> None:
    model = spread(make(variant, latent_dim=5, beta=1.0 if beta is None else beta))
    other = beside(model, beta)
    torch.manual_seed(7)
    loss = model.loss(digits)
    torch.manual_seed(7)
    theirs = other({"data": digits})
    assert loss.total.item() == pytest.approx(theirs.loss.item(), rel=1e-5)
    assert loss.terms["reconstruction"].item() == pytest.approx(theirs.recon_loss.item(), rel=1e-5)
    kl = loss.metrics["kl_per_dim"].sum().item()
    assert kl == pytest.approx(theirs.reg_loss.item(), rel=1e-5)


def test_the_likelihood_is_pythaes_within_monte_carlo_error(digits: Tensor) -> None:
    model = spread(make("variational", latent_dim=2))
    x = digits[:4].round()
    bound = likelihood.log_likelihood(model, x[:, 0].numpy(), samples=4000, seed=0)
    assert bound is not None
    torch.manual_seed(0)
    with torch.no_grad():
        theirs = beside(model, None).get_nll(x, n_samples=4000, batch_size=1000)
    assert math.isfinite(theirs)
    assert bound.mean() == pytest.approx(theirs, abs=0.3)
