"""Anomalies: who is normal, scores, thresholds and what they catch, against other arithmetic."""

from __future__ import annotations

import csv
import io
import itertools
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aeviz.analysis import anomaly, anomaly_score, pca
from aeviz.app import texts
from aeviz.charts import export
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, objective, optim
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from aeviz.training.spec import RunSpec, training_set
from benchmarks import one_class

MNIST = datasets.load()
FEW = replace(
    MNIST,
    train_images=MNIST.train_images[-720:],  # 600 that a run would see, 120 held out
    train_labels=MNIST.train_labels[-720:],
    test_images=MNIST.test_images[:300],
    test_labels=MNIST.test_labels[:300],
)
DRAW = np.random.default_rng(0)
NORMAL, ODD = DRAW.normal(0, 1, 40).round(1), DRAW.normal(1, 1, 30).round(1)  # some scores equal


def card_of(trained_on: int, digit: int | None = None) -> checkpoint.Card:
    config = MODELS["vanilla"].Config()
    return checkpoint.Card(
        variant="vanilla", config=config, trained_on=trained_on, digit=digit, seed=0, steps=1,
        batch=1, lr=1,
    )  # fmt: skip


# -- images ---------------------------------------------------------------------------------


def test_normal_images_are_of_the_chosen_digits_and_odd_ones_of_the_others() -> None:
    normal, odd = anomaly.normal_images(FEW, (3, 5)), anomaly.odd_images(FEW, (3, 5))
    assert {name[0] for name in normal.names} == {"3", "5"}
    assert {name[0] for name in odd.names} == set("01246789")
    numbers = [int(name.split("-")[1]) for name in normal.names + odd.names]
    assert sorted(numbers) == list(range(300))
    for pictures in (normal, odd):
        for image, name in zip(pictures.images, pictures.names, strict=True):
            assert np.array_equal(image, FEW.test_images[int(name.split("-")[1])])
    assert len(anomaly.odd_images(MNIST, (3,))) == anomaly.ODD


def test_where_all_digits_are_normal_the_odd_ones_are_of_another_data_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = tuple(range(10))
    assert len(anomaly.odd_images(FEW, every)) == 0  # Fashion-MNIST is not at hand in the tests
    monkeypatch.setattr(anomaly_score, "stranger", lambda dataset: replace(FEW, name="fashion"))
    assert len(anomaly.odd_images(FEW, every)) == 300


def test_a_threshold_is_set_by_images_that_the_model_never_saw_where_there_are_any() -> None:
    threes = FEW.train_images[FEW.train_labels == 3]
    first = int((FEW.train_labels[:600] == 3).sum())
    unseen = {image.tobytes() for image in threes[first:]}
    for card in (card_of(first, 3), card_of(600), card_of(first + 20)):  # the last: contaminated
        assert not anomaly.saw_all(card, FEW)
        found = anomaly.validation_images(card, FEW, (3,))
        assert len(found) == min(len(unseen), anomaly.HELD_OUT)
        assert {image.tobytes() for image in found} <= unseen
    for card in (card_of(len(threes), 3), card_of(720)):
        assert anomaly.saw_all(card, FEW)
        found = anomaly.validation_images(card, FEW, (3,))
        assert {image.tobytes() for image in found} <= {image.tobytes() for image in threes}


@pytest.mark.parametrize("digit", range(10))
def test_a_model_of_each_digit_is_pretrained_which_leaves_images_for_a_threshold(
    digit: int,
) -> None:
    card = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(digit)).card
    assert card.digit == digit
    assert card.trained_on == (MNIST.train_labels[:50_000] == digit).sum()
    assert not anomaly.saw_all(card, MNIST)
    held_out = MNIST.train_images[50_000:][MNIST.train_labels[50_000:] == digit]
    found = anomaly.validation_images(card, MNIST, (digit,))
    assert len(found) == min(len(held_out), 1_000)
    assert {image.tobytes() for image in found} <= {image.tobytes() for image in held_out}


def test_what_a_score_is_measured_against_has_no_image_that_is_held_out() -> None:
    unseen = {image.tobytes() for image in FEW.train_images[600:]}
    found = anomaly.training_images(FEW, (3, 5), 10_000)
    assert len(found) == np.isin(FEW.train_labels[:600], (3, 5)).sum()
    assert not {image.tobytes() for image in found} & unseen


