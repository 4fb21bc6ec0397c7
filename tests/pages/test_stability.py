"""The stability page without a browser: every change, and how far the code moves."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from aeviz.analysis import compare, pca
from aeviz.analysis.estimate import Estimate
from aeviz.app import library
from aeviz.app.subject import Subject
from aeviz.charts import pixels, theme
from aeviz.data import datasets, perturb
from aeviz.models import apply, checkpoint
from tests.pages.opening import opened

MNIST = datasets.load()
VAE, OTHER = "variational-2d", "vanilla-32d"


open_page = partial(opened, "stability")


def gallery(app: AppTest) -> dict[str, tuple[str, float]]:
    """Image and movement by name."""
    body = next(e.proto.body for e in app.get("html") if "aeviz-gallery" in e.proto.body)
    found = re.findall(
        r'src="([^"]+)" alt="([^"]+)"[^>]*><figcaption>[^<]*<br>moved ([\d.]+)<', body
    )
    return {name: (uri, float(moved)) for uri, name, moved in found}


def grey(uri: str) -> np.ndarray:
    """The grey levels of a data: URI."""
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as file:
        return np.asarray(file, np.float32)


def test_every_change_moves_each_code_by_what_is_shown() -> None:
    app = open_page(moved=f"{VAE},{OTHER}")
    image = MNIST.test_images[0] / np.float32(255)
    for change, kind in perturb.KINDS.items():
        app.segmented_control(key="change").set_value(change).run()
        strength = kind.low + 3 * kind.step
        app.slider(key=f"moved_{change}").set_value(strength).run()
        assert not app.exception
        changed = kind.apply(image, strength).astype(np.float32)
        found = gallery(app)
        assert found["changed"][0] == pixels.data_uri(changed)
        for name in (VAE, OTHER):
            model = checkpoint.load(checkpoint.FOLDER / name)
            codes = apply.encode(model, MNIST.test_images)
            here, there = apply.encode(model, np.stack([image, changed]))
            expected = np.linalg.norm(there - here) / compare.typical_distance(codes).value
            uri, moved = found[library.title(name)]
            assert moved == pytest.approx(expected, abs=0.006)
            # Encoded 25 at once or alone: a grey level may differ in the last bit.
            copy = 255 * apply.decode(model, there[None])[0]
            np.testing.assert_allclose(grey(uri), copy, atol=1.01)
        strip = next(e.proto.body for e in app.get("html") if "aeviz-rows" in e.proto.body)
        assert strip.count(f'alt="{kind.label}, ') == 7
        assert pixels.data_uri(image) in strip

    # The map has no legend of its own; below it each class has its colour.
    key = next(e.proto.body for e in app.get("html") if "aeviz-classes" in e.proto.body)
    found_key = re.findall(r"background:(#\w+)\"></i>([^<]+)<", key)
    assert found_key == list(zip(theme.DIGITS, MNIST.classes, strict=True))

    # What the neighbours say, before and now, in each space.
    table = app.table[0].value
    assert table["space"].tolist() == [
        library.title(VAE),
        library.title(OTHER),
        "PCA, 2 components",
        "Raw pixels",
    ]
    codes = apply.encode(checkpoint.load(checkpoint.FOLDER / OTHER), MNIST.test_images)
    near = np.linalg.norm(codes - codes[0], axis=1).argsort()[1:6]
    counts = np.bincount(MNIST.test_labels[near])
    assert table["original"].tolist()[1] == f"{counts.argmax()} ({counts.max()} of 5)"

    # The curves: one for each space, nothing moves where nothing is changed.
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in spec["data"]] == table["space"].tolist()

    # Where nothing is changed nothing has moved, and no vote has turned.
    app.slider(key="moved_noise").set_value(0.0).run()
    assert {moved for _, moved in gallery(app).values()} == {0.0}
    assert any("the same as before" in m.value for m in app.markdown)


def test_a_model_that_takes_labels_and_a_wide_code_have_their_place_on_a_map() -> None:
    app = open_page(moved="conditional-2d,variational-3d", change="rotate", moved_rotate="180")
    assert app.slider(key="moved_rotate").value == 180
    assert any("take the class" in c.value for c in app.caption)
    assert len(app.get("plotly_chart")) == 2
    app.multiselect(key="moved").set_value(["variational-3d"]).run()
    assert not app.exception
    titles = json.loads(app.get("plotly_chart")[1].proto.spec)["layout"]["xaxis"]["title"]
    assert "principal axis" in titles["text"]
    app.number_input(key="moved_picture").set_value(3).run()
    assert not app.exception
    assert gallery(app)["changed"][0] == pixels.data_uri(
        perturb.rotate(MNIST.test_images[3] / np.float32(255), 180)
    )


def test_the_means_are_over_many_images_with_the_same_ruler_for_all() -> None:
    app = open_page(moved="denoising-32d,contractive-32d", change="noise", moved_noise="0.3")
    said = next(m.value for m in app.markdown if "On average" in m.value)
    images = MNIST.test_images[:500] / np.float32(255)
    noisy = perturb.noise(images, 0.3)
    linear = pca.pca(MNIST, 32)
    spaces: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        library.title(name): partial(apply.encode, checkpoint.load(checkpoint.FOLDER / name))
        for name in ("denoising-32d", "contractive-32d")
    }
    spaces["PCA, 32 components"] = linear.encode
    spaces["Raw pixels"] = lambda x: datasets.to_float(x).reshape(len(x), -1)
    draw = np.random.default_rng(5).permutation(10_000)
    means = {}
    for title, encode in spaces.items():
        codes = encode(MNIST.test_images)
        unit = np.median(np.linalg.norm(codes - codes[draw], axis=1))
        means[title] = np.linalg.norm(encode(noisy) - codes[:500], axis=1).mean() / unit
    found = {
        title: (float(value), float(error))
        for title, value, error in re.findall(r"(?:: |; )([^;:]+?) ([\d.]+) ± (\d\.\d+)", said)
    }
    assert list(found) == sorted(means, key=means.__getitem__)
    for title, (value, error) in found.items():
        assert abs(value - means[title]) < 0.03 * value, title
        assert 0 < error < 0.05 * value
    # Why the first answer to "codes that pixel noise hardly moves" is a denoising autoencoder.
    assert next(iter(found)) == library.title("denoising-32d")
    assert f"**{library.title('denoising-32d')}** moves least" in said


@pytest.mark.parametrize("third", [0.305, 0.4])
def test_those_that_move_alike_are_named(third: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which stay within the error of what moves least: two of three, or all three."""
    names = ("vanilla-32d", "denoising-32d", "contractive-32d")
    values = dict(zip(map(library.title, names), (0.3, 0.302, third), strict=True))
    monkeypatch.setattr(
        Subject, "moves", lambda self, *change: Estimate(values.get(self.title, 0.9), 0.01)
    )
    app = open_page(moved=",".join(names), change="noise", moved_noise="0.3")
    said = next(m.value for m in app.markdown if "On average" in m.value)
    first, second, last = (f"**{title}**" for title in values)
    alike = f"{first}, {second} and {last}" if third < 0.31 else f"{first} and {second}"
    assert f"test images {alike} move least, all alike: " in said
