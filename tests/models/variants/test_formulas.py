"""Each variant's loss beside a transcription of its formula: numpy, float64, real digits.

What is random is drawn here first, from torch's global generator with the seed that the loss then
starts from. Networks f and g are asked for what they give; all that a formula spells out is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aeviz.models.base import Autoencoder
from aeviz.models.settings import ERROR, knobs
from aeviz.models.zoo import MODELS
from tests.models.variants.arithmetic import make

SEED = 11
KINDS = ("bernoulli", "squared", "absolute")
Terms = dict[str, float]


def array(value: Tensor) -> np.ndarray:
    """As numpy sees it."""
    return value.detach().numpy()


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def error(kind: str, x: np.ndarray, x_hat: np.ndarray) -> float:
    """What stands for the reconstruction loss in a formula: summed over pixels, mean of images."""
    if kind == "squared":
        each = np.square(x - x_hat)
    elif kind == "absolute":
        each = np.abs(x - x_hat)
    else:
        each = -(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat))
    return float(each.sum() / len(x))


def minus_log_p(kind: str, x: np.ndarray, x_hat: np.ndarray) -> float:
    """-E log p(x|z), with the spread that suits the batch."""
    found = error(kind, x, x_hat)
    pixels = x[0].size
    if kind == "squared":
        variance = found / pixels
        return found / (2 * variance) + pixels / 2 * np.log(2 * np.pi * variance)
    if kind == "absolute":
        scale = found / pixels
        return found / scale + pixels * np.log(2 * scale)
    return found


def reconstructed(model: Any, z: np.ndarray, **given: Tensor) -> np.ndarray:
    """x_hat = g(z)."""
    return array(model.decode(torch.from_numpy(z), **given))


# -- one transcription for each formula ---------------------------------------------------------


def linear(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    w, b = array(model.encoder.weight), array(model.encoder.bias)
    v, c = array(model.decoder.weight), array(model.decoder.bias)
    flat = array(x).reshape(len(x), -1)
    x_hat = (flat @ w.T + b) @ v.T + c
    return {"reconstruction": error("squared", flat, x_hat)}


def plain(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    return {"reconstruction": error(kind, array(x), reconstructed(model, array(model.encode(x))))}


def of_corrupted(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    how, level = model.config.corruption, model.config.level
    if how == "gaussian":
        corrupted = np.clip(array(x) + level * array(torch.randn(x.shape, dtype=x.dtype)), 0, 1)
    else:
        hit = array(torch.rand(x.shape, dtype=x.dtype)) < level
        black_or_white = 0 if how == "masking" else array(torch.randint(2, x.shape, dtype=x.dtype))
        corrupted = np.where(hit, black_or_white, array(x))
    z = array(model.encode(torch.from_numpy(corrupted)))
    return {"reconstruction": error(kind, array(x), reconstructed(model, z))}


def bound(model: Any, x: Tensor, kind: str, **given: Tensor) -> Terms:
    if model.config.binarise:
        x = torch.bernoulli(x)
    mu, log_var = (array(part) for part in model.posterior(x, **given))
    sigma = np.exp(log_var / 2)
    z = mu + sigma * array(torch.randn(mu.shape, dtype=x.dtype))
    kl = (np.square(mu) + np.square(sigma) - 1 - np.log(np.square(sigma))).sum() / 2 / len(mu)
    reconstruction = minus_log_p(kind, array(x), reconstructed(model, z, **given))
    return {"reconstruction": reconstruction, "kl": model.config.beta * kl}


def wasserstein(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    z = array(model.encode(x))
    prior = array(torch.randn(z.shape, dtype=x.dtype))
    n, d = z.shape

    def k(a: np.ndarray, b: np.ndarray) -> float:
        apart = np.square(a - b).sum()
        widths = 2 * d * np.array([0.1, 0.2, 0.5, 1, 2, 5, 10])
        return (widths / (widths + apart)).sum()

    def within(codes: np.ndarray) -> float:
        return float(np.mean([k(codes[i], codes[j]) for i in range(n) for j in range(n) if i != j]))

    between = np.mean([k(a, b) for a in z for b in prior])
    mmd = within(z) + within(prior) - 2 * between
    return {
        "reconstruction": error(kind, array(x), reconstructed(model, z)),
        "divergence": model.config.penalty * mmd,
    }


def vector_quantised(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    z, codebook = array(model.before(x)), array(model.codebook)
    distances = np.square(z[:, :, None] - codebook).sum(3)
    e = codebook[distances.argmin(2)]
    return {
        "reconstruction": error(kind, array(x), reconstructed(model, e.reshape(len(x), -1))),
        "commitment": model.config.commitment * np.square(z - e).sum() / len(x),
    }


def gru(model: torch.nn.GRU, inputs: np.ndarray, state: np.ndarray) -> np.ndarray:
    """States (B, T, H) after each of the inputs (B, T, I)."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    w, u, b, c = (array(model.get_parameter(name)) for name in names)
    states = []
    for t in range(inputs.shape[1]):
        from_input = np.split(inputs[:, t] @ w.T + b, 3, axis=1)
        from_state = np.split(state @ u.T + c, 3, axis=1)
        reset = sigmoid(from_input[0] + from_state[0])
        update = sigmoid(from_input[1] + from_state[1])
        new = np.tanh(from_input[2] + reset * from_state[2])
        state = (1 - update) * new + update * state
        states.append(state)
    return np.stack(states, 1)


