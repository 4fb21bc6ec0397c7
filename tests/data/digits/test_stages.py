"""The whole way: its stages, what can be set by hand, pictures from strangers."""

import contextlib
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from aeviz.data.digits import (
    ImageError,
    stages,
    to_mnist,
)
from benchmarks import strangers
from tests.data.digits.sheets import (
    LABELS,
    X,
    encoded,
    likeness,
    paper,
)


def test_likeness_tells_digits_apart():
    alike = [
        likeness(a / 255, b)
        for a, label in zip(X[:40], LABELS[:40], strict=True)
        for b, other in zip(X[:40], LABELS[:40], strict=True)
        if label < other
    ]
    assert max(alike) < 0.8  # other digits; one hand's ones may well be alike


def test_the_strip_shows_every_stage_and_ends_with_the_result():
    found = stages(paper().convert("RGB"))
    names = ["as uploaded", "grey", "inverted", "cropped", "28 by 28"]
    assert [name for name, _ in found.strip] == names
    assert found.uploaded.shape == (280, 280, 3)
    assert found.uploaded.dtype == np.uint8
    np.testing.assert_allclose(found.grey, np.asarray(paper()) / 255, atol=0.01)
    np.testing.assert_allclose(found.ink, 1 - found.grey, atol=0.01)  # white paper is even
    assert all(array.dtype == np.float32 for _, array in found.strip[1:])
    np.testing.assert_array_equal(found.result, to_mnist(paper().convert("RGB")))


def test_what_was_found_can_be_given_and_gives_the_same():
    for picture, dark in ((paper(), True), (Image.fromarray(255 - np.asarray(paper())), False)):
        found = stages(picture)
        assert found.inverted is dark
        assert 0.1 < found.threshold < 0.9
        again = stages(picture, inverted=dark, threshold=found.threshold)
        np.testing.assert_array_equal(again.result, found.result)


def test_a_classifier_reads_what_strangers_photograph():
    random = np.random.default_rng(0)
    scenes = [replace(s, size=(800, 600)) for s in strangers.SCENES if s.hand != "mnist"]
    found = [to_mnist(strangers.photograph(scene, random)) for scene in scenes[:12]]
    guesses = strangers.read(np.stack(found))
    assert list(guesses) == [scene.label for scene in scenes[:12]]


def test_spoilt_files_give_a_picture_or_a_sentence():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = strangers.fuzz(60, 1)
    assert result.uncaught == 0
    assert result.read > 5
    assert result.refused > 5


def test_files_cut_off_anywhere_or_spoilt_never_end_in_another_error():
    rng = np.random.default_rng(0)
    accepted = 0
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
        content = encoded(paper(side=60), kind)
        for _ in range(60):
            spoilt = bytearray(content[: rng.integers(1, len(content) + 1)])
            for place in rng.integers(0, len(spoilt), 3):
                spoilt[place] = rng.integers(256)
            with warnings.catch_warnings(), contextlib.suppress(ImageError):
                warnings.simplefilter("ignore")  # of Pillow, about what it repairs
                to_mnist(bytes(spoilt))
                accepted += 1
    assert 0 < accepted < 300


@pytest.mark.parametrize("size", [(2, 2), (3, 1), (5, 5), (2000, 4)])
def test_tiny_and_odd_shapes_give_a_digit_or_a_sentence(size):
    pixels = np.zeros(size[::-1], np.uint8)
    pixels[size[1] // 2, size[0] // 2] = 255
    with contextlib.suppress(ImageError):
        assert to_mnist(Image.fromarray(pixels)).max() > 0.5
