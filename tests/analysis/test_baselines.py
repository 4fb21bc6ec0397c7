"""What codes are compared with: files by Pillow, sizes for an error, what is kept."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from aeviz.analysis import baselines, uses
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
        assert found[baselines.JPEG][k].size == pytest.approx(np.mean(sizes))
        assert found[baselines.JPEG][k].mse == pytest.approx(np.mean(errors), rel=1e-5)
        assert found[baselines.SCAN][k].size == pytest.approx(np.mean(scans))
    png = baselines.encoded(images[0], "PNG", optimize=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), images[0])
    assert found[baselines.PNG][0].mse == 0
    assert found[baselines.PNG][0].size < 784


def test_the_size_for_an_error_lies_between_the_points_on_either_side() -> None:
    def point(size: float, mse: float) -> uses.Point:
        return uses.Point(bits=None, size=size, mse=mse)

    curve = [point(10, 0.04), point(40, 0.01), point(20, 0.05)]  # the last is larger and worse
    assert baselines.size_for(0.02, curve) == pytest.approx(20)
    assert baselines.size_for(0.04, curve) == pytest.approx(10)
    assert baselines.size_for(0.5, curve) == 10
    assert baselines.size_for(0.005, curve) is None


def test_the_finding_says_how_a_code_is_written_and_what_else_reaches_its_error() -> None:
    kept = baselines.kept()

    def found(numbers: int, bits: int | None, size: float, mse: float) -> str:
        point = uses.Point(bits=bits, size=size, mse=mse)
        use = uses.Use(numbers=numbers, figures={}, points=[point], chosen=0)
        return baselines.finding("This", use, kept.references)

    text = found(32, 6, 24.0, 0.01)
    assert (
        "**This** stores an image in **24.0 bytes** (6 bits for each of 32 latent dimensions)"
        in text
    )
    assert "at 20.0 dB" in text
    linear = baselines.size_for(0.01, [use.point for use in kept.references.linear.values()])
    assert f"PCA needs {linear:.1f} bytes for that" in text
    assert "value that is not 0" in found(1024, 3, 55.0, 0.01)
    assert "32 latent dimensions, and the class)" in found(32, 6, 24.4, 0.01)
    assert "bits" not in found(392, None, 36.75, 0.01)
    least = min(point.size for point in kept.references.files[baselines.JPEG])
    assert f"JPEG at least {least:.0f}" in found(2, 6, 1.5, 0.04)  # its worst is better than that
    assert "JPEG more than its best has" in found(64, 8, 64.0, 1e-9)


def test_every_pretrained_checkpoint_is_kept_with_pca_at_its_width() -> None:
    kept = baselines.kept()
    assert set(kept.models) == set(PRETRAINED)
    assert tuple(kept.references.linear) == baselines.WIDTHS
    for use in kept.models.values():
        assert min(use.numbers, 784) in kept.references.linear
        assert set(use.figures) == set(kept.references.pixels)
    assert kept.references.pixels["trustworthiness"] == 1


def test_a_file_that_has_changed_is_not_shown_with_old_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *others = PRETRAINED
    digest = checkpoint.digest
    monkeypatch.setattr(checkpoint, "digest", lambda name: "" if name == first else digest(name))
    assert set(baselines.kept().models) == set(others)
