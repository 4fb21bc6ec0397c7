"""What a run shall do: sentences, and which images it sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aeviz.data import datasets
from aeviz.training.spec import held_out_set, sentence, summary, training_set
from aeviz.training.status import RunStatus
from tests.training.making import small


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"config": {"latent_dim": 2000}}, "latent_dim must be from 1 to 1024, not 2000."),
        ({"config": {"latent_dim": 2.5}}, "latent_dim must be a whole number, not 2.5."),
        ({"config": {"colour": "red"}}, "There is no setting colour."),
        ({"variant": "quantum"}, "There is no variant 'quantum'."),
        ({"data": "cifar"}, "There is no data set 'cifar'."),
        ({"steps": None}, "A run needs a length: epochs or seconds."),
        ({"seconds": 5, "epochs": 5}, "A run is given either epochs or seconds, not both."),
        ({"classes": ()}, "Classes are numbers from 0 to 9, at least one."),
        ({"classes": (3, 10)}, "Classes are numbers from 0 to 9, at least one."),
        ({"contamination": 0.1}, "Contamination comes from other classes: leave some out."),
    ],
)
def test_a_bad_setting_is_one_sentence(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="validation error") as raised:
        small(**settings)
    assert sentence(raised.value) == said


@pytest.mark.parametrize("field", ["lr", "batch", "seed", "epochs", "seconds"])
def test_a_bad_number_is_named(field: str) -> None:
    bad: dict[str, Any] = {"steps": None, field: -1}
    with pytest.raises(ValueError, match="validation error") as raised:
        small(**bad)
    assert sentence(raised.value).lower().startswith(field)
    assert "\n" not in sentence(raised.value)


def test_what_a_run_will_do_and_where_it_stands_are_sentences() -> None:
    assert "**1 epoch (50 steps)**" in summary(small(steps=None, epochs=1, batch=1000))
    assert "**3 epochs (150 steps)**" in summary(small(steps=None, epochs=3, batch=1000))
    assert "**20 seconds**" in summary(small(steps=None, seconds=20))
    status = RunStatus(
        state="running", step=1500, steps=4000, epoch=7.65, images_per_second=12_345.6
    )
    status = status.model_copy(update={"seconds_left": 83.4})
    assert status.fraction == 0.375
    assert status.progress == (
        "Step 1,500 of 4,000, epoch 7.7, 12,346 images a second, 1 min 23 s left"
    )
    assert RunStatus().progress == "Queued, before its first step"
    assert RunStatus(message="Downloading: 3%").progress == "Downloading: 3%"
    failed = RunStatus(state="failed", message="No data.")  # said elsewhere
    assert failed.progress == "Failed, before its first step"


@pytest.mark.parametrize("contamination", [0.0, 0.01, 0.1, 0.2])
def test_a_run_of_some_classes_sees_just_the_asked_share_of_others(contamination: float) -> None:
    labels = datasets.load().train_labels
    spec = small(classes=(3, 5), contamination=contamination)
    seen = training_set(spec, labels)
    assert isinstance(seen, np.ndarray)
    assert len(np.unique(seen)) == len(seen)
    assert seen.max() < 50_000
    odd = ~np.isin(labels[seen], (3, 5))
    assert (~odd).sum() == np.isin(labels[:50_000], (3, 5)).sum()
    assert odd.sum() == pytest.approx(contamination * len(seen), abs=0.5)
    if contamination:
        assert len(np.unique(labels[seen[odd]])) == 8  # drawn from all other classes
        other = training_set(small(classes=(3, 5), contamination=contamination, seed=1), labels)
        assert isinstance(other, np.ndarray)
        assert not np.array_equal(seen, other)
    held_out = held_out_set(spec, labels)
    assert isinstance(held_out, np.ndarray)
    assert held_out.min() >= 50_000
    assert set(labels[held_out]) == {3, 5}
    assert training_set(small(), labels) == slice(50_000)
    with pytest.raises(ValueError, match="too few"):
        training_set(small(classes=tuple(range(9)), contamination=0.2), labels)


def test_where_the_data_is_not_here_the_sentence_promises_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets, "_loaded", {})
    said = summary(small(data="kmnist"))
    assert "on up to 50,000 images of KMNIST" in said
    assert "validated on up to 2,000 held-out images" in said
    said = summary(small())
    assert "50,000 images of MNIST digits with batch size 128, validated on 2,000 held-out" in said


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_images_to_train_on_are_refused(n: int) -> None:
    labels = np.full(n, 3, np.uint8)
    for spec in (small(), small(classes=(3,))):
        for which in (training_set, held_out_set):
            with pytest.raises(ValueError, match="There are too few images"):
                which(spec, labels)
