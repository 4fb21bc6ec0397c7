"""The page of holes without a browser: two maps, one image on both, what share of each is empty."""

from __future__ import annotations

import base64
import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import KDTree

from aeviz.analysis import pca
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import components, opened

MNIST = datasets.load()


def coded(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the training and of the test images."""
    if name == "pca":
        linear = pca.pca(MNIST, 2)
        return linear.encode(MNIST.train_images), linear.encode(MNIST.test_images)
    model = checkpoint.load(checkpoint.FOLDER / name)
    return apply.encode(model, MNIST.train_images), apply.encode(model, MNIST.test_images)


def test_each_map_has_its_share_of_straight_paths_across_a_hole_and_pca_stands_beside() -> None:
    app = opened("holes")
    (table,) = [m.value for m in app.markdown if "straight paths" in m.value]
    head, _, area, paths = table.splitlines()
    titles = re.findall(r"\*\*(.+?)\*\*", head)
    assert titles == ["Vanilla, 2 dimensions", "Variational, 2 dimensions", "PCA, 2 components"]
    said = re.findall(r"([\d.]+) ± ([\d.]+) %", paths)
    assert len(said) == len(re.findall(r"[\d.]+ ± [\d.]+ %", area)) == 3
    (unit,) = [c.value for c in app.caption if c.value.startswith("Far:")]
    for name, (share, error) in zip(("vanilla-2d", "variational-2d", "pca"), said, strict=True):
        training, codes = coded(name)
        outwards = np.linalg.norm(codes - codes.mean(0), axis=1)
        middle = codes[outwards <= np.quantile(outwards, 0.99)].astype(float)
        known = KDTree(training)
        far = 3 * np.quantile(known.query(codes)[0], 0.9)
        draw = np.random.default_rng(3)
        a, b = middle[draw.integers(len(middle), size=(2, 1500))]
        t = np.linspace(0, 1, 400)[:, None]
        crossed = [known.query(x + t * (y - x))[0].max() > far for x, y in zip(a, b, strict=True)]
        spread = 100 * np.std(crossed) / np.sqrt(1500)
        expected = pytest.approx(100 * np.mean(crossed), abs=3 * np.hypot(float(error), spread))
        assert float(share) == expected
        assert f"{far:.3g} (" in unit


def test_the_image_that_is_chosen_is_on_both_maps_in_the_address_and_decoded_by_both() -> None:
    app = opened("holes", left="pca", right="linear-2d")
    at_first = components(app, "two_maps")[0]["index"]
    assert "holes-image" not in app.query_params
    app.session_state["holes"] = SimpleNamespace(image={"index": 42, "at": 7})
    app.run()
    assert not app.exception
    assert app.query_params["holes-image"] == "42"
    (data,) = components(app, "two_maps")
    assert at_first != 42
    assert (data["index"], data["at"]) == (42, 7)
    assert [side["title"] for side in data["sides"]] == [
        "PCA, 2 components",
        "Linear, 2 dimensions",
    ]
    image = MNIST.test_images[42:43]
    linear = pca.pca(MNIST, 2)
    by_pca = np.clip(linear.decode(linear.encode(image)), 0, 1)[0]
    by_model = apply.reconstruct(checkpoint.load(checkpoint.FOLDER / "linear-2d"), image)[0]
    for told, expected in zip(data["exact"], (by_pca, by_model), strict=True):
        levels = np.frombuffer(base64.b64decode(told["image"]), np.uint8).reshape(28, 28)
        np.testing.assert_allclose(levels, 255 * expected, atol=1)
        mse = np.mean((expected - image[0] / 255) ** 2)
        assert f"MSE {mse:.4f}" in told["text"]
    app.session_state["holes"] = SimpleNamespace(image=None)


def test_only_models_of_two_dimensions_and_pca_can_be_chosen() -> None:
    app = opened("holes", left="vanilla-32d", model="vanilla-32d")
    left, right = app.selectbox(key="left"), app.selectbox(key="right")
    assert (left.value, right.value) == ("vanilla-2d", "variational-2d")
    assert "PCA, 2 components" in left.options
    for title in ("Variational, beta 0.01", "Variational, beta 30", "Variational, seed 4"):
        assert title in left.options
    assert not any("32" in option for option in left.options)


def test_beta_lies_beside_beta() -> None:
    name = "families/variational-2d-beta{}-seed0"
    app = opened("holes", left=name.format("0.01"), right=name.format("30"))
    (data,) = components(app, "two_maps")
    titles = [side["title"] for side in data["sides"]]
    assert titles == ["Variational, beta 0.01", "Variational, beta 30"]
