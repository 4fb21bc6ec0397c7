"""The programs that measure quality: one-class recipes, what counts as held."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import sem
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from aeviz.analysis import anomaly_score, evaluate, neighbours
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder
from aeviz.training import loop
from benchmarks import bars, choices, machine, one_class, quality

MNIST = datasets.load()


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
    scores = np.square(few.test_images / 255 - apply.reconstruct(model, few.test_images))
    auroc = roc_auc_score(few.test_labels != 3, scores.mean((1, 2)))
    assert model.card.figures == {
        "mse_auroc": pytest.approx(auroc, abs=1e-6),
        "auroc": pytest.approx(anomaly_score.one_class(model, few, 3).value, abs=1e-6),
    }
    assert all(0 < error < 0.2 for error in model.card.errors.values())


def test_there_is_no_eleventh_digit(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        loop.main(["vanilla", "--digit=10", "--out=nowhere"])
    assert "There is no class 10 in MNIST digits" in capsys.readouterr().err


# -- the table --------------------------------------------------------------------------------


def bar(what: str) -> bars.Bar:
    return next(bar for bar in bars.BARS if bar.what == what)


def test_a_target_is_held_only_by_more_than_the_error() -> None:
    error, share = bar("MSE, 2 dimensions"), bar("5-NN accuracy, 2 dimensions")
    assert error.verdict(Estimate(0.0303, 0.0001), 0.0305) == "held"
    assert error.verdict(Estimate(0.0304, 0.0002), 0.0305) == "within the error"
    assert error.verdict(Estimate(0.0306, 0.0002), 0.0305) == "within the error"
    assert error.verdict(Estimate(0.0320, 0.0002), 0.0305) == "missed by 4.9 %"
    assert share.verdict(Estimate(0.92, 0.003), 0.91) == "held"
    assert share.verdict(Estimate(0.9, 0.003), 0.91) == "missed by 1.1 %"
    assert error.verdict(Estimate(0.03, float("nan")), 0.0305).startswith("undecided")
    assert error.verdict(Estimate(0.03, 0.0001), 0.0305, 61.2) == "missed: 61 s"  # does not count
    elbo = next(bar for bar in bars.BARS if bar.key == "elbo")
    assert elbo.estimate({"elbo": Estimate(-132.6, 0.5)}) == Estimate(132.6, 0.5)
    assert elbo.estimate({}) is None


def test_each_row_names_its_competitor_and_what_chose_it() -> None:
    known = {*checkpoint.pretrained(), bars.ONE_CLASS}
    for bar in bars.BARS:
        assert bar.competitor in known
        assert bar.why
        if bar.competitor != bars.ONE_CLASS:
            card = checkpoint.pretrained()[bar.competitor]
            assert not quality.MODELS[card.variant].uses_labels
            if bar.key == "nll":
                assert card.config.binarise  # a likelihood is of black or white pixels
            if bar.key == "elbo":
                assert not card.config.binarise


def test_what_was_published_has_its_source() -> None:
    cited = {
        int(k) for bar in bars.BARS for k in re.findall(r"\[(\d+)\]", bar.published + bar.what)
    }
    assert cited == set(range(1, len(bars.SOURCES) + 1))
    for bar in bars.BARS:
        assert bar.published == "-" or re.search(r"\[\d+\]", bar.published), bar.what


def some_figures() -> dict[str, Any]:
    """What would be kept: every figure of a model is told by its place."""
    kept: dict[str, Any] = {"pretrained": {}, "live": {}}
    for k, name in enumerate(checkpoint.pretrained()):
        figures = {"mse": [0.03 + k / 1000, 0.0001], "nll": [90.0 + k, 1.0], "elbo": [-99.0 - k, 1]}
        part = {"digest": checkpoint.digest(name), "figures": figures}
        kept["pretrained"][name] = {"errors": part}
    kept[bars.ONE_CLASS] = {"figures": {"auroc": [0.99, 0.001]}}
    return kept


def test_rows_are_of_the_competitor_whatever_others_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choices, "kept", dict)  # none is made: competitors are those named
    kept = some_figures()
    mine = kept["pretrained"]["denoising-2d-masking"]["errors"]["figures"]
    mine["mse"] = [0.0299, 0.0001]
    kept["pretrained"]["vanilla-2d"]["errors"]["figures"]["mse"] = [0.0001, 0.0001]
    kept["live"]["2-d"] = {"steps": 9, "seconds": 59.0, "figures": {"mse": 0.03355}}
    lines = {line[0]: line for line in quality.rows(kept, {"mse 2": "PCA"})}
    assert len(lines) == len(bars.BARS)
    line = lines["MSE, 2 dimensions"]
    assert line[1] == "PCA"
    assert line[3] == "0.03355 ± about 0.00010 (9 steps, 59 s)"
    assert line[5] == "0.02990 ± 0.00010 (`denoising-2d-masking`)"
    assert line[7] == "live within the error, pretrained held"
    ten = lines["one-class AUROC by blurred error for the ink, mean of ten digits"]
    assert ten[5] == "0.9900 ± 0.0010 (`one class`)"
    assert ten[7] == "pretrained held"
    kept["pretrained"]["denoising-2d-masking"]["errors"]["digest"] = "of other weights"
    assert {line[0]: line for line in quality.rows(kept, {})}["MSE, 2 dimensions"][5] == "-"
    kept["live"]["2-d"] |= {"seconds": 61.0, "errors": {"mse": 0.0005}}
    line = {line[0]: line for line in quality.rows(kept, {})}["MSE, 2 dimensions"]
    assert line[3] == "0.03355 ± 0.00050 (9 steps, 61 s)"
    assert line[7].startswith("live missed: 61 s")


def test_grey_and_binarised_likelihoods_have_columns_of_their_own() -> None:
    text = quality.every_checkpoint(some_figures())
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    columns = {title: k for k, title in enumerate(table[0])}
    grey = [k for title, k in columns.items() if "grey pixels" in title]
    binary = [k for title, k in columns.items() if "binarised pixels" in title]
    assert len(grey) == len(binary) == 2
    lines = {line[0].split("`")[1]: line for line in table[2:] if len(line) > 2}
    for name, card in checkpoint.pretrained().items():
        line = lines[name]
        full, empty = (binary, grey) if card.config.binarise else (grey, binary)
        assert all(line[k] for k in full)
        assert not any(line[k] for k in empty)
        assert ("told the label" in line[0]) == quality.MODELS[card.variant].uses_labels


def test_what_was_missed_is_told_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "TRIED", {"a": "Longer runs."})
    lines = [["a", "-", "live missed by 2.0 %"], ["b", "-", "live held"]]
    assert quality.missed(lines).splitlines()[2:] == ["- a: live missed by 2.0 %. Longer runs."]
    assert quality.missed(lines[1:]) == ""


def test_everything_tried_belongs_to_a_row() -> None:
    assert set(bars.TRIED) <= {bar.what for bar in bars.BARS}


def test_a_part_is_measured_again_only_when_weights_or_settings_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[tuple[str, ...]] = []

    def measure(it: object, parts: tuple[str, ...]) -> dict[str, Estimate]:
        measured.append(parts)
        return {parts[0]: Estimate(0.5, 0.1)}

    saved: list[int] = []
    names = ("vanilla-2d", "linear-2d")
    cards = {name: checkpoint.pretrained()[name] for name in names}
    monkeypatch.setattr(evaluate, "measure", measure)
    monkeypatch.setattr(checkpoint, "pretrained", lambda: cards)
    monkeypatch.setattr(quality, "keep", lambda kept: saved.append(len(measured)))
    monkeypatch.setattr(anomaly_score, "stranger", lambda dataset: None)
    kept: dict[str, Any] = {"pretrained": {}, "live": {}}
    parts = ("errors", "nll", "other")
    quality.pretrained(kept, parts, 5)
    assert measured == [("errors",), ("nll",)] * 2  # without Fashion-MNIST nothing is told from it
    assert saved == [1, 2, 3, 4]  # after each, not at the end
    quality.pretrained(kept, parts, 5)
    assert len(measured) == 4
    kept["pretrained"]["vanilla-2d"]["errors"]["digest"] = "that of other weights"
    quality.pretrained(kept, parts, 5)
    assert measured[4:] == [("errors",)]
    quality.pretrained(kept, parts, 6)  # another number of draws
    assert measured[5:] == [("nll",)] * 2
    changed = evaluate.Part(evaluate.PARTS["errors"].measure, "another way")
    monkeypatch.setitem(evaluate.PARTS, "errors", changed)
    quality.pretrained(kept, parts, 6)
    assert measured[7:] == [("errors",)] * 2


def test_a_card_gets_its_figures_and_errors_and_keeps_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = checkpoint.load("linear-2d")
    checkpoint.save(model, tmp_path / "linear-2d", card=model.card)
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    parts = {"errors": {"mse": [0.05, 0.002]}, "neighbours": {"near": [0.9, 0.01]}, "elbo": {}}
    digest = checkpoint.digest("linear-2d")
    mine = {part: {"digest": digest, "figures": figures} for part, figures in parts.items()}
    quality.write_cards({"pretrained": {"linear-2d": mine | {"elbo": {"digest": "of others"}}}})
    assert checkpoint.load(tmp_path / "linear-2d").card == model.card  # weights have changed since
    quality.write_cards({"pretrained": {"linear-2d": mine}})
    assert checkpoint.digest("linear-2d") == digest
    again = checkpoint.load(tmp_path / "linear-2d")
    assert again.card.figures == {"mse": 0.05, "near": 0.9}
    assert again.card.errors == {"mse": 0.002, "near": 0.01}
    left = again.card.model_copy(update={"figures": {}, "errors": {}})
    assert left == model.card.model_copy(update={"figures": {}, "errors": {}})
    pairs = zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


# -- how competitors are chosen ---------------------------------------------------------------


def test_recipes_are_chosen_on_training_digits_that_they_did_not_see() -> None:
    seen = choices.split(MNIST)
    assert np.array_equal(seen.train_images, MNIST.train_images[:50_000])
    assert np.array_equal(seen.test_images, MNIST.train_images[50_000:])
    assert np.array_equal(seen.test_labels, MNIST.train_labels[50_000:])
    known = checkpoint.pretrained()
    for choice in choices.CHOICES:
        for one in choice.candidates:
            config = known[one.name].config.to_dict() | one.settings
            quality.MODELS[known[one.name].variant].Config.from_dict(config)


def test_a_choice_takes_the_best_on_held_out_digits_and_decides_who_competes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bar = next(bar for bar in bars.BARS if bar.choice == (bars.TWO, "neighbour_accuracy"))
    choice = next(choice for choice in choices.CHOICES if choice.what == bars.TWO)
    values = {"mse": [0.05, 0.03, 0.04], "neighbour_accuracy": [0.7, 0.8, 0.9]}
    figures = {
        name: [
            {"figure": {"value": v, "error": 0.01}, "behind": {"value": 0.0, "error": 0.0}}
            for v in each
        ]
        for name, each in values.items()
    }
    found = {bars.TWO: {"key": choices.key(choice), "figures": figures, "epochs": 1}}
    assert choices.best(bars.TWO, "mse", found) == choice.candidates[1].name
    monkeypatch.setattr(choices, "kept", lambda: found)
    assert quality.competitor(bar) == (choice.candidates[2].name, bar.why)
    assert len(list(choices.lines(found))) == 3 + len(choices.CHOICES) - 1
    found[bars.TWO]["key"] = "of other recipes"
    assert quality.competitor(bar)[0] == bar.competitor
    assert "not made yet" in quality.competitor(bar)[1]


def test_a_difference_is_of_pairs_of_the_same_digits() -> None:
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=300)
    best, other = hard + 0.01 * rng.normal(size=300), hard + 0.02
    found = choices.behind(other, best)
    assert found.value == pytest.approx(np.mean(other - best))
    assert found.error == pytest.approx(sem(other - best))
    assert found.error < 0.1 * sem(other)


def test_five_neighbours_vote_as_scikit_learn_lets_them() -> None:
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(400, 2)), rng.integers(4, size=400).astype(np.uint8)
    queries = rng.normal(size=(200, 2))
    near = neighbours.nearest(codes, queries, 5)[1]
    expected = KNeighborsClassifier(5).fit(codes, labels).predict(queries)
    assert np.array_equal(choices._vote(labels[near]), expected)


def test_every_live_recipe_is_a_setting_that_its_variant_has() -> None:
    for recipe in quality.LIVE.values():
        quality.MODELS[recipe.variant].Config.from_dict(recipe.settings)
    used = {bar.recipe for bar in bars.BARS}
    assert used == {*quality.LIVE, bars.ONE_CLASS}


def test_the_written_table_is_of_the_checkpoints_that_are_pretrained() -> None:
    page = machine.RESULTS / "quality.md"
    if not page.exists():
        pytest.skip("The table of quality was not written yet.")
    kept = json.loads(quality.KEPT.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    assert "Nothing else was tried" not in text
    for name, card in checkpoint.pretrained().items():
        assert f"`{card.command}`, seed {card.seed}" in text
        value, error = kept["pretrained"][name]["errors"]["figures"]["mse"]
        assert f"{value:.5f} ± {error:.5f}" in text
        assert value == pytest.approx(card.figures["mse"], rel=1e-3)
