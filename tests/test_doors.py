"""What notebooks and other programs may rely on: `import aeviz`."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import aeviz
from aeviz.models import checkpoint

ROOT = Path(__file__).parent.parent


def test_the_import_is_light_and_each_door_is_there() -> None:
    program = (
        "import sys, time; t = time.perf_counter(); import aeviz; t = time.perf_counter() - t;"
        "heavy = {'torch', 'numpy', 'streamlit'} & set(sys.modules);"
        "print(t < 0.1, heavy, [getattr(aeviz, n) is not None for n in aeviz.__all__])"
    )
    command = [sys.executable, "-c", program]
    said = subprocess.check_output(command, cwd=ROOT, encoding="utf-8")
    assert said.strip() == f"True set() {[True] * 9}"


def test_the_example_of_the_docstring_runs() -> None:
    found = doctest.testmod(aeviz)
    assert found.attempted >= 5
    assert found.failed == 0


def test_a_name_that_is_no_door_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'aeviz' has no attribute 'nothing'"):
        aeviz.nothing  # noqa: B018  # type: ignore[attr-defined]


def test_a_pretrained_model_is_loaded_by_its_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = aeviz.load_model("vanilla-2d")
    assert model.variant == "vanilla"
    with pytest.raises(checkpoint.CheckpointError, match="no checkpoint nothing"):
        aeviz.load_model("nothing")
    aeviz.save_model(model, tmp_path / "vanilla-2d", card=model.card.model_copy(update={"seed": 9}))
    assert aeviz.load_model("vanilla-2d").card.seed == 9  # a file that is there comes first


def test_a_image_becomes_a_digit() -> None:
    digit = aeviz.to_mnist(ROOT / "tests" / "cases" / "printed-six-bold-tight-2.png")
    assert digit.shape == (28, 28)
    assert digit.dtype == np.float32
