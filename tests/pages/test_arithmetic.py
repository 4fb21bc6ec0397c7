"""The page of arithmetic without a browser: a sum, what it is beside chance, and a hand."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import classifier
from aeviz.app.pictures import strokes
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder
from tests.pages.opening import opened

MNIST = datasets.load()


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def known(name: str) -> tuple[Autoencoder, np.ndarray, np.ndarray]:
    """A model, the codes of the test images, and the mean of each class."""
    model = checkpoint.load(checkpoint.FOLDER / name)
    codes = apply.encode(model, MNIST.test_images, MNIST.test_labels)
    return model, codes, np.stack([codes[MNIST.test_labels == c].mean(0) for c in range(10)])


def test_the_sum_is_decoded_read_and_its_nearest_images_are_those_of_all_codes() -> None:
    app = opened("arithmetic", model="vanilla-32d", sum_2="-9", sum_4="1")
    model, codes, means = known("vanilla-32d")
    code = (means[3] - means[9] + means[8] + means[1]).astype(np.float32)
    image = apply.decode(model, code[None])[0]
    shown = html(app)
    assert pixels.data_uri(image) in shown
    digit = int(classifier.log_probabilities(image[None]).argmax())
    assert re.search(rf"= 3 − 9 \+ 8 \+ 1<br>read as {digit}, ", shown)
    nearest = np.linalg.norm(codes - code, axis=1).argsort()[:5]
    for index in nearest:
        assert f'alt="test image {index}"' in shown
    assert any("do not add up to one" in caption.value for caption in app.caption)
    app.selectbox(key="sum_4").set_value("none").run()
    assert not any("do not add up to one" in caption.value for caption in app.caption)
    assert app.query_params["sum_2"] == "-9"
    assert "sum_4" not in app.query_params


def test_sums_stand_beside_codes_and_draws_of_the_same_spread() -> None:
    app = opened("arithmetic", model="vanilla-32d")
    (table,) = [m.value for m in app.markdown if "all sums" in m.value]
    cells = [line.split("|")[1:-1] for line in table.splitlines()[2:]]
    shares = [float(row[1].split("±")[0]) / 100 for row in cells]
    model, codes, means = known("vanilla-32d")
    every = np.array(
        [
            means[a] - means[b] + means[c]
            for a in range(10)
            for b in range(10)
            for c in range(10)
            if len({a, b, c}) == 3
        ]
    )

    def read(codes: np.ndarray) -> float:
        return (
            np.exp(classifier.log_probabilities(apply.decode(model, codes)).max(1)) > 0.9
        ).mean()

    assert shares[0] == pytest.approx(read(every), abs=0.001)
    assert shares[1] == pytest.approx(read(codes), abs=0.03)
    draws = np.random.default_rng(1).multivariate_normal(codes.mean(0), np.cov(codes.T), 2000)
    assert shares[2] == pytest.approx(read(draws), abs=0.06)
    assert shares[1] > shares[0] > shares[2]


def test_the_map_has_an_arrow_from_each_end_to_the_next() -> None:
    app = opened("arithmetic", model="variational-2d")
    _, _, means = known("variational-2d")
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    arrows = [note for note in chart["layout"]["annotations"] if note["text"] == ""]
    ends = [means[3], means[3] - means[5], means[3] - means[5] + means[8]]
    found = [(a["ax"], a["ay"], a["x"], a["y"]) for a in arrows]
    np.testing.assert_allclose(found, [(*a, *b) for a, b in pairwise(ends)], atol=1e-4)
    assert chart["layout"]["yaxis"]["scaleanchor"] == "x"


def test_a_test_image_is_written_as_every_digit_in_its_hand() -> None:
    app = opened("arithmetic", model="conditional-2d", style="4")
    assert any("There is nothing to add up" in info.value for info in app.info)
    model = checkpoint.load(checkpoint.FOLDER / "conditional-2d")
    image, label = MNIST.test_images[4:5], MNIST.test_labels[4:5]
    code = apply.encode(model, image, label)
    written = apply.decode(model, code.repeat(10, 0), np.arange(10))
    shown = html(app)
    digits = classifier.log_probabilities(written).argmax(1)
    for label, one in enumerate(written):
        assert pixels.data_uri(one) in shown
        assert f"as {label}<br>read as {digits[label]}, " in shown
    (share,) = [c.value for c in app.caption if "what was asked for" in c.value]
    assert re.search(r"reads [\d.]+ ± [\d.]+ % of the results", share)


def test_without_labels_the_hand_is_that_of_a_pretrained_conditional_model() -> None:
    app = opened("arithmetic", model="linear-2d")
    assert any("*Conditional variational, 16 dimensions*" in m.value for m in app.markdown)


def test_a_drawing_is_a_digit_as_the_model_reads_it_until_a_person_says_which() -> None:
    seven = np.array([[70, 70], [200, 70], [120, 230]], float)  # strokes of a pen on the pad
    path = [["M", *seven[0]], *(["L", *point] for point in seven[1:])]
    app = opened(
        "arithmetic",
        model="conditional-16d",
        style_from="draw",
        style_drawn=strokes.pack([{"path": path}]),
    )
    (choice,) = [box for box in app.selectbox if box.label == "It is a"]
    assert choice.options[0] == "7, as the model reads it"
    before = html(app)
    assert "your image,<br>a 7" in before
    choice.set_value("2").run()
    assert not app.exception
    after = html(app)
    assert "your image,<br>a 2" in after
    # Encoded as another class it has another code, and its hand looks otherwise.
    written = [re.findall(r'src="([^"]+)" alt="decoded as \d"', text) for text in (before, after)]
    assert len(written[0]) == len(written[1]) == 10
    assert not set(written[0]) & set(written[1])
