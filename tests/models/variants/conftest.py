"""Real digits for tests of formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aeviz.data import datasets


@pytest.fixture(scope="session")
def digits() -> Tensor:
    """64 test digits, (64, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(datasets.load().test_images[:64] / 255).float()[:, None]