def recurrent(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    rows, every = array(x)[:, 0], x.shape[2]
    k = array(torch.randint(1, every, (len(x),)))
    k = np.where(array(torch.rand(len(x))) < model.config.cut, k, every)
    h = gru(model.reader, rows, np.zeros((len(x), model.config.hidden)))
    w, b = array(model.to_code.weight), array(model.to_code.bias)
    z = h[np.arange(len(x)), k - 1] @ w.T + b
    u, a = array(model.to_state.weight), array(model.to_state.bias)
    clock = np.broadcast_to(array(model.clock), (len(x), *model.clock.shape))
    code = np.broadcast_to(z[:, None], (len(x), every, z.shape[1]))
    s = gru(model.writer, np.concatenate([code, clock], 2), np.tanh(z @ u.T + a))
    v, d = array(model.to_row.weight), array(model.to_row.bias)
    return {"reconstruction": error(kind, rows, sigmoid(s @ v.T + d))}


def layer_norm(norm: Any, a: np.ndarray) -> np.ndarray:
    scaled = (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + norm.eps)
    return scaled * array(norm.weight) + array(norm.bias)


def affine(layer: Any, a: np.ndarray) -> np.ndarray:
    return a @ array(layer.weight).T + array(layer.bias)


def transformer(layers: Any, h: np.ndarray, heads: int) -> np.ndarray:
    """Tokens (T, dim) of one image after all layers: norm first, then attention, then an MLP."""
    for layer in layers.layers:
        attention = layer.self_attn
        a = layer_norm(layer.norm1, h)
        q, k, v = np.split(
            a @ array(attention.in_proj_weight).T + array(attention.in_proj_bias), 3, 1
        )
        mixed = []
        for one_q, one_k, one_v in zip(
            *(np.split(part, heads, 1) for part in (q, k, v)), strict=True
        ):
            scores = np.exp(one_q @ one_k.T / np.sqrt(one_q.shape[1]))
            mixed.append(scores / scores.sum(1, keepdims=True) @ one_v)
        h = h + affine(attention.out_proj, np.concatenate(mixed, 1))
        a = affine(layer.linear1, layer_norm(layer.norm2, h))
        a = a * array(torch.special.ndtr(torch.from_numpy(a)))  # GELU: a Phi(a)
        h = h + affine(layer.linear2, a)
    return layer_norm(layers.norm, h)


def masked(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    chance, shown = array(torch.rand(len(x), 49)), round((1 - model.config.mask_ratio) * 49)
    codes = []
    for image, order in zip(array(x)[:, 0], chance, strict=True):
        tokens = [array(model.class_token)]
        for place in np.sort(order.argsort()[:shown]):
            row, column = 4 * (place // 7), 4 * (place % 7)
            patch = image[row : row + 4, column : column + 4].ravel()
            tokens.append(affine(model.embed, patch) + array(model.positions)[place])
        class_token = transformer(model.transformer, np.stack(tokens), model.config.heads)[0]
        codes.append(affine(model.to_code, class_token))
    x_hat = reconstructed(model, np.stack(codes))
    return {"reconstruction": error(kind, array(x), x_hat)}


def sparse(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    c, h = model.config, array(model.encoder(x))
    spread = np.sqrt(h.var(0) + 1e-5)
    standard = (h - h.mean(0)) / spread
    if c.kind == "L1":
        z = np.maximum(h, 0)
        omega = z.sum() / len(z)
    elif c.kind == "KL":
        z, rho = sigmoid(4 * standard + array(model.threshold)), c.target
        mean = z.mean(0)
        omega = rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
        omega = omega.sum()
    else:
        least = np.sort(standard, 1)[:, [-c.k]]
        z = np.where(standard >= least, h - h.mean(0) if c.dictionary else standard, 0)
        omega = None
    if c.dictionary:
        atoms = array(model.decoder.weight)
        if c.kind != "KL":
            atoms = atoms / np.linalg.norm(atoms, axis=0)
        flat = array(x).reshape(len(x), -1)
        reconstruction = error("squared", flat, z @ atoms.T + array(model.decoder.bias))
    else:
        reconstruction = error(kind, array(x), reconstructed(model, z))
    terms = {"reconstruction": reconstruction}
    return terms if omega is None else terms | {"sparsity": c.penalty * omega}


def contractive(model: Any, x: Tensor, kind: str, **_: Any) -> Terms:
    c, z = model.config, array(model.encode(x))
    if c.depth == 0:
        layer = array(model.weight)
        jacobian = (z * (1 - z))[:, :, None] * layer
    else:  # by central differences, pixel by pixel
        step, columns = 1e-4, []
        for pixel in range(784):
            moved = np.zeros(784)
            moved[pixel] = step
            by = torch.from_numpy(moved.reshape(1, 1, 28, 28))
            columns.append(array(model.encode(x + by) - model.encode(x - by)) / (2 * step))
        jacobian = np.stack(columns, 2)
    if c.depth and c.jacobian == "estimate":  # E |v J|^2 with v from N(0, I)
        v = array(torch.randn(z.shape, dtype=x.dtype))
        norm = np.square(np.einsum("nd,ndp->np", v, jacobian)).sum(1).mean()
    else:
        norm = np.square(jacobian).sum((1, 2)).mean()
    x_hat = reconstructed(model, z)
    if c.depth == 0 and c.tied:
        x_hat = sigmoid(z @ array(model.weight) + array(model.decoder.bias).ravel())
        x_hat = x_hat.reshape(x.shape)
    return {"reconstruction": error(kind, array(x), x_hat), "contraction": c.penalty * norm}


FORMULAS: dict[str, tuple[Callable[..., Terms], tuple[dict[str, Any], ...]]] = {
    "linear": (linear, ({}, {"latent_dim": 5})),
    "vanilla": (plain, ({}, {"batch_norm": True, "depth": 2})),
    "denoising": (
        of_corrupted,
        tuple({"corruption": how} for how in ("gaussian", "masking", "salt and pepper")),
    ),
    "sparse": (
        sparse,
        (
            *({"kind": kind, "latent_dim": 40, "k": 5} for kind in ("L1", "KL", "top-k")),
            {"latent_dim": 40, "k": 5, "decoder": "mirrored"},
        ),
    ),
    "contractive": (
        contractive,
        (
            {},
            {"latent_dim": 6, "jacobian": "estimate"},
            {"latent_dim": 6, "depth": 0},
            {"latent_dim": 6, "depth": 0, "tied": True, "penalty": 3.0},
        ),
    ),
    "convolutional": (plain, ({},)),
    "convolutional_denoising": (
        of_corrupted,
        tuple({"corruption": how} for how in ("gaussian", "masking", "salt and pepper")),
    ),
    "variational": (bound, ({}, {"beta": 4.0}, {"binarise": True})),
    "convolutional_variational": (bound, ({}, {"beta": 4.0}, {"binarise": True})),
    "conditional": (bound, ({}, {"beta": 4.0}, {"binarise": True})),
    "wasserstein": (wasserstein, ({}, {"latent_dim": 4, "penalty": 7.0})),
    "vector_quantised": (vector_quantised, ({}, {"codebook_size": 2, "commitment": 3.0})),
    "recurrent": (recurrent, ({"cut": 0.0}, {"cut": 0.5})),
    "masked": (masked, ({}, {"mask_ratio": 0.0}, {"mask_ratio": 0.5, "heads": 2, "layers": 1})),
}
"""For each variant what its formula says, and the settings that change it."""


def test_every_variant_has_its_transcription() -> None:
    assert set(FORMULAS) == set(MODELS)


def cases() -> list[Any]:
    return [
        pytest.param(name, kind, settings, id=f"{name}-{kind}-{settings}")
        for name, (_, several) in FORMULAS.items()
        for kind in (KINDS if "reconstruction" in knobs(MODELS[name].Config) else ("squared",))
        for settings in several
    ]


@pytest.mark.parametrize(("name", "kind", "settings"), cases())
def test_the_loss_is_what_the_formula_says(
    name: str, kind: str, settings: dict[str, Any], digits: Tensor
) -> None:
    chosen = {"reconstruction": kind} if "reconstruction" in knobs(MODELS[name].Config) else {}
    model = make(name, **chosen, **settings).double()
    x = digits[:12].double()
    given = {"labels": torch.arange(12) % 10} if model.uses_labels else {}
    model.train()  # as it is minimised
    torch.manual_seed(SEED)
    expected = FORMULAS[name][0](model, x, kind, **given)
    torch.manual_seed(SEED)
    terms = model.loss(x, **given).terms
    assert {term: value.item() for term, value in terms.items()} == {
        term: pytest.approx(value, rel=1e-7) for term, value in expected.items()
    }


def test_the_codebook_follows_the_moving_mean_of_what_chose_its_entries(digits: Tensor) -> None:
    """The last line of that formula: no gradient moves an entry."""
    model = make("vector_quantised", codebook_size=4).double()
    x = digits.double()
    z = array(model.before(x)).reshape(-1, model.config.latent_dim)
    before = array(model.codebook).copy()
    model.chosen.fill_(500.0)  # so that none counts as dead
    k = np.square(z[:, None] - before).sum(2).argmin(1)
    model.loss(x).total.backward()
    assert model.codebook.grad is None
    for entry in range(4):
        sums = 0.99 * 500 * before[entry] + 0.01 * z[k == entry].sum(0)
        expected = sums / (0.99 * 500 + 0.01 * (k == entry).sum())
        assert np.allclose(array(model.codebook)[entry], expected, rtol=1e-6)


# -- what is written --------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_formula_changes_with_the_reconstruction_loss_that_is_chosen(name: str) -> None:
    model_class: type[Autoencoder] = MODELS[name]
    if "reconstruction" not in knobs(model_class.Config):
        assert model_class.formula_of(model_class.Config()) == model_class.formula
        return
    when = knobs(model_class.Config)["reconstruction"][0].when
    free = {name: tuple(those)[-1] for name, those in when.items()}  # with which it counts
    written = {
        kind: model_class.formula_of(model_class.Config.from_dict(free | {"reconstruction": kind}))
        for kind in KINDS
    }
    for kind, formula in written.items():
        assert formula.count("{") == formula.count("}")
        assert formula.count(r"\begin") == formula.count(r"\end")
        assert (r"\ln \hat x_i" in formula) == (kind == "bernoulli")
        assert (ERROR in formula) == (kind == "squared")
        assert (r"\hat x \rVert_1" in formula) == (kind == "absolute")
        assert (r"\ln (2 \pi \sigma^2)" in formula) == (
            kind == "squared" and model_class.has_posterior
        )


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].has_posterior])
def test_a_formula_says_that_pixels_are_made_black_or_white(name: str) -> None:
    binary = MODELS[name].formula_of(MODELS[name].Config.from_dict({"binarise": True}))
    assert r"x_i \sim \mathrm{Bernoulli}" in binary
    assert r"\sim" not in MODELS[name].formula_of(MODELS[name].Config())


def test_a_sparse_formula_is_that_of_its_kind_and_its_decoder() -> None:
    config: Any = MODELS["sparse"].Config
    said = {kind: MODELS["sparse"].formula_of(config(kind=kind)) for kind in ("L1", "KL", "top-k")}
    assert len(set(said.values())) == 3
    for kind, formula in said.items():
        assert (r"\lambda" in formula) == (kind != "top-k")
        assert (r"\lVert d_j \rVert = 1" in formula) == (kind != "KL")
    absolute = config(kind="L1", reconstruction="absolute")  # a setting that does not count there
    assert MODELS["sparse"].formula_of(absolute) == said["L1"]


def test_a_contractive_formula_says_when_its_weights_are_tied() -> None:
    config: Any = MODELS["contractive"].Config
    for settings, tied in (({}, False), ({"depth": 0}, False), ({"depth": 0, "tied": True}, True)):
        assert (r"W^\top" in MODELS["contractive"].formula_of(config(**settings))) == tied
