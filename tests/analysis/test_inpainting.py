"""Hidden parts filled in, beside arithmetic of the test's own."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from aeviz.analysis import inpainting
from aeviz.app.components.patches import middle, packed, unpacked, visible_pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.zoo import MODELS

CARDS = checkpoint.pretrained()
ROW = inpainting.side_by_side(CARDS)
BELOW = np.arange(28)[:, None].repeat(28, 1) < 14
MNIST = datasets.load()


@cache
def pretrained(name: str):
    return checkpoint.load(checkpoint.FOLDER / name)


def nats(image: np.ndarray, drawn: np.ndarray, visible: np.ndarray) -> float:
    """Cross-entropy of the visible pixels, in float64."""
    x, p = (part[visible].astype(np.float64) for part in (image, drawn))
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum()


def test_of_each_kind_the_widest_is_compared() -> None:
    masked, recurrent, denoising, variational = (pretrained(name) for name in ROW)
    assert masked.uses_visible
    assert not masked.reads_rows
    assert recurrent.reads_rows
    assert denoising.config.corruption == "masking"
    assert variational.posterior is not None
    assert variational.gaussian_prior
    assert [inpainting.way(pretrained(name)) for name in ROW] == ["told", "told", "gibbs", "search"]
    for name in ROW:
        found = CARDS[name]
        widths = [
            c.latent_dim
            for c in CARDS.values()
            if c.variant == found.variant and c.config.corruption == found.config.corruption
        ]
        assert found.latent_dim == max(widths)


@pytest.mark.parametrize("name", [*ROW, "vanilla-2d"])
def test_what_is_hidden_is_never_looked_at_and_what_is_visible_stays(name: str) -> None:
    model, x = pretrained(name), datasets.to_float(MNIST.train_images[7])
    visible = visible_pixels(middle(6.5, 28), 28)
    codes = apply.encode(model, MNIST.train_images[100:120]) if name == "vanilla-2d" else None
    one = inpainting.fill(model, x, visible, codes)
    other = inpainting.fill(model, np.where(visible, x, 1 - x), visible, codes)
    assert np.array_equal(one.drawn, other.drawn)
    assert np.array_equal(one.image[visible], x[visible])
    assert np.array_equal(one.image[~visible], one.drawn[~visible])
    assert np.allclose(one.drawn, apply.decode(model, one.code[None])[0], atol=1e-5)


@pytest.mark.parametrize("name", ["variational-2d", "vanilla-2d"])
def test_the_loss_of_a_search_is_the_likelihood_and_the_prior_where_there_is_one(name: str) -> None:
    model, x = pretrained(name), datasets.to_float(MNIST.train_images[3])
    codes = apply.encode(model, MNIST.train_images[100:150])
    found = inpainting.search(model, x, BELOW, codes=codes, steps=30)
    prior = 0.5 * np.square(found.code).sum() if model.gaussian_prior else 0.0
    drawn = apply.decode(model, found.code[None])[0]
    assert found.losses[-1] == pytest.approx(nats(x, drawn, BELOW) + prior, rel=1e-4)
    assert prior > 0.1 or not model.gaussian_prior
    assert len(found.losses) == 31
    assert found.losses[-1] < found.losses[0]
    # with no step and all starts, the answer is the best of these
    black = apply.encode(model, (x * BELOW)[None])
    least = min(
        nats(x, drawn, BELOW) + (0.5 * np.square(z).sum() if model.gaussian_prior else 0)
        for z, drawn in (
            (z, apply.decode(model, z[None])[0]) for z in np.concatenate([black, codes])
        )
    )
    start = inpainting.search(model, x, BELOW, codes=codes, steps=0)
    assert start.losses == pytest.approx([least], rel=1e-4)


def test_a_search_finds_the_code_of_a_image_that_the_model_drew() -> None:
    model = pretrained("variational-2d")
    for code in np.random.default_rng(1).standard_normal((4, 2), np.float32):
        x = apply.decode(model, code[None])[0]
        found = inpainting.search(model, x, BELOW)
        black = np.square(x)[~BELOW].mean()
        assert np.square(found.image - x)[~BELOW].mean() < 0.02 * black


def test_a_search_tries_every_label_where_a_model_takes_one() -> None:
    name = next(name for name, card in CARDS.items() if MODELS[card.variant].uses_labels)
    model = pretrained(name)
    code = np.random.default_rng(0).standard_normal((1, model.code_dim), np.float32)
    for label in (0, 4, 7):
        x = apply.decode(model, code, np.array([label]))[0]
        assert inpainting.search(model, x, BELOW).label == label


def test_where_codes_are_snapped_there_is_no_search_but_turns() -> None:
    smooth = {
        name: inpainting.has_gradient(optim.build(MODELS[name], MODELS[name].Config(), 0))
        for name in MODELS
    }
    assert [name for name, has in smooth.items() if not has] == ["vector_quantised"]
    model, x = pretrained("vector_quantised-8d"), datasets.to_float(MNIST.train_images[0])
    assert inpainting.way(model) == "gibbs"
    with pytest.raises(ValueError, match="no gradient"):
        inpainting.search(model, x, BELOW)


def test_turns_put_the_visible_pixels_back_each_time() -> None:
    model, x = pretrained(ROW[2]), datasets.to_float(MNIST.train_images[5])
    once = apply.reconstruct(model, (x * BELOW)[None])[0]
    assert np.array_equal(inpainting.gibbs(model, x, BELOW, 1).drawn, once)
    twice = apply.reconstruct(model, np.where(BELOW, x, once)[None])[0]
    found = inpainting.gibbs(model, x, BELOW, 2)
    assert np.array_equal(found.drawn, twice)
    assert np.array_equal(found.image[BELOW], x[BELOW])
    assert not len(found.losses)


def test_all_fill_better_than_black_does() -> None:
    images = datasets.to_float(MNIST.train_images[-60:])
    black = np.square(images)[:, ~BELOW].mean()
    for name in ROW:
        filled = np.stack([inpainting.fill(pretrained(name), x, BELOW).image for x in images])
        assert np.square(filled - images)[:, ~BELOW].mean() < 0.8 * black, name


def test_rows_are_read_until_the_first_hidden_pixel() -> None:
    assert inpainting.rows_read(BELOW) == 14
    assert inpainting.rows_read(np.ones((28, 28), bool)) == 28
    hole = visible_pixels("0" * 783 + "1", 28)
    assert inpainting.rows_read(hole) == 27
    assert inpainting.rows_read(~hole) == 0


def test_what_is_painted_goes_into_an_address_and_comes_back() -> None:
    hidden = middle(6.5, 28)
    y, x = np.mgrid[:28, :28]
    disc = (y - 13.5) ** 2 + (x - 13.5) ** 2 <= 6.5**2
    assert np.array_equal(~visible_pixels(hidden, 28), disc)
    for text in (hidden, "0" * 784, "1" * 784, "0" * 783 + "1"):
        assert len(packed(text)) == 196
        assert unpacked(packed(text), 784) == text
    for wrong in ("", "0" * 195, "g" * 196, "0" * 195 + "\n"):
        assert unpacked(wrong, 784) is None