@pytest.mark.parametrize("digit", range(10))
def test_the_images_that_a_pretrained_model_has_seen_are_those_of_its_digit(digit: int) -> None:
    card = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(digit)).card
    spec = RunSpec.model_validate(anomaly.recipe(card, (digit,), 0.0))
    trained_on = np.arange(len(MNIST.train_labels))[training_set(spec, MNIST.train_labels)]
    seen = np.arange(len(MNIST.train_labels))[anomaly.seen(card, MNIST)]
    assert np.array_equal(seen, trained_on)


def test_a_model_of_all_classes_has_seen_the_first_images() -> None:
    assert np.array_equal(anomaly.seen(card_of(600), FEW), np.arange(600))
    assert np.array_equal(anomaly.seen(card_of(720), FEW), np.arange(720))


# -- scores -----------------------------------------------------------------------------------


def test_the_latent_distance_is_scipys_mahalanobis_distance() -> None:
    from scipy.spatial.distance import mahalanobis

    threes = anomaly.training_images(FEW, (3,), anomaly.FITTED)
    x = FEW.test_images[:20]
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    linear = pca.pca(MNIST, 5)
    for of, before, asked in (
        (model, apply.encode(model, threes), apply.encode(model, x)),
        (linear, linear.encode(threes), linear.encode(x)),
    ):
        against = anomaly.reference("latent", of, FEW, (3,), np.arange(600))
        found = anomaly.score("latent", of, x, against)
        inverse, mean = np.linalg.inv(np.cov(before.astype(float).T)), before.mean(0)
        expected = [mahalanobis(z, mean, inverse) for z in asked]
        assert found == pytest.approx(expected, rel=1e-3)


def test_directions_in_which_codes_never_vary_do_not_count() -> None:
    codes = np.column_stack([DRAW.normal(0, 2, 4000), np.full(4000, 7.0)])
    far = anomaly.fit_gaussian(codes).distance(np.array([[4.0, 7.0], [-2.0, 9.0]]))
    assert far == pytest.approx([2, 1], rel=0.1)


THREES = np.flatnonzero(FEW.train_labels[:600] == 3)


def by_sklearn(seen: np.ndarray, components: int) -> Any:
    from sklearn.decomposition import PCA

    x = FEW.train_images[seen].reshape(-1, 784) / 255
    return PCA(components, svd_solver="full").fit(x)


@pytest.mark.parametrize("seen", [THREES, np.append(THREES, [0, 1, 2, 3, 4]), np.arange(720)])
def test_pca_is_of_the_images_that_the_model_has_seen_and_scored_by_the_same_score(
    seen: np.ndarray,
) -> None:
    from scipy.ndimage import gaussian_filter

    found = anomaly.fit_pca(FEW, seen)
    linear = by_sklearn(seen, anomaly.PCA_WIDTH)
    x = FEW.test_images.reshape(-1, 784) / 255
    reconstructions = linear.inverse_transform(linear.transform(x)).clip(0, 1)
    difference = x - reconstructions
    expected = np.square(difference).mean(1)
    assert anomaly.score("mse", found, FEW.test_images) == pytest.approx(expected, rel=1e-3)
    softened = [gaussian_filter(image, 1.0) for image in difference.reshape(-1, 28, 28)]
    expected = np.square(softened).mean((1, 2)) / x.mean(1)
    assert anomaly.score("blurred", found, FEW.test_images) == pytest.approx(expected, rel=1e-3)
    shown = anomaly.reconstructions("blurred", found, FEW.test_images)
    assert shown.reshape(-1, 784) == pytest.approx(reconstructions, abs=1e-4)


def test_in_place_of_the_elbo_pca_has_the_likelihood_of_scikit_learns_probabilistic_pca() -> None:
    linear = anomaly.fit_pca(FEW, np.arange(720))
    against = anomaly.reference("elbo", linear, FEW, (3,), np.arange(720))
    found = anomaly.score("elbo", linear, FEW.test_images, against)
    theirs = by_sklearn(np.arange(720), anomaly.PCA_WIDTH)
    # scikit-learn divides by N - 1 and we, as the paper, by N: scale its variances.
    theirs.explained_variance_ *= 719 / 720
    theirs.noise_variance_ *= 719 / 720
    # It averages the noise over the 720 directions that have any, the paper over all 784.
    theirs.noise_variance_ *= (min(720, 784) - anomaly.PCA_WIDTH) / (784 - anomaly.PCA_WIDTH)
    expected = -theirs.score_samples(FEW.test_images.reshape(-1, 784) / 255)
    assert found == pytest.approx(expected, rel=1e-3, abs=1)


