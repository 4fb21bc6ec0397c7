"""What codes are compared with: files by Pillow, sizes for an error, what is kept."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from aeviz.analysis import baselines, uses
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.rate import Point
from aeviz.data import datasets
from aeviz.models import checkpoint

MNIST = datasets.load()
PRETRAINED = checkpoint.pretrained()


def test_files_have_the_sizes_and_errors_that_pillow_gives_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = dataclasses.replace(MNIST, test_images=MNIST.test_images[:400])
    monkeypatch.setattr(baselines, "QUALITIES", (10, 60))
    found = baselines.files(few)
    images = few.test_images
    for k, quality in enumerate((10, 60)):
        sizes, errors, headers, scans = [], [], set(), []
        for image in images:
            buffer, plain = io.BytesIO(), io.BytesIO()
            Image.fromarray(image).save(buffer, "JPEG", quality=quality, optimize=True)
            Image.fromarray(image).save(plain, "JPEG", quality=quality)
            sizes.append(len(buffer.getvalue()))
            copy = np.asarray(Image.open(buffer), np.float64)
            errors.append(np.square((copy - image) / 255).mean())
            scans.append(baselines.scan_length(plain.getvalue()))
            headers.add(plain.getvalue()[: -scans[-1] - 2])
        assert len(headers) == 1  # the same in every file, to the last byte
        jpeg, scan = found[baselines.JPEG][k], found[baselines.SCAN][k]
        assert jpeg.size.value == pytest.approx(np.mean(sizes))
        assert jpeg.size.error == pytest.approx(np.std(sizes, ddof=1) / 20)
        assert jpeg.mse.value == pytest.approx(np.mean(errors), rel=1e-5)
        assert jpeg.mse.error == pytest.approx(np.std(errors, ddof=1) / 20, rel=1e-5)
        assert scan.size.value == pytest.approx(np.mean(scans))
        assert (jpeg.decoder, scan.decoder) == (0, len(headers.pop()) + 2)
    png = baselines.encoded(images[0], "PNG", optimize=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), images[0])
    assert found[baselines.PNG][0].mse.value == 0
    assert found[baselines.PNG][0].size.value < 784


def point(
    size: float, mse: float, once: float = 0, seen: tuple[float, float] | None = None
) -> Point:
    """With errors of a hundredth."""
    given = (Estimate(value, value / 100) for value in (size, mse))
    return Point(step=1, size=next(given), mse=next(given), decoder=once, held_out=seen)


def test_the_price_of_an_error_lies_between_the_points_on_either_side() -> None:
    curve = [point(10, 0.04, 100), point(40, 0.01, 300), point(20, 0.05)]  # the last is worse

    def size(mse: float) -> float | None:
        found = baselines.price_for(mse, curve)
        return None if found is None else found.size.value

    assert size(0.02) == pytest.approx(20)
    assert size(0.04) == pytest.approx(10)
    assert size(0.5) == 10
    assert size(0.005) is None
    half = baselines.price_for(0.02, curve)
    assert half is not None
    assert half.once == pytest.approx(200)
    assert half.size.error == pytest.approx(0.25)


def test_pca_has_the_width_that_is_best_for_each_size_on_held_out_images() -> None:
    def use(*points: Point) -> uses.Use:
        return uses.Use(numbers=1, figures={}, points=list(points), chosen=0)

    narrow = use(point(1, 0.5, seen=(1, 0.5)), point(2, 0.1, seen=(2, 0.45)))
    wide = use(point(1.5, 0.9, seen=(1.5, 0.4)), point(2.5, 0.3, seen=(2.5, 0.3)))
    found = baselines.References(pixels={}, linear={2: narrow, 8: wide}, files={})
    best = [(width, p.size.value) for width, p in found.best_linear]
    assert best == [(2, 1), (8, 1.5), (8, 2.5)]  # the second of two would be best on test images


def test_a_decoder_pays_off_where_all_images_and_it_take_less() -> None:
    shorter, longer = point(10, 0.01, 1000), point(30, 0.01, 1000)
    other = baselines.Price(Estimate(20, 0.1), 400)
    n = baselines.pays_off(shorter, other)
    assert n is not None
    assert 1000 + n * 10 == pytest.approx(400 + n * 20)
    assert baselines.pays_off(longer, other) is None
    assert baselines.pays_off(shorter, baselines.Price(Estimate(20, 0.1), 4000)) == 0


def test_the_finding_says_what_a_code_costs_and_what_else_reaches_its_error() -> None:
    kept = baselines.kept()

    def found(size: float, mse: float) -> str:
        use = uses.Use(numbers=1, figures={}, points=[point(size, mse, 1e6)], chosen=0)
        return baselines.finding("This", use, kept.references)

    text = found(15.0, 0.01)
    assert "**This** stores an image in **15.0 ± 0.1 bytes** at 20.00 ± 0.04 dB." in text
    linear = baselines.price_for(0.01, [p for _, p in kept.references.best_linear])
    assert linear is not None
    assert f"PCA needs {linear.size.brief()} bytes for that" in text
    beyond = (1e6 - linear.once) / (linear.size.value - 15)
    assert f"1,000 kB once, which pays off against PCA beyond {beyond:,.0f} images" in text
    assert "against PCA never" in found(40.0, 0.01)
    least = min(p.size.value for p in kept.references.files[baselines.JPEG])
    assert f"JPEG at least {least:.0f}" in found(1.5, 0.04)  # its worst is better than that
    assert "JPEG more than its best has" in found(64.0, 1e-9)


def test_every_pretrained_checkpoint_is_kept_with_pca_at_its_width() -> None:
    kept = baselines.kept()
    assert set(kept.models) == set(PRETRAINED)
    assert list(kept.references.linear) == baselines.widths(MNIST)
    for use in kept.models.values():
        assert min(use.numbers, 784) in kept.references.linear
        assert set(use.figures) == set(kept.references.pixels)
    assert kept.references.pixels["trustworthiness"].value == 1


def test_pca_needs_less_than_it_was_said_to_and_models_too() -> None:
    kept = baselines.kept()
    best = [p for _, p in kept.references.best_linear]
    for name, size, linear in (("vanilla-32d", 24.0, 90.3), ("vector_quantised-8d", 36.75, 83.2)):
        use = kept.models[name].point
        price = baselines.price_for(use.mse.value, best)
        assert price is not None
        assert use.size.value < 0.9 * size
        assert price.size.value < linear / 1.9


def test_a_file_that_has_changed_is_not_shown_with_old_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *others = PRETRAINED
    digest = checkpoint.digest
    monkeypatch.setattr(checkpoint, "digest", lambda name: "" if name == first else digest(name))
    assert set(baselines.kept().models) == set(others)
