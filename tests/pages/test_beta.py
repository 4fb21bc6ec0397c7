"""The page of beta without a browser: what the slider is given, and what stands in the address."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import families
from aeviz.app import library
from aeviz.app.components.family import packed
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import components, opened


def given(app: AppTest) -> dict[str, Any]:
    """What the page sends to its slider."""
    (data,) = components(app, "family")
    return data


def codes_of(name: str) -> np.ndarray:
    return apply.encode(checkpoint.load(checkpoint.FOLDER / name), datasets.load().test_images)


def test_beta_has_six_stops_on_a_logarithmic_scale_with_their_figures() -> None:
    app = opened("beta")
    data = given(app)
    betas, stops = (0.01, 0.1, 1, 4, 10, 30), data["stops"]
    assert [stop["name"] for stop in stops] == [f"beta {beta:g}" for beta in betas]
    along = [np.log(beta / 0.01) / np.log(3000) for beta in betas]
    assert [stop["along"] for stop in stops] == pytest.approx(along)
    assert data["stop"]["value"] == 2  # beta 1
    for stop, beta in zip(stops, betas, strict=True):
        model = checkpoint.load(checkpoint.FOLDER / library.family("beta")[beta])
        mse = f"{model.card.figures['mse']:.4f} ± {model.card.errors['mse']:.4f}"
        ((value, reference),) = stop["figures"]
        assert value == mse
        assert f"{model.card.figures['pca_mse_clipped']:.4f}" in reference
        turn = np.array(stop["place"][:4]).reshape(2, 2)  # an axis may be another one, or mirrored
        np.testing.assert_array_equal(np.sort(np.abs(turn), 0), [[0, 0], [1, 1]])
        mu, sigma = apply.posterior(model, datasets.load().test_images) or (None, None)
        assert mu is not None
        assert sigma is not None
        kl = (0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma)).mean(0) @ np.abs(turn)
        assert stop["kl"] == pytest.approx(kl.tolist(), rel=1e-3, abs=1e-5)
        far = np.median(np.hypot(*mu.T))
        assert f"half of the codes lie within {far:.2g}" in stop["said"]
        assert 2 < stop["half"] >= np.quantile(np.abs(mu).max(1), 0.99)
    assert stops[-1]["klSaid"] == ["under 0.01 nats"] * 2
    text = next(m.value for m in app.markdown if m.value.startswith("From beta"))
    cards = [library.model(name).card for name in library.family("beta").values()]
    assert f"rises from {cards[0].figures['mse']:.4f}" in text
    assert f"to {cards[-1].figures['mse']:.4f}" in text
    assert text.endswith("At beta 30 z1 and z2 have collapsed.")


def test_the_address_keeps_the_family_the_stop_and_the_image() -> None:
    app = opened("beta", beta_stop="10", followed="18")
    data = given(app)
    assert (data["stop"]["value"], data["chosen"]["index"]) == (4, 18)
    assert (app.query_params["beta_stop"], app.query_params["followed"]) == ("10", "18")
    image = datasets.load().test_images[18:19]
    assert base64.b64decode(data["chosen"]["image"]) == image.tobytes()
    made = np.frombuffer(base64.b64decode(data["chosen"]["made"]), np.uint8).reshape(6, 28, 28)
    for k, name in enumerate(library.family("beta").values()):
        theirs = apply.reconstruct(checkpoint.load(checkpoint.FOLDER / name), image)[0]
        assert np.abs(made[k] - 255 * theirs).max() <= 0.51
    app.segmented_control(key="family").set_value("seed").run()
    assert not app.exception
    assert app.query_params["family"] == "seed"
    assert "beta_stop" not in app.query_params
    assert (given(app)["stop"]["value"], given(app)["chosen"]["index"]) == (0, 18)


def test_a_stop_that_there_is_not_is_that_of_beta_1() -> None:
    assert given(opened("beta", beta_stop="5"))["stop"]["value"] == 2


def test_seeds_are_shown_as_they_are_until_they_are_aligned() -> None:
    app = opened("beta", family="seed", seed_stop="3")
    data = given(app)
    assert [stop["name"] for stop in data["stops"]] == [f"seed {k}" for k in range(5)]
    assert data["stop"]["value"] == 3
    assert all(stop["place"] == [1, 0, 0, 1, 0, 0] for stop in data["stops"])
    assert len({stop["half"] for stop in data["stops"]}) == 1
    names = library.family("seed")
    first, third = (codes_of(names[seed]) for seed in (0, 3))
    shared, left = (figure[0] for figure in data["stops"][3]["figures"][1:])
    found = families.shared_neighbours(first, third)
    assert shared.startswith(f"{100 * found.value:.1f}")
    assert left.startswith(f"{100 * families.left_over(third, first).value:.1f}")
    assert data["stops"][0]["figures"][1][0] == "-"
    text = next(m.value for m in app.markdown if "**Not alike:**" in m.value)
    squared = np.array([library.model(name).card.figures["mse"] for name in names.values()])
    spread = np.sqrt(np.square(squared - squared.mean()).sum() / 4)
    assert f"{squared.mean():.5f} on average" in text
    assert f"standard deviation of {spread:.5f} between seeds" in text
    (low, high) = re.findall(r"(\d+)% to (\d+)% of the spread", text)[0]
    assert 0 < int(low) <= float(left.split(" ")[0]) + 0.5 <= int(high) + 1 < 100
    app.toggle(key="family_align").set_value(True).run()
    assert not app.exception
    place = np.array(given(app)["stops"][3]["place"])
    np.testing.assert_allclose(
        third @ place[:4].reshape(2, 2) + place[4:],
        families.procrustes(third, first)(third),
        atol=1e-4,
    )
    assert app.query_params["family_align"] == "true"


def test_a_family_is_packed_as_the_browser_reads_it() -> None:
    rng = np.random.default_rng(0)
    codes, homes = rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 3, 2))
    images = rng.integers(0, 256, (4, 2, 2)).astype(np.uint8)
    made, drawn = rng.random((2, 4, 2, 2)), rng.random((2, 6, 2, 2))
    file = packed(codes, homes, np.arange(5), images, made, drawn)
    floats = np.frombuffer(file, "<f4", 20 + 12)
    np.testing.assert_allclose(floats, [*codes.ravel(), *homes.ravel()], rtol=1e-6)
    rest = np.frombuffer(file, np.uint8, offset=4 * 32)
    assert rest[:5].tolist() == [0, 1, 2, 3, 4]
    assert rest[5:21].tolist() == images.ravel().tolist()
    grey = np.round(255 * np.concatenate([made.ravel(), drawn.ravel()]))
    assert rest[21:].tolist() == grey.tolist()