def test_the_reconstruction_error_is_the_mse_and_blurred_error_that_of_the_house() -> None:
    model = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(3))
    x = FEW.test_images[:30]
    reconstructions = apply.reconstruct(model, x)
    expected = np.square(x / 255 - reconstructions).mean((1, 2))
    assert anomaly.score("mse", model, x) == pytest.approx(expected, rel=1e-4)
    assert np.array_equal(anomaly.reconstructions("mse", model, x), reconstructions)
    found = anomaly.score("blurred", model, x)
    assert found == pytest.approx(anomaly_score.score("blurred", model, x))
    assert found == pytest.approx(
        anomaly_score.blurred_error(x, anomaly.reconstructions("blurred", model, x)), rel=1e-5
    )


def test_the_textbooks_score_comes_first_and_a_former_name_is_still_known() -> None:
    model = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(3))
    assert list(anomaly.offered(model)) == ["mse", "blurred", "latent"]
    assert anomaly.score_key("strangeness") == "blurred"
    assert anomaly.score_key("latent") == "latent"


def test_images_of_several_channels_and_another_size_are_scored_alike() -> None:
    from scipy.ndimage import gaussian_filter

    x = DRAW.random((6, 3, 12, 10), np.float32)
    y = DRAW.random((6, 3, 12, 10), np.float32)
    expected = [
        np.mean([np.square(gaussian_filter(a - b, 1.0)).mean() for a, b in zip(*pair, strict=True)])
        / pair[0].mean()
        for pair in zip(x, y, strict=True)
    ]
    assert anomaly_score.blurred_error(x, y) == pytest.approx(expected, rel=1e-4)
    coloured = replace(
        FEW,
        train_images=DRAW.integers(0, 256, (720, 3, 12, 10), np.uint8),
        test_images=DRAW.integers(0, 256, (300, 3, 12, 10), np.uint8),
    )
    linear = anomaly.fit_pca(coloured, np.arange(600))
    normal = anomaly.normal_images(coloured, (3,))
    for kind in ("mse", "blurred", "latent", "elbo"):
        against = anomaly.reference(kind, linear, coloured, (3,), np.arange(600))
        found = anomaly.score(kind, linear, normal.images, against)
        assert found.shape == (len(normal),)
        assert np.isfinite(found).all()
    assert anomaly.no_images(coloured).images.shape == (0, 3, 12, 10)
    flagged = anomaly.flag({"normal": (normal, np.arange(1.0, len(normal) + 1))}, 0.0)
    assert flagged.images.images.shape == normal.images.shape
    nothing = anomaly.flag({"normal": (normal, np.zeros(len(normal)))}, 0.0)
    assert nothing.images.images.shape == (0, 3, 12, 10)


def test_the_negative_elbo_is_that_of_validation_and_needs_a_posterior() -> None:
    for name in ("variational-2d", "conditional-2d"):
        model = checkpoint.load(checkpoint.FOLDER / name)
        assert "elbo" in anomaly.offered(model)
        labels = apply.classify(model, FEW.test_images)
        elbo = float(objective.validate(model, FEW.test_images, labels).metrics["elbo"])
        found = anomaly.score("elbo", model, FEW.test_images)
        assert found.shape == (300,)
        assert found.mean() == pytest.approx(-elbo, rel=0.01)  # other noise
    assert "elbo" not in anomaly.offered(checkpoint.load(checkpoint.FOLDER / "vanilla-2d"))


def test_a_measurement_scores_validation_normal_and_odd_images() -> None:
    config = MODELS["vanilla"].Config.from_dict({"latent_dim": 2, "width": 16, "depth": 1})
    model = optim.build(MODELS["vanilla"], config, 0).eval()
    card, seen = card_of(600), np.arange(600)
    for of in (model, anomaly.fit_pca(FEW, seen)):
        for kind in ("mse", "blurred", "latent"):
            found = anomaly.measure(kind, of, card, FEW, (3,), seen)
            normal = anomaly.normal_images(FEW, (3,)).images
            assert found.normal == pytest.approx(anomaly.score(kind, of, normal, found.reference))
            held_out = int((FEW.train_labels[600:] == 3).sum())
            assert (len(found.validation), len(found.odd)) == (held_out, 300 - len(normal))
            none = anomaly.measure(kind, of, card, FEW, (3,), seen, odd=False)
            assert len(none.odd) == 0


# -- a threshold ------------------------------------------------------------------------------


