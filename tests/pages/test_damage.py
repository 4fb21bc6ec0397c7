"""Damaged runs and folders that cannot be written: a sentence, and every page goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aeviz.app import library, pages
from aeviz.models import checkpoint
from aeviz.training import curves, place, store
from tests.pages.opening import chosen_model, components, opened

PRETRAINED = checkpoint.FOLDER / "vanilla-2d.safetensors"
WAYS = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "newer": lambda path: path.write_bytes(b'{"of": "a newer aeviz", "state": "dreaming"}'),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
DAMAGE = [  # each file, and each way that one can be bad; tests/test_worker.py has them all
    *(("spec.json", way) for way in ("empty", "gone", "newer")),
    *(("status.json", way) for way in ("empty", "half", "newer", "a folder")),
    *(("preview.npz", way) for way in ("half", "noise")),
    *(("metrics.jsonl", way) for way in ("noise", "a folder")),
    *(("final.safetensors", way) for way in ("half", "gone", "a folder")),
]


@pytest.fixture
def run() -> Iterator[str]:
    """A finished run, with curves."""
    name = store.add(PRETRAINED.read_bytes())
    means = curves.Means(terms={"reconstruction": 1.0})
    points = [curves.Point(step=k, epoch=0.0, train=means, validation=means) for k in range(3)]
    lines = "".join(point.model_dump_json() + "\n" for point in points)
    (place.path_of(name) / "metrics.jsonl").write_text(lines, encoding="utf-8")
    yield name
    shutil.rmtree(place.path_of(name))


def told(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.error, *app.warning, *app.info))


@pytest.mark.parametrize(("file", "way"), DAMAGE)
def test_the_page_of_a_damaged_run_says_so_and_offers_the_others(
    run: str, file: str, way: str
) -> None:
    WAYS[way](place.path_of(run) / file)
    app = opened("train", run=run)
    said = told(app)
    if file in ("preview.npz", "metrics.jsonl"):  # what there is, is shown
        (watched,) = components(app, "watch")
        assert watched["text"]
        assert any(button.label == "Explore its map" for button in app.button)
    else:
        assert said
        assert "Traceback" not in said
    assert app.file_uploader  # the page goes on below
    # Nor does the link break what its owner does next.
    app.switch_page("../../pages/sample.py").run()
    assert not app.exception


@pytest.mark.parametrize("way", ["half", "noise", "a folder"])
@pytest.mark.parametrize("page", ["loss", "compare"])
def test_a_link_to_a_damaged_model_says_so_and_shows_the_home_pages(
    run: str, page: str, way: str
) -> None:
    WAYS[way](place.path_of(run) / "final.safetensors")
    app = AppTest.from_file("entry.py", default_timeout=120)
    app.query_params["model"] = run
    app.run()
    assert not app.exception
    assert "model of this link cannot be used" in told(app)
    app.switch_page(f"../../pages/{page}.py").run()
    assert not app.exception
    assert chosen_model(app) == library.home()


LINE = """{"step": 9, "epoch": 0, "train": {"terms": {"reconstruction": 1}},
 "validation": {"terms": {}}}""".replace("\n", "")


def live_app() -> None:
    import streamlit as st

    from aeviz.app.views import run as view

    view.live(st.query_params["run"], True)


@pytest.mark.parametrize(("file", "content"), [("spec.json", ""), ("metrics.jsonl", f"{LINE}\n")])
def test_what_is_damaged_while_one_watches_is_a_sentence_at_most(
    run: str, file: str, content: str
) -> None:
    with (place.path_of(run) / file).open("a" if content else "w", encoding="utf-8") as damaged:
        damaged.write(content)
    app = AppTest.from_function(live_app, default_timeout=60)
    app.query_params["run"] = run
    app.run()
    assert not app.exception
    assert len(app.warning) == (file == "spec.json")
    assert components(app, "watch")


def fragment_app() -> None:
    import streamlit as st

    from aeviz.app import sidebar

    if "again" not in st.session_state:
        st.session_state.again = True
        sidebar.still_there(st.query_params["model"])
        st.text("goes on")
    else:
        st.text("runs the page again")


@pytest.mark.parametrize("there", [True, False])
def test_a_part_of_a_page_whose_model_has_gone_runs_the_page_again(run: str, there: bool) -> None:
    if not there:
        shutil.move(place.path_of(run), place.path_of(run).with_name("elsewhere"))
    app = AppTest.from_function(fragment_app, default_timeout=60)
    app.query_params["model"] = run
    app.run()
    assert not app.exception
    assert app.text[0].value == ("goes on" if there else "runs the page again")
    if not there:
        shutil.move(place.path_of(run).with_name("elsewhere"), place.path_of(run))


@pytest.mark.parametrize("variable", ["AEVIZ_CACHE", "AEVIZ_RUNS"])
@pytest.mark.parametrize("where", ["/proc/aeviz", "a file"])
def test_a_folder_that_cannot_be_written_is_one_sentence_with_the_variables_name(
    variable: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "a file":
        (tmp_path / "file").touch()
        where = str(tmp_path / "file" / "runs")
    monkeypatch.setenv(variable, where)
    for page in pages.PAGES:
        app = opened(page)
        assert sum(variable in warning.value for warning in app.warning) == 1, page
    app = opened("train", variant="vanilla")
    train = next(button for button in app.button if button.label == "Train")
    train.click().run()
    assert not app.exception
    (error,) = app.error
    assert variable in error.value
    assert next(button for button in app.button if button.label == "Train")  # the form is there
    upload = app.file_uploader[0].upload("model.safetensors", PRETRAINED.read_bytes())
    upload.run()
    assert not app.exception
    assert any(variable in error.value for error in app.error)
