"""The programs that measure quality: the classifier, one-class recipes, what counts as held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aeviz.analysis import anomaly_score, sampling
from aeviz.data import corruption, datasets
from aeviz.models import checkpoint
from aeviz.models.base import Autoencoder
from aeviz.training import loop
from benchmarks import classifier, machine, one_class, quality

MNIST = datasets.load()


# -- the classifier ---------------------------------------------------------------------------


def test_the_pretrained_classifier_is_small_and_knows_digits() -> None:
    assert classifier.FILE.stat().st_size <= 300_000
    few = slice(0, 2000)
    assert (
        classifier.accuracy(classifier.load(), MNIST.test_images[few], MNIST.test_labels[few])
        > 0.95
    )


def test_features_are_what_the_logits_are_read_from() -> None:
    x = MNIST.test_images[:7]
    found = classifier.features(x)
    assert found.shape == (7, classifier.FEATURES)
    assert np.array_equal(classifier.features(x / np.float32(255)), found)
    model = classifier.load()
    with torch.no_grad():
        logits = model(torch.from_numpy(x / np.float32(255))[:, None])
        read = model.head[2](torch.from_numpy(found).relu())
    assert torch.allclose(logits, read, atol=1e-4)


def test_images_that_are_no_digits_are_far_from_digits() -> None:
    real, others = (classifier.features(part) for part in np.split(MNIST.test_images[:4000], 2))
    upside_down = classifier.features(MNIST.test_images[2000:4000, ::-1])
    noisy = classifier.features(corruption.noisy(MNIST.test_images[2000:4000], 0.5, 0))
    near = sampling.frechet(real, others)
    assert sampling.frechet(real, upside_down) > 5 * near
    assert sampling.frechet(real, noisy) > 5 * near


def test_a_classifier_learns_and_the_same_seed_gives_the_same_weights() -> None:
    x, labels = MNIST.train_images[:500], MNIST.train_labels[:500]
    first, again, other = (classifier.fit(x, labels, 3, seed) for seed in (0, 0, 1))
    assert classifier.accuracy(first, x, labels) > 0.15
    pairs = zip(first.parameters(), again.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in pairs)


# -- one class --------------------------------------------------------------------------------


class Started(Exception):
    """Training would begin now."""


@pytest.mark.parametrize("digit", [0, 7])
def test_a_model_of_one_digit_sees_that_digit_alone(
    digit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: dict[str, Any] = {}

    def fit(model: Autoencoder, images: np.ndarray, **options: Any) -> None:
        begun.update(options, images=images)
        raise Started

    monkeypatch.setattr(loop, "fit", fit)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    with pytest.raises(Started):
        loop.main(one_class.command(digit))
    images, labels = MNIST.train_images[:50_000], MNIST.train_labels[:50_000]
    assert np.array_equal(begun["images"], images[labels == digit])
    assert set(begun["labels"]) == {digit}


def test_the_card_of_a_model_of_one_digit_says_which_and_how_well_it_tells_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = datasets.Dataset(
        "mnist",
        MNIST.train_images[:300],
        MNIST.train_labels[:300],
        MNIST.test_images[:150],
        MNIST.test_labels[:150],
    )
    monkeypatch.setattr(datasets, "load", lambda name="mnist": few)
    out = tmp_path / "vanilla-2d-digit3"
    loop.main(["vanilla", "--width=16", "--digit=3", "--all", "--steps=3", f"--out={out}"])
    model = checkpoint.load(out)
    assert model.card.digit == 3
    assert model.card.trained_on == (few.train_labels == 3).sum()
    assert model.card.figures == {
        "auroc": pytest.approx(anomaly_score.one_class(model, few, 3), abs=1e-6)
    }


def test_there_is_no_eleventh_digit(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        loop.main(["vanilla", "--digit=10", "--out=nowhere"])
    assert "There is no class 10 in MNIST digits" in capsys.readouterr().err


# -- the table --------------------------------------------------------------------------------


def bar(what: str) -> quality.Bar:
    return next(bar for bar in quality.BARS if bar.what == what)


def test_a_bar_is_held_by_the_figure_and_not_by_its_rounded_text() -> None:
    error, share = bar("MSE, 2-d code"), bar("5-NN accuracy, 2-d code")
    assert error.holds(0.0305, 0.0305)
    assert not error.holds(0.03051, 0.0305)
    assert share.holds(0.91, 0.91)
    assert not share.holds(0.90999, 0.91)
    assert error.verdict(0.03, 0.0305, 59.0) == "held"
    assert error.verdict(0.0320, 0.0305) == "missed by 4.9%"
    assert share.verdict(0.9, 0.91) == "missed by 1.1%"
    assert error.verdict(0.03, 0.0305, 61.2) == "missed: 61 s"  # too long to count
    elbo = bar("negative ELBO on grey pixels, 2-d VAE, nats")
    assert elbo.value({"elbo": -132.6}) == 132.6
    assert elbo.value({}) is None


def test_the_best_of_the_models_is_the_lowest_error_or_the_highest_share() -> None:
    found = {
        "a": {"figures": {"mse": 0.04, "neighbour_accuracy": 0.8}},
        "b": {"figures": {"mse": 0.03, "neighbour_accuracy": 0.7}},
        "c": {"figures": {}},
    }
    assert bar("MSE, 2-d code").best(found) == ("b", 0.03)
    assert bar("5-NN accuracy, 2-d code").best(found) == ("a", 0.8)
    assert bar("MSE, 2-d code").best({}) is None


def test_rows_say_what_was_held_live_and_pretrained() -> None:
    found = {name: {"figures": card.figures} for name, card in checkpoint.pretrained().items()}
    found["one-class"] = {"figures": {"auroc": 0.99}}  # ten models together, with no card
    lived = {"2-d": {"steps": 9, "seconds": 59.0, "figures": {"mse": 0.0334}}}
    lines = {line[0]: line for line in quality.rows(found, lived, {"mse 2": "PCA"})}
    assert len(lines) == len(quality.BARS)
    line = lines["MSE, 2-d code"]
    assert line[1] == "PCA"
    ten = lines["one-class AUROC, mean of ten digits"]
    assert ten[5] == "0.9900 (`ten models`)"
    assert ten[7] == "shipped held"
    assert line[3] == "0.03340 (9 steps, 59 s)"
    best = min(
        card.figures["mse"]
        for card in checkpoint.pretrained().values()
        if card.latent_dim == 2 and card.variant in ("vanilla", "variational")
    )
    assert float(line[5].split()[0]) <= best + 5e-6
    assert line[7].startswith("live held, shipped ")
    lived["2-d"]["seconds"] = 61.0  # too long to count
    lines = {line[0]: line for line in quality.rows(found, lived, {})}
    assert lines["MSE, 2-d code"][7].startswith("live missed")


def test_what_was_missed_is_told_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "TRIED", {"a": "Longer runs."})
    lines = [["a", "-", "live missed by 2.0%"], ["b", "-", "live held"]]
    assert quality.missed(lines).splitlines()[2:] == ["- a: live missed by 2.0%. Longer runs."]
    assert quality.missed(lines[1:]) == ""


def test_a_checkpoint_is_measured_again_only_when_its_file_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured, kept, saved = [], {}, []
    monkeypatch.setattr(
        quality, "measure", lambda model, samples: measured.append(model) or {"other_auroc": 1.0}
    )
    first = quality.pretrained(kept, 5, lambda: saved.append(len(kept)))
    assert list(first) == list(checkpoint.pretrained())
    assert saved == list(range(1, len(first) + 1))  # after each, not at the end
    assert quality.pretrained(kept, 5, lambda: None) == first
    assert len(measured) == len(first)
    kept["vanilla-2d"] = first["vanilla-2d"] | {"sha256": "that of another file"}
    assert quality.pretrained(kept, 5, lambda: None) == first
    assert len(measured) == len(first) + 1
    quality.pretrained(kept, 6, lambda: None)  # another number of draws
    assert len(measured) == 2 * len(first) + 1


def test_every_live_recipe_is_a_setting_that_its_variant_has() -> None:
    for recipe in quality.LIVE.values():
        quality.MODELS[recipe.variant].Config.from_dict(recipe.settings)
    used = {bar.recipe for bar in quality.BARS}
    assert used == {*quality.LIVE, quality.ONE_CLASS}


def test_the_written_table_is_of_the_checkpoints_that_are_pretrained() -> None:
    page = machine.RESULTS / "quality.md"
    if not page.exists():
        pytest.skip("The table of quality was not written yet.")
    kept = json.loads(quality.KEPT.read_text(encoding="utf-8"))["shipped"]
    text = page.read_text(encoding="utf-8")
    assert "Nothing else was tried" not in text
    for name, card in checkpoint.pretrained().items():
        assert f"`{card.command}`, seed {card.seed}" in text
        assert kept[name]["figures"]["mse"] == pytest.approx(card.figures["mse"], rel=1e-3)