def test_the_most_telling_examples_come_first() -> None:
    scores = anomaly.Scores(NORMAL, NORMAL, ODD, None)
    found = anomaly.examples(scores, 0.5, 4)
    assert ODD[found["caught"]].tolist() == sorted(ODD[ODD > 0.5])[::-1][:4]
    assert ODD[found["missed"]].tolist() == sorted(ODD[ODD <= 0.5])[:4]
    assert NORMAL[found["alarms"]].tolist() == sorted(NORMAL[NORMAL > 0.5])[::-1][:4]
    nothing = anomaly.examples(anomaly.Scores(NORMAL, NORMAL, np.empty(0), None), 99.0, 4)
    assert not any(len(chosen) for chosen in nothing.values())


# -- what is done about it --------------------------------------------------------------------


def test_what_is_flagged_is_listed_by_score_and_packed_as_images() -> None:
    own = anomaly.Images(FEW.test_images[:2] / np.float32(255), ["=SUM(A1)", "../my letter.png"])
    normal = anomaly.Images(FEW.test_images[2:5], ["7-2", "1-3", "T-shirt-4"])
    groups = {
        "unknown": (own, np.array([3.0, 5.0])),
        "normal": (normal, np.array([0.5, 4.0, 1.0])),
    }
    flagged = anomaly.flag(groups, 1.0)
    rows = list(csv.DictReader(io.StringIO(export.flagged_table(flagged).decode())))
    assert [row["score"] for row in rows] == ["5", "4", "3"]  # one at the threshold is not above it
    assert [row["truth"] for row in rows] == ["unknown", "normal", "unknown"]
    assert [row["name"] for row in rows] == ["../my letter.png", "1-3", "SUM(A1)"]
    with zipfile.ZipFile(io.BytesIO(export.flagged_archive(flagged))) as archive:
        assert archive.namelist() == [row["file"] for row in rows]
        assert archive.namelist()[1:] == ["0002-1-3.png", "0003--SUM-A1-.png"]
        assert not any("/" in name or ".." in name for name in archive.namelist())
        for name, k in zip(archive.namelist(), (1, 3, 0), strict=True):
            image = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            assert np.array_equal(image, FEW.test_images[k])
    nothing = anomaly.flag(groups, 9.0)
    assert export.flagged_table(nothing) == b"file,name,truth,score\n"
    assert not zipfile.ZipFile(io.BytesIO(export.flagged_archive(nothing))).namelist()


@pytest.mark.parametrize("kind", ["mse", "blurred", "latent"])
@pytest.mark.parametrize("digit", range(10))
def test_what_anomalies_in_training_cost_is_known_of_each_digit(digit: int, kind: str) -> None:
    for who in ("model", "pca"):
        found = anomaly.contaminated(digit, kind, who)
        assert list(found) == list(one_class.SHARES)
        assert all(0.3 < auroc.value < 1 for auroc in found.values())
        assert all(0 < auroc.error < 0.02 for auroc in found.values())
        if (kind, who) == ("blurred", "model"):  # the more slip in, the less is found
            values = [auroc.value for auroc in found.values()]
            assert all(more < less for less, more in itertools.pairwise(values))


def test_what_was_measured_of_another_model_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = json.loads(anomaly.KEPT.read_text(encoding="utf-8"))
    changed["3"]["sha256"] = "0" * 64
    monkeypatch.setattr(anomaly, "KEPT", tmp_path / "contamination.json")
    anomaly.KEPT.write_text(json.dumps(changed), encoding="utf-8")
    assert anomaly.contaminated(3, "mse") == {}
    assert anomaly.contaminated(4, "mse")


def test_anomalies_are_mixed_in_as_a_live_run_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def fit(model: Autoencoder, images: np.ndarray, **options: Any) -> Iterator[None]:
        seen.append(images)
        assert options["steps"] == 30 * -(-len(images) // 128)
        return iter(())

    monkeypatch.setattr(loop, "fit", fit)
    found = one_class.contaminated(7, 0.2)
    card = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(7)).card
    spec = RunSpec.model_validate(anomaly.recipe(card, (7,), 0.2))
    expected = MNIST.train_images[training_set(spec, MNIST.train_labels)]
    assert np.array_equal(seen[0], expected)
    # It never learned: its AUROC is that of fresh weights, reckoned here by counting pairs.
    model = optim.build(spec.model_class, spec.config, spec.seed)
    normal, odd = anomaly.normal_images(MNIST, (7,)), anomaly.odd_images(MNIST, (7,))
    linear = pca.fit(expected, anomaly.PCA_WIDTH)  # of the same images, anomalies included
    for who, of in (("model", model.eval()), ("pca", linear)):
        low, high = (anomaly.score("mse", of, part.images) for part in (normal, odd))
        pairs = (high > low[:, None]).mean() + (high == low[:, None]).mean() / 2
        assert found[who]["mse"].value == pytest.approx(pairs, abs=1e-6)


