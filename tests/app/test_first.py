"""The map that is kept for a first visitor, against one that is computed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeviz.analysis import classifier
from aeviz.app import first, library
from aeviz.data import datasets
from benchmarks import first as benchmark

MNIST = datasets.load("mnist")


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)


def test_what_is_kept_is_what_the_app_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = first.read()
    assert kept is not None
    monkeypatch.setattr(first, "read", lambda: None)  # else it would be compared with itself
    monkeypatch.setattr(benchmark.pixels, "webp", benchmark.pixels.png)  # which takes a minute
    computed = benchmark.drawn()
    assert kept.model == computed.model == library.home()
    for name in ("plane", "code", "axis_titles", "equal"):
        assert getattr(kept, name) == getattr(computed, name)
    np.testing.assert_allclose(kept.points, computed.points, atol=1e-4)
    np.testing.assert_array_equal(kept.labels, MNIST.test_labels)
    np.testing.assert_allclose(kept.window, computed.window, atol=1e-4)
    assert kept.far == pytest.approx(computed.far, rel=1e-3)
    assert kept.atlas.size == computed.atlas.size
    assert np.abs(pixels(kept.atlas.content) - pixels(computed.atlas.content)).max() <= 1
    assert kept.error.value == pytest.approx(computed.error.value, rel=0.01)
    assert kept.exact.place == pytest.approx(computed.exact.place, abs=1e-4)
    np.testing.assert_allclose(kept.exact.digit, computed.exact.digit, atol=1e-3)
    assert [index for index, _ in kept.exact.nearest] == [i for i, _ in computed.exact.nearest]
    assert not computed.exact.far
    assert kept.exact.measure == computed.exact.measure
    assert kept.input.text == computed.input.text
    assert kept.opening == computed.opening
    assert kept.input.place == pytest.approx(computed.input.place, abs=1e-4)
    for name in ("image", "reconstruction", "ellipse"):
        np.testing.assert_allclose(
            getattr(kept.input, name), getattr(computed.input, name), atol=1e-3
        )


def test_the_kept_sheet_has_every_pixel_of_the_test_images() -> None:
    kept = first.read()
    assert kept is not None
    images = pixels(kept.sheet).reshape(100, 28, 100, 28).swapaxes(1, 2).reshape(-1, 28, 28)
    np.testing.assert_array_equal(images, MNIST.test_images)


def test_a_map_is_written_and_read_and_holds_for_its_own_checkpoint_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = first.read()
    assert kept is not None
    monkeypatch.setattr(first, "FILE", tmp_path / "first.npz")
    fresh = first.read.__wrapped__
    assert fresh() is None  # nothing is kept there
    moved = replace(kept, points=kept.points + 1, far=0.5)
    first.write(moved, first.FILE)
    again = fresh()
    assert again is not None
    np.testing.assert_array_equal(again.points, moved.points)
    assert (again.far, again.window, again.sheet) == (0.5, kept.window, kept.sheet)
    monkeypatch.setattr(first, "CHECKPOINTS", tmp_path)
    (tmp_path / f"{kept.model}.safetensors").write_bytes(b"another one")
    assert fresh() is None


def test_the_kept_map_is_given_for_its_model_its_data_and_its_plane_alone() -> None:
    kept = first.read()
    assert kept is not None
    assert first.of(kept.model, "mnist", kept.plane) is kept
    assert first.of("vanilla-2d", "mnist", kept.plane) is None
    assert first.of(kept.model, "fashion", kept.plane) is None
    assert first.of(kept.model, "mnist", "another") is None


def test_the_first_example_is_reconstructed_as_what_it_is() -> None:
    kept = first.read()
    assert kept is not None
    label = MNIST.test_labels[kept.opening]
    both = np.stack([kept.input.image, kept.input.reconstruction])  # type: ignore[list-item]
    assert (classifier.log_probabilities(both).argmax(1) == label).all()
    np.testing.assert_allclose(both[0], datasets.to_float(MNIST.test_images[kept.opening]))
