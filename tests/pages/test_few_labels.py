"""The page on few labels without a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import few_labels
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.zoo import MODELS
from aeviz.training import store
from tests.pages.opening import chosen_model, opened

KEPT = few_labels.kept()
FIRST = next(iter(KEPT))


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path / "cache"))


def open_page(model: str) -> AppTest:
    return opened("few_labels", model=model)


def said(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)


def test_what_is_kept_is_shown_with_its_finding_and_the_next_model_is_one_click_away() -> None:
    app = open_page(FIRST)
    found = KEPT[FIRST]
    assert few_labels.finding(found) in said(app)
    table = app.table[0].value.set_index("Labels")
    for method in few_labels.METHODS:
        line = table.loc[few_labels.title(method, found.numbers)]
        assert list(line) == [few_labels.points(found.mean(method, n)) for n in found.counts]
    worth = [few_labels.points(found.worth(n), signed=True) for n in found.counts]
    assert list(table.loc["Pretraining is worth"]) == worth
    assert list(table) == ["10 (5 draws)", "100 (5 draws)", "1,000 (3 draws)", "60,000 (1 draw)"]
    seen = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert len(seen["data"]) == len(few_labels.METHODS)
    assert seen["layout"]["xaxis"]["type"] == "log"
    assert not app.info
    other = list(KEPT)[1]
    app.button(key=f"use-{other}").click().run()
    assert chosen_model(app) == other
    assert few_labels.finding(KEPT[other]) in said(app)


def test_a_model_that_was_told_all_labels_is_refused_with_the_reason() -> None:
    cards = checkpoint.pretrained()
    knows = next(n for n, c in cards.items() if MODELS[c.variant].uses_labels)
    app = open_page(knows)
    assert "trained with the label of every digit" in app.info[0].value
    assert few_labels.finding(KEPT[FIRST]) in said(app)  # of another model, not an empty page
    assert not any(b.label.startswith("Measure") for b in app.button)


def test_an_own_run_is_measured_by_a_button_first_with_few_labels_then_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = store.add((checkpoint.FOLDER / "linear-2d.safetensors").read_bytes())
    asked: list[tuple[int, ...]] = []

    def start(
        dataset: datasets.Dataset,
        content: bytes,
        counts: tuple[int, ...] = (),
        *,
        retry: bool = False,
    ) -> None:
        asked.append(counts)
        job = few_labels.job(dataset, content, counts)
        job.path.parent.mkdir(parents=True, exist_ok=True)
        part = {m: {n: found[n] for n in counts} for m, found in KEPT[FIRST].accuracy.items()}
        differ = {n: KEPT[FIRST].differ[n] for n in counts}
        learned = few_labels.Learned(numbers=2, tested=10_000, accuracy=part, differ=differ)
        job.file(job.result).write_text(learned.model_dump_json(), encoding="utf-8")

    monkeypatch.setattr(few_labels, "start", start)
    app = open_page(run)
    assert "is not measured on MNIST digits yet" in app.info[0].value
    for counts in (few_labels.FEW, few_labels.ALL):
        (button,) = (b for b in app.button if b.label.startswith("Measure"))
        button.click().run()
        assert not app.exception
        assert asked[-1] == counts
        assert not app.info
        assert [int(c.split()[0].replace(",", "")) for c in app.table[0].value.columns[1:]] == [
            n for part in asked for n in part
        ]
    assert not any(b.label.startswith("Measure") for b in app.button)
