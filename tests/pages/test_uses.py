"""The page on uses of a code without a browser: figures kept, and measured when asked."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from aeviz import jobs
from aeviz.analysis import baselines, uses
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.training import place, store
from tests.pages.opening import opened

NAME = "linear-2d"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path / "cache"))


def open_page(model: str, **query: str) -> AppTest:
    return opened("uses", model=model, **query)


def table(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value.set_index("Image as")


def shown(app: AppTest) -> pd.DataFrame:
    """What a person reads in the table."""
    texts = convert_arrow_bytes_to_pandas_df(
        app.dataframe[0].proto.arrow_data.styler.display_values
    )
    return texts.set_index("Image as")


def plot(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


def said(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)


def test_the_table_and_the_plot_show_what_is_kept_of_each_chosen_model() -> None:
    app = open_page(NAME)
    kept = baselines.kept()
    app.multiselect(key="codes").set_value([NAME, "vanilla-32d"]).run()
    assert not app.exception
    found = table(app)
    assert list(found.index)[:3] == ["Pixels", "PCA, 2 components", "PCA, 32 components"]
    assert len(found) == 5
    rows = dict(zip(found.index[3:], (NAME, "vanilla-32d"), strict=True))
    for title, name in rows.items():
        use, line = kept.models[name], found.loc[title]
        assert line["Dimensions"] == use.numbers
        assert line["Bytes"] == use.point.size.value
        assert line["Ratio"] == 784 / use.point.size.value
        assert line["Once"] == use.point.decoder / 1000
        assert {key: line[key] for key in use.figures} == {
            key: figure.value for key, figure in use.figures.items()
        }
        assert shown(app).loc[title, "probe_accuracy"] == use.figures["probe_accuracy"].brief()
        assert shown(app).loc[title, "Bytes"] == use.point.size.brief()
        assert "±" in use.point.size.brief()
    assert found.loc["Pixels", "Ratio"] == 1
    seen = plot(app)
    names = [trace["name"] for trace in seen["data"]]
    assert names[1:4] == [baselines.JPEG, baselines.SCAN, "other pretrained models"]
    assert names[4:] == list(rows)
    assert seen["layout"]["yaxis"]["title"]["text"].startswith("PSNR")
    text = said(app)
    assert f"**{kept.models[NAME].point.size.brief()} bytes**" in text
    assert "pays off" in text
    (caption,) = (c.value for c in app.caption if "one standard error" in c.value)
    assert "and so have Linear, 2 dimensions and Vanilla, 32 dimensions. Nothing" in caption
    assert "PCA needs" in text

    app.segmented_control(key="distortion").set_value("mse").run()
    assert not app.exception
    assert plot(app)["layout"]["yaxis"]["title"]["text"] == "Test MSE per pixel"
    assert app.latex


def test_no_column_is_narrower_than_its_head_in_large_type() -> None:
    app = open_page(NAME, large="true")
    columns = json.loads(app.dataframe[0].proto.columns)
    assert {"Bytes", "Ratio", "trustworthiness"} <= set(columns)
    for key, column in columns.items():
        head = len(column.get("label") or key)
        # A bold letter is 0.55 em wide or more, in 14/16 of 22 pixels, and 8 are free on each side.
        assert column.get("width") is None or column["width"] >= head * 0.55 * 19 + 16


def test_an_own_run_is_measured_by_a_button(monkeypatch: pytest.MonkeyPatch) -> None:
    content = (checkpoint.FOLDER / f"{NAME}.safetensors").read_bytes()
    run = store.add(content)
    asked: list[bytes] = []

    def start(dataset: datasets.Dataset, given: bytes, *, retry: bool = False) -> None:
        asked.append(given)
        job = uses.job(dataset, given)
        job.path.parent.mkdir(parents=True)
        kept = baselines.kept()
        found = uses.Measured(use=kept.models[NAME], linear=kept.references.linear[2])
        job.file(job.result).write_text(found.model_dump_json(), encoding="utf-8")

    monkeypatch.setattr(uses, "start", start)
    app = open_page(run)
    own = f"Yours, {place.started(run)}"
    assert not any(own in title for title in table(app).index)
    (button,) = (b for b in app.button if b.label.startswith("Measure Yours"))
    button.click().run()
    assert not app.exception
    assert asked == [content]
    assert any(own in title for title in table(app).index)
    assert not any(b.label.startswith("Measure") for b in app.button)


def test_a_measurement_that_failed_says_so_and_can_be_tried_again() -> None:
    run = store.add((checkpoint.FOLDER / f"{NAME}.safetensors").read_bytes())
    job = uses.job(datasets.load(), store.model_bytes(run))
    job.path.parent.mkdir(parents=True)
    jobs.report(job, 0.0, "", "Uses of a code failed: it was too much.")
    app = open_page(run)
    assert [error.value for error in app.error] == ["Uses of a code failed: it was too much."]
    assert any(b.label == "Try again" for b in app.button)


def test_on_other_data_the_digits_are_shown_until_it_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = datasets.load
    monkeypatch.setattr(datasets, "find_folder", lambda name: Path())
    other = datasets.Dataset("fashion", *(getattr(load(), f) for f in FIELDS))
    monkeypatch.setattr(
        datasets, "load", lambda name="mnist", **_: load() if name == "mnist" else other
    )
    app = open_page(NAME, data="fashion")
    assert "not measured on Fashion-MNIST" in app.info[0].value
    assert len(table(app)) > 2
    assert any(b.label == "Measure them on Fashion-MNIST" for b in app.button)


FIELDS = ("train_images", "train_labels", "test_images", "test_labels")
