"""The anomaly page without a browser: every control, scores, counts, and what it hands out."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from aeviz.analysis import anomaly, anomaly_score, detection
from aeviz.app.views import anomaly as view
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.training import place, process, store, tickets
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus
from tests.pages.opening import chosen_model, components, kept, opened

MNIST = datasets.load()


@pytest.fixture(scope="module", autouse=True)
def few_images() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("NORMAL", 60), ("ODD", 90), ("HELD_OUT", 80), ("FITTED", 200)):
            patch.setattr(anomaly, name, number)
        view.scores.clear()
        yield
    view.scores.clear()


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path))


def open_page(**address: Any) -> AppTest:
    return opened("anomaly", **address)


def sent(app: AppTest) -> dict:
    """What the page sends to the component."""
    return components(app, "threshold")[0]


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f8")


def measured(kind: str, digit: int, *, by_pca: bool = False) -> anomaly.Scores:
    """Scores of the pretrained model of a digit, or of PCA of the images that it has seen."""
    model = checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(digit))
    seen = np.flatnonzero(MNIST.train_labels[:50_000] == digit)
    of = anomaly.fit_pca(MNIST, seen) if by_pca else model
    return anomaly.measure(kind, of, model.card, MNIST, (digit,), seen)


def charts(app: AppTest) -> list[Any]:
    return [json.loads(found.proto.spec) for found in app.get("plotly_chart")]  # type: ignore[attr-defined]


def words(app: AppTest) -> str:
    return "\n".join(e.value for e in [*app.markdown, *app.caption, *app.info])


def a_letter() -> bytes:
    """An A, drawn with a black pen on white paper."""
    paper = Image.new("L", (400, 400), 255)
    pen = ImageDraw.Draw(paper)
    pen.line([(80, 340), (200, 50), (320, 340)], fill=10, width=30, joint="curve")
    pen.line([(125, 240), (275, 240)], fill=10, width=30)
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_pretrained_model_of_a_digit_with_every_way_to_set_its_threshold() -> None:
    app = open_page()
    expected = measured("mse", 3)
    data_sent = sent(app)
    assert unpacked(data_sent["normal"]) == pytest.approx(np.sort(expected.normal))
    assert unpacked(data_sent["odd"]) == pytest.approx(np.sort(expected.odd))
    assert data_sent["threshold"] == pytest.approx(np.quantile(expected.validation, 0.95))
    headers = ["New data", "Flag and act", "What is normal?", "How well does it separate?"]
    assert [s.value for s in app.header[:4]] == headers
    assert "80 training images that were held out from this model" in words(app)
    assert "pretrained on 5,101 images of the digit 3 alone" in words(app)

    # What anomalies in training cost is there without any training.
    known, _, linear = charts(app)[-1]["data"]
    both = {"model": (known, expected), "pca": (linear, measured("mse", 3, by_pca=True))}
    for who, (line, clean) in both.items():
        assert line["x"] == pytest.approx([0, 2, 5, 10, 20])
        points = [clean.curves.auroc, *anomaly.contaminated(3, "mse", who).values()]
        assert line["y"] == pytest.approx([point.value for point in points])
        assert line["error_y"]["array"] == pytest.approx([point.error for point in points])
    assert "learn to reconstruct what they should find odd" in words(app)
    app.radio(key="odd_score").set_value("latent").run()
    assert "from codes of normal images alone" in words(app)
    app.radio(key="odd_score").set_value("mse").run()

    # The slider moves the suggestion, and with it the threshold.
    app.slider(key="let_through").set_value(80.0).run()
    lower = float(np.quantile(expected.validation, 0.8))
    assert sent(app)["threshold"] == sent(app)["suggested"][1] == pytest.approx(lower)

    # A drag takes over, goes into the address, and what is flagged follows.
    dragged = float(np.median(expected.odd))
    selection = f"{anomaly.pretrained(3)} mse digits (3,)"
    app.session_state["odd_dragged, kept"].value = selection, dragged
    app.run()
    assert sent(app)["threshold"] == dragged
    assert float(app.query_params["threshold"]) == pytest.approx(dragged, rel=1e-5)
    odd = anomaly.odd_images(MNIST, (3,))
    bodies = [e.proto.body for e in app.get("html") if "aeviz-gallery" in e.proto.body]
    titles = [name.replace("-", ", test image ") for name in odd.names]
    worst = int(expected.odd.argmax())
    assert f"{titles[worst]}, original" in bodies[1]
    assert pixels.data_uri(datasets.to_float(odd.images[worst])) in bodies[1]
    missed = [titles[k] for k in expected.odd.argsort(kind="stable")[:10]]
    assert re.findall(r'alt="([^"]+), reconstruction"', bodies[2]) == missed
    next(b for b in app.button if b.label == "Back to 80 %").click().run()
    assert sent(app)["threshold"] == pytest.approx(lower)
    assert "threshold" not in app.query_params
    next(b for b in app.button if b.label == "Back to 95 %").click().run()  # the slider as well
    assert kept(app, "let_through") == 95
    assert next(b for b in app.button if b.label == "Back to 95 %").disabled

    # Another score, without scoring by a posterior that is not there.
    assert app.radio(key="odd_score").options == [
        "Reconstruction error",
        "Blurred error per ink",
        "Latent distance",
    ]
    assert "needs a posterior" in words(app)
    app.radio(key="odd_score").set_value("latent").run()
    expected = measured("latent", 3)
    assert unpacked(sent(app)["odd"]) == pytest.approx(np.sort(expected.odd))
    assert sent(app)["title"].startswith("Latent distance, standard deviations")
    assert not app.exception


def test_what_is_missed_is_explained_by_what_is_missed() -> None:
    """Of the digit 8 the plain error misses thin ones, which the blurred error does not favour."""
    app = open_page(normal_digits="8", let_through="98.0")
    odd = datasets.to_float(anomaly.odd_images(MNIST, (8,)).images)
    found = measured("mse", 8)
    some = found.odd.argsort(kind="stable")
    some = some[found.odd[some] <= np.quantile(found.validation, 0.98)][:10]
    ink = odd.sum((1, 2))
    (text,) = [m.value for m in app.markdown if m.value.startswith("**Missed.**")]
    assert f"They hold {ink[some].mean() / ink.mean():.0%} of the ink of an average" in text
    assert "learned strokes, not digits" in text
    app.radio(key="odd_score").set_value("latent").run()
    (text,) = [m.value for m in app.markdown if m.value.startswith("**Missed.**")]
    assert "ink" not in text
    assert "Their codes lie among those of normal images" in text


def test_the_page_says_whether_the_model_beats_pca_and_what_the_other_score_gives() -> None:
    app = open_page()
    (text,) = [m.value for m in app.markdown if m.value.startswith("By this score")]
    for kind in ("mse", "blurred"):
        ours, theirs = (measured(kind, 3, by_pca=by_pca).curves.auroc for by_pca in (False, True))
        assert f"AUROC {ours.value:.3f} against {theirs.value:.3f}" in text
    assert "By the *blurred error per ink*, another anomaly score, the model" in text
    app.radio(key="odd_score").set_value("latent").run()
    (text,) = [m.value for m in app.markdown if m.value.startswith("By this score")]
    assert "another anomaly score" not in text


@pytest.mark.parametrize("kind", ["mse", "blurred", "latent"])
def test_pca_is_scored_as_the_model_is_in_every_plot(kind: str) -> None:
    app = open_page(odd_score=kind)
    ours, theirs = measured(kind, 3), measured(kind, 3, by_pca=True)
    roc, precision_recall, contamination = charts(app)
    for chart, name, areas in (
        (roc, "AUROC", [each.curves.auroc for each in (ours, theirs)]),
        (precision_recall, "AP", [each.curves.average_precision(0.01) for each in (ours, theirs)]),
    ):
        _, model, linear, _ = chart["data"]
        assert model["name"] == f"Model, {name} {areas[0].text('.3f')}"
        assert linear["name"] == f"PCA, {name} {areas[1].text('.3f')}"
    assert contamination["data"][-1]["y"][0] == pytest.approx(theirs.curves.auroc.value)
    assert ("24 corrupted versions" in words(app)) == (kind == "blurred")
    assert "fitted to the same 5,101 training images" in words(app)


def test_an_address_of_an_earlier_version_asks_for_the_blurred_error() -> None:
    app = open_page(odd_score="strangeness")
    assert app.radio(key="odd_score").value == "blurred"
    assert app.query_params["odd_score"] == "blurred"


def test_the_share_of_anomalies_moves_precision_and_neither_recall_nor_false_alarms() -> None:
    app = open_page()
    scores = measured("mse", 3)
    before = sent(app)
    assert before["share"] == pytest.approx(0.01)
    for share in (0.1, 50.0):
        app.select_slider(key="odd_share").set_value(share).run()
        assert not app.exception
        assert float(app.query_params["odd_share"]) == share
        assert sent(app) == before | {"share": pytest.approx(share / 100)}
        roc, precision_recall, _ = charts(app)
        place = precision_recall["data"][-1]
        counts = detection.count(scores.normal, scores.odd, before["threshold"])
        recall, false = counts.caught / 90, counts.false_alarms / 60
        weighed = recall * share / (recall * share + false * (100 - share))
        assert (place["x"][0], place["y"][0]) == (pytest.approx(recall), pytest.approx(weighed))
        assert roc["data"][-1]["x"][0] == pytest.approx(false)
        area = scores.curves.average_precision(share / 100).text(".3f")
        assert precision_recall["data"][1]["name"] == f"Model, AP {area}"
        assert f"a world with {share:g} % anomalies; in this test set they are 60 %" in words(app)


def test_a_letter_of_ones_own_is_scored_marked_judged_and_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = open_page(anomaly_from="upload", normal_digits="0", odd_score="mse")
    app.file_uploader(key="anomaly_file").upload("a.png", a_letter(), "image/png").run()
    assert not app.exception
    ((name, score),) = sent(app)["marks"]
    assert name == "Your image"
    assert score > sent(app)["threshold"]
    assert "**flagged**" in words(app)
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Download flagged list", "Download flagged images"]

    # Where all digits are normal it is the only anomaly, and the model the chosen one.
    app.radio(key="odd_task").set_value("own").run()
    assert not app.exception
    model = checkpoint.load(checkpoint.FOLDER / chosen_model(app))
    assert unpacked(sent(app)["odd"]) == pytest.approx([sent(app)["marks"][0][1]])
    _, curve, linear, _ = charts(app)[0]["data"]  # of one anomaly no error can be known
    assert re.fullmatch(r"Model, AUROC [\d.]+", curve["name"])
    assert re.fullmatch(r"PCA, AUROC [\d.]+", linear["name"])
    assert len(unpacked(sent(app)["normal"])) == 60
    assert "80 that it has seen" in words(app)  # it was trained on all 60,000
    app.radio(key="odd_score").set_value("elbo").run()
    normal = anomaly.normal_images(MNIST, tuple(range(10))).images
    expected = anomaly.score("elbo", model, normal)
    assert unpacked(sent(app)["normal"]) == pytest.approx(np.sort(expected))

    # Fashion-MNIST, first without, then with it.
    app.radio(key="odd_task").set_value("fashion").run()
    assert "AEVIZ_DATA" in words(app)
    assert "No anomalies yet" not in words(app)  # the letter is one
    clothes = replace(MNIST, name="fashion", test_images=MNIST.test_images[:, ::-1])
    monkeypatch.setattr(anomaly_score, "stranger", lambda dataset: clothes)
    monkeypatch.setattr(datasets, "find_folder", lambda name: Path())
    app.run()
    assert not app.exception
    assert "AEVIZ_DATA" not in words(app)
    assert len(unpacked(sent(app)["odd"])) == 90


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """What was asked to be trained; each run has ended as soon as it is started."""
    made: list[RunSpec] = []

    def at_once(spec: RunSpec) -> str:
        """A run that ended: its model is that of one digit."""
        made.append(spec)
        content = (checkpoint.FOLDER / f"{anomaly.pretrained(3)}.safetensors").read_bytes()
        status = RunStatus(state="finished", step=1, steps=1)
        files = {"spec.json": spec, "status.json": status, "final.safetensors": content}
        return store.make_folder(files)

    monkeypatch.setattr(store, "create", at_once)
    monkeypatch.setattr(process, "ensure_workers", lambda: None)
    return made


def trace(app: AppTest, name: str) -> tuple[list[float], list[float]]:
    """A line of the last chart: shares in % and AUROCs."""
    chart = json.loads(app.get("plotly_chart")[-1].proto.spec)  # type: ignore[attr-defined]
    found = next(line for line in chart["data"] if line["name"] == name)
    return found["x"], found["y"]


def test_a_model_of_one_s_own_stands_beside_those_trained_beforehand(
    made: list[RunSpec],
) -> None:
    app = open_page()
    before = trace(app, "pretrained")
    assert before[0] == pytest.approx([0, 2, 5, 10, 20])
    for percent in (0, 7):  # without any, too: then there are two models, not another one instead
        app.slider(key="slipped_in").set_value(percent).run()
        next(b for b in app.button if b.label == "Train with these").click().run()
        assert not app.exception
    assert [spec.contamination for spec in made] == [0, 0.07]
    assert trace(app, "pretrained") == before
    assert trace(app, "yours")[0] == pytest.approx([0, 7])


def test_training_on_a_choice_of_digits_adds_a_model_and_a_point(
    made: list[RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(normal_digits="3,5", odd_score="mse")
    assert "No model of 3 and 5 is trained yet" in words(app)
    for percent in (0, 10):
        app.slider(key="slipped_in").set_value(percent)
        app.run()
        next(b for b in app.button if b.label == "Train with these").click().run()
        assert not app.exception
        assert (made[-1].classes, made[-1].contamination) == ((3, 5), percent / 100)
        assert "images of 3 and 5" in words(app)
    assert "10% of them of other digits" in words(app)
    chart = json.loads(app.get("plotly_chart")[-1].proto.spec)  # type: ignore[attr-defined]
    assert chart["data"][0]["marker"]["size"] == 10
    assert "contamination" in chart["layout"]["xaxis"]["title"]["text"]
    assert app.query_params["odd_runs"].count("run-") == 2

    # One that is under way shows how far it is, and can be stopped.
    folder = place.path_of(app.session_state["odd_runs"][-1])
    running = RunStatus(state="running", step=5, steps=10)
    store.write(folder / "status.json", running)
    monkeypatch.setattr(tickets, "is_claimed", lambda name: True)
    app.run()
    next(b for b in app.button if b.label == "Stop").click().run()
    assert store.wish(folder.name) == "stop"
    (folder / "final.safetensors").unlink()
    store.write(folder / "status.json", RunStatus(state="failed", message="Out of luck."))
    app.run()
    assert "Out of luck." in app.error[0].value
    app.pills(key="normal_digits").set_value([]).run()
    assert "Choose one to 5 digits" in words(app)


def test_what_is_set_is_there_again_after_another_page() -> None:
    app = open_page()
    app.pills(key="normal_digits").set_value(["7"]).run()
    app.slider(key="slipped_in").set_value(10).run()
    app.slider(key="let_through").set_value(80.0).run()
    app.radio(key="odd_score").set_value("blurred").run()
    app.select_slider(key="odd_share").set_value(5.0).run()
    before = sent(app)
    address = {"normal_digits": "7", "slipped_in": "10", "let_through": "80.0"}
    address |= {"odd_score": "blurred", "odd_share": "5.0"}
    assert address.items() <= dict(app.query_params).items()
    app.switch_page("../../pages/home.py").run()
    app.query_params.clear()
    app.switch_page("../../pages/anomaly.py").run()
    assert not app.exception
    assert sent(app) == before
    assert app.pills(key="normal_digits").value == ["7"]
    assert app.slider(key="slipped_in").value == 10
    assert kept(app, "let_through") == 80
    assert address.items() <= dict(app.query_params).items()


@pytest.mark.parametrize(
    ("asked", "chosen"), [("1,5", ["1", "5"]), (["1", "5"], ["1", "5"]), ("x", ["3"]), ("", ["3"])]
)
def test_an_address_says_which_digits_are_normal(asked: str | list[str], chosen: list[str]) -> None:
    app = open_page(normal_digits=asked)
    assert app.pills(key="normal_digits").value == chosen