def test_a_live_run_repeats_the_recipe_of_the_pretrained_model() -> None:
    card = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(3)).card
    spec = RunSpec.model_validate(anomaly.recipe(card, (3,), 0.1))
    assert (spec.config, spec.batch, spec.lr) == (card.config, card.batch, card.lr)
    assert (spec.classes, spec.contamination) == ((3,), 0.1)
    assert spec.epochs == pytest.approx(30)
    many = RunSpec.model_validate(anomaly.recipe(card, (1, 2, 3, 4, 5), 0.0))
    assert many.seconds
    assert many.seconds <= 60


# -- what was chosen ----------------------------------------------------------------------------


def test_scores_are_compared_as_the_app_computes_them() -> None:
    linear = anomaly.fit_pca(FEW, np.arange(600))
    x = FEW.test_images
    found = one_class.errors_of(x, linear.reconstruct(x), anomaly_score.BLUR)
    assert found["MSE"] == pytest.approx(anomaly.score("mse", linear, x))
    assert found["blurred, per ink"] == pytest.approx(anomaly.score("blurred", linear, x), rel=1e-5)
    model = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(3))
    mean = one_class.mean_of_corrupted(model, model, x[:9])
    assert mean == pytest.approx(anomaly_score.expected_reconstructions(model, x[:9]), abs=1e-6)


def test_what_is_compared_no_model_has_seen() -> None:
    images, labels = one_class.unseen(MNIST)
    assert np.array_equal(images, MNIST.train_images[50_000:])
    for digit in range(10):
        card = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(digit)).card
        assert np.array_equal(one_class.seen(MNIST, digit), anomaly.seen(card, MNIST))
        assert one_class.seen(MNIST, digit).max() < 50_000
    assert np.array_equal(labels, MNIST.train_labels[50_000:])


KINDS = ("mse", "blurred")


def test_the_best_is_chosen_by_either_score_and_within_its_error_by_the_plain_one() -> None:
    kept = {
        "a": {"mse": [0.90, 0.01], "blurred": [0.97, 0.005]},
        "b": {"mse": [0.95, 0.01], "blurred": [0.966, 0.005]},  # within the error of the first
        "c": {"mse": [0.964, 0.01], "blurred": [0.90, 0.005]},
    }
    assert one_class.best(kept, ["a", "b", "c"]) == "b"
    assert one_class.best(kept, ["a", "c"]) == "a"


def test_what_the_app_has_is_what_was_chosen() -> None:
    kept = json.loads(one_class.CHOSEN.read_text(encoding="utf-8"))
    recipes = [one_class.PRETRAINED, *one_class.RIVALS]
    assert one_class.best(kept, recipes) == one_class.PRETRAINED
    widths = [f"PCA, {width}" for width in one_class.PCA_WIDTHS]
    assert one_class.best(kept, widths) == f"PCA, {anomaly.PCA_WIDTH}"
    blurs = {blur: kept["scores of models"][f"blur {blur:g}"][0] for blur in one_class.BLURS}
    assert max(blurs, key=blurs.__getitem__) == anomaly_score.BLUR
    compared = {k: v[0] for k, v in kept["scores of models"].items() if k[:3] in ("one", "mea")}
    assert max(compared, key=compared.__getitem__) == "mean, blurred, per ink"
    text = (one_class.CHOSEN.parent / "one_class.md").read_text(encoding="utf-8")
    for name in (one_class.PRETRAINED, *widths):
        assert f"{kept[name]['mse'][0]:.4f} ± {kept[name]['mse'][1]:.4f}" in text
    said = texts.of("anomaly").part("explanation", score="")
    others = [one_class.PRETRAINED, "nothing masked, 256 units wide", f"PCA, {anomaly.PCA_WIDTH}"]
    blurred, plain = ([f"{kept[name][kind][0]:.3f}" for name in others] for kind in KINDS[::-1])
    for figure in (*blurred, *plain):
        assert figure in said
    assert max(kept[name][kind][1] for name in others for kind in KINDS) < 0.0015
