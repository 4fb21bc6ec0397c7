"""The recurrent autoencoder: its two networks row by row in numpy, and where reading ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.variants.arithmetic import loss_of, make, squared_error


def first_rows(*numbers: int) -> Tensor:
    """The pixels (B, 28, 28) of the first rows, as many for each image as given."""
    read = torch.arange(28) < torch.tensor(numbers)[:, None]
    return read[..., None].expand(-1, -1, 28)


@pytest.fixture(scope="module")
def model() -> Any:
    """Weights larger than fresh ones, so that every row matters."""
    model = make("recurrent", latent_dim=6)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def gru(w: dict[str, np.ndarray], name: str, inputs: np.ndarray, state: np.ndarray) -> np.ndarray:
    """States (T, H) of a gated recurrent unit, one step after the other.

    Source: Cho et al. 2014, arXiv:1406.1078, eqs. 5-8, with torch's places of the biases.
    """
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    states = []
    for x in inputs:
        a = w[f"{name}.weight_ih_l0"] @ x + w[f"{name}.bias_ih_l0"]
        b = w[f"{name}.weight_hh_l0"] @ state + w[f"{name}.bias_hh_l0"]
        (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
        reset, update = sigmoid(ar + br), sigmoid(az + bz)
        state = (1 - update) * np.tanh(an + reset * bn) + update * state
        states.append(state)
    return np.array(states)


@torch.no_grad()
def test_one_network_reads_the_rows_and_another_writes_them(model: Any, digits: Tensor) -> None:
    w = {name: p.double().numpy() for name, p in model.state_dict().items()}
    cut = [28, 1, 9, 20]
    codes = model.encode(digits[:4], first_rows(*cut))
    reconstructions = model.decode(codes)
    for k, number in enumerate(cut):
        rows = digits[k, 0, :number].double().numpy()
        memory = gru(w, "reader", rows, np.zeros(model.config.hidden))[-1]
        z = w["to_code.weight"] @ memory + w["to_code.bias"]
        assert np.allclose(codes[k], z, atol=1e-5)
        start = np.tanh(w["to_state.weight"] @ z + w["to_state.bias"])
        states = gru(w, "writer", np.column_stack([np.tile(z, (28, 1)), w["clock"]]), start)
        written = states @ w["to_row.weight"].T + w["to_row.bias"]
        assert np.allclose(reconstructions[k, 0], 1 / (1 + np.exp(-written)), atol=1e-5)
    assert torch.allclose(model.encode(digits[:1]), codes[:1], atol=1e-6)


@torch.no_grad()
def test_the_code_does_not_move_whatever_is_in_the_rows_that_are_not_read(
    model: Any, digits: Tensor
) -> None:
    cut = [k % 29 for k in range(64)]
    visible = first_rows(*cut)
    codes = model.encode(digits, visible)
    hidden = ~visible[:, None]
    for other in (1 - digits, torch.randn_like(digits), torch.full_like(digits, torch.nan)):
        assert torch.equal(model.encode(torch.where(hidden, other, digits), visible), codes)
    # while the last row that is read matters, and so does the first
    for row in ([max(k - 1, 0) for k in cut], [0] * 64):
        changed = digits.clone()
        changed[range(64), 0, row] = 1 - changed[range(64), 0, row]
        moved = (model.encode(changed, visible) - codes).abs().amax(1) > 1e-5
        assert moved.tolist() == [k > 0 for k in cut]


@torch.no_grad()
def test_reading_ends_at_the_first_row_with_a_hidden_pixel(model: Any, digits: Tensor) -> None:
    holed = torch.ones(3, 28, 28, dtype=torch.bool)
    holed[0, 5, 27] = holed[1, 0, 3] = holed[2, 27] = False
    expected = model.encode(digits[:3], first_rows(5, 0, 27))
    assert torch.equal(model.encode(digits[:3], holed), expected)


@torch.no_grad()
def test_the_order_of_the_rows_matters(model: Any, digits: Tensor) -> None:
    assert (model.encode(digits) - model.encode(digits.flip(2))).abs().amax(1).min() > 1e-3


def test_whole_digits_are_read_where_none_is_cut(digits: Tensor) -> None:
    model = make("recurrent", cut=0.0)
    expected = squared_error(digits, model.decode(model.encode(digits)))
    assert loss_of(model, digits).terms["reconstruction"].item() == pytest.approx(expected)


@pytest.mark.parametrize("cut", [1.0, 0.5])
def test_a_cut_digit_is_compared_whole_and_read_to_where_it_was_cut(
    digits: Tensor, cut: float
) -> None:
    model = make("recurrent", cut=cut)
    given = []
    handle = model.to_code.register_forward_pre_hook(lambda _, x: given.append(x[0].detach()))
    loss = loss_of(model, digits)
    handle.remove()
    # The memory that the code was read from tells how many rows were read: one of 28 fits.
    memories = model.reader(digits[:, 0])[0].detach()
    distances = (memories - given[0][:, None]).abs().amax(2)
    assert (distances.amin(1) < 1e-6).all()
    read = 1 + distances.argmin(1)
    assert ((read == 28).sum() == 0) if cut == 1 else (15 < (read == 28).sum() < 49)
    assert len(read[read < 28].unique()) > 10
    x_hat = model.decode(model.encode(digits, first_rows(*read.tolist())))
    expected = squared_error(digits, x_hat)
    assert loss.terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)


def test_every_length_from_one_row_to_all_but_one_occurs(digits: Tensor) -> None:
    model = make("recurrent", cut=1.0)
    read = []
    model.to_code.register_forward_pre_hook(lambda _, x: read.append(x[0].detach()))
    many = digits.repeat(16, 1, 1, 1)
    loss_of(model, many)
    distances = (model.reader(many[:, 0])[0].detach() - read[0][:, None]).abs().amax(2)
    assert (distances.argmin(1) + 1).unique().tolist() == list(range(1, 28))
