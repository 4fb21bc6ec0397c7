"""The settings of a server: variables, a file .env, and the table in README."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aeviz import environment
from aeviz.training import place

ROOT = Path(__file__).parent.parent


def test_readme_has_the_table_of_all_settings() -> None:
    assert environment.table() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_variable_counts_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path / "here"))
    assert place.folder() == tmp_path / "here"
    monkeypatch.setenv("AEVIZ_RUNS", "")
    assert place.folder() == environment.now().cache / "runs"


def test_a_file_beside_the_app_counts_and_a_variable_counts_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("AEVIZ_RUNS_MAX=1.5\nAEVIZ_RUNS_EACH=2\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AEVIZ_RUNS_EACH", "7")
    settings = environment.now()
    assert (settings.runs_max, settings.runs_each) == (1.5, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "0"),
        ("RUNS_MAX", "-1"),
        ("RUNS_EACH", "0"),
        ("MEMORY", "3"),
        ("LONGEST", "0"),
        ("EXECUTOR", "dask://host"),
        ("EXECUTOR", "slurm"),
    ],
)
def test_what_a_variable_cannot_mean_is_said_with_its_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AEVIZ_{name}", value)
    with pytest.raises(environment.SettingsError, match=f"^AEVIZ_{name} cannot be '{value}': "):
        environment.now()


def test_the_app_does_not_start_with_a_wrong_setting_and_says_which() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"],
        cwd=ROOT,
        env=os.environ | {"AEVIZ_WORKERS": "many"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode != 0
    assert "AEVIZ_WORKERS cannot be 'many': input should be a valid integer" in ended.stderr
