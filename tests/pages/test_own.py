"""Which model is chosen when a run ends: in the tab where it was begun, and in others."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aeviz.app import library, own
from aeviz.models import checkpoint
from aeviz.training import owners, place, process, store, tickets
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus
from tests.pages.opening import chosen_model
from tests.training.making import small


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path))
    monkeypatch.setattr(process, "ensure_workers", lambda: None)
    monkeypatch.setattr(tickets, "is_claimed", lambda name: True)


ME = "0" * 32


def under_way(spec: RunSpec | None = None) -> str:
    files = {
        "spec.json": spec or small("linear", config={}),
        "status.json": RunStatus(state="running"),
    }
    content = (checkpoint.FOLDER / "linear-2d.safetensors").read_bytes()
    run = store.make_folder(files | {"final.safetensors": content})
    owners.add(run, ME)
    return run


def end(run: str, state: str, epoch: float) -> None:
    status = {"state": state, "step": 9, "steps": 90, "epoch": epoch}
    store.write(place.path_of(run) / "status.json", RunStatus.model_validate(status))


def tab(run: str, model: str = "") -> AppTest:
    """Another tab of the browser in which the run was begun, whose cookie says whose it is."""
    app = AppTest.from_file("entry.py", default_timeout=120)
    app.session_state["owner"] = ME
    if model:
        app.query_params["model"] = model
    app.run()
    assert not app.exception
    return app


def after(app: AppTest, run: str, state: str = "finished", epoch: float = 2.0) -> str:
    """The model that is chosen once the run has ended."""
    end(run, state, epoch)
    app.run()
    assert not app.exception
    return chosen_model(app)


def test_a_run_that_finishes_is_chosen_where_the_address_names_no_model() -> None:
    run = under_way()
    assert after(tab(run), run) == run


def test_a_link_brings_a_persons_runs_along_and_nobody_reads_it_off_the_address() -> None:
    run = under_way()
    first = AppTest.from_file("entry.py", default_timeout=120)
    first.session_state["owner"] = ME
    first.run()
    first.switch_page("../../pages/train.py").run()
    (link,) = [code.value for code in first.code if "owner=" in code.value]
    assert link.endswith(f"/train?owner={ME}")
    other = AppTest.from_file("entry.py", default_timeout=120)
    other.query_params["owner"] = ME
    other.run()
    assert not other.exception
    assert "owner" not in other.query_params
    other.switch_page("../../pages/train.py").run()
    assert [link for link in other.get("page_link") if link.proto.query_string == f"run={run}"]
    stranger = AppTest.from_file("entry.py", default_timeout=120).run()
    stranger.switch_page("../../pages/train.py").run()
    assert not any("owner=" in code.value for code in stranger.code)
    assert stranger.session_state["owner"] != ME


@pytest.mark.parametrize(("epoch", "chosen"), [(0.4, False), (1.0, True)])
def test_a_run_that_was_stopped_is_chosen_once_it_has_seen_all_images(
    epoch: float, chosen: bool
) -> None:
    run = under_way()
    app = tab(run)
    assert after(app, run, "stopped", epoch) == (run if chosen else library.home())
    assert any(b.label.startswith("Yours") for b in app.button)


def test_a_model_that_is_named_in_the_address_of_another_tab_stays_until_asked() -> None:
    run = under_way()
    app = tab(run, "vanilla-32d")
    assert after(app, run) == "vanilla-32d"
    assert app.query_params["model"] == "vanilla-32d"
    next(b for b in app.button if b.label == "Use the new one").click().run()
    assert chosen_model(app) == run
    next(b for b in app.button if b.label == "Undo").click().run()
    assert chosen_model(app) == "vanilla-32d"
    assert not any(b.label == "Use the new one" for b in app.button)


def test_where_a_run_was_begun_it_is_chosen_whatever_the_address_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "create", under_way)
    begun: list[str] = []
    inner = own.choose_finished

    def as_the_page_begins() -> None:
        if not begun:
            begun.append(own.start(small("linear", config={})))
        inner()

    monkeypatch.setattr(own, "choose_finished", as_the_page_begins)
    app = AppTest.from_file("entry.py", default_timeout=120)
    app.query_params["model"] = "vanilla-32d"
    app.run()
    assert not app.exception
    assert after(app, begun[0]) == begun[0]
