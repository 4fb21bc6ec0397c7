"""CONTRIBUTING.md's variant, dropped into a copy of the project, passes what every variant must."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
VARIANT, FORMULA_TEST = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests with the example in them, as the text says."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("aeviz", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    named = re.search(r"Save this as `(\S+)`", TEXT)
    assert named is not None
    (folder / named[1]).write_text(VARIANT, encoding="utf-8")
    (folder / "tests" / "models" / "variants" / "test_decorrelated.py").write_text(
        FORMULA_TEST, encoding="utf-8"
    )
    return folder


def run(copy: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=copy,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_passes_what_every_variant_must(copy: Path) -> None:
    formulas = "tests/models/variants/test_decorrelated.py"
    others = ("models/test_zoo.py", "models/test_apply.py", "training/test_loop.py")
    tests = [formulas, *(f"tests/{name}" for name in others)]
    options = ["-k", "decorrelated", "-q", "-p", "no:cacheprovider", "-n", "0"]
    out = run(copy, "pytest", *tests, *options)
    passed = re.search(r"(\d+) passed", out)
    assert passed is not None
    assert int(passed[1]) >= 20
    assert "skipped" not in out


def test_the_example_has_options_of_its_own(copy: Path) -> None:
    out = run(copy, "aeviz", "train", "decorrelated", "--help")
    assert "--penalty" in out


def test_the_example_is_formatted_and_linted(copy: Path) -> None:
    files = ["aeviz/models/variants/decorrelated.py", "tests/models/variants/test_decorrelated.py"]
    run(copy, "ruff", "format", "--check", "--no-cache", *files)
    run(copy, "ruff", "check", "--no-cache", *files)


def test_the_files_that_the_text_names_are_there() -> None:
    names = set(
        re.findall(r"`((?:tests|aeviz|pages|benchmarks)/[\w./]*|[\w-]+\.(?:txt|py))`", TEXT)
    )
    names -= {"aeviz/models/variants/decorrelated.py", "tests/models/variants/test_decorrelated.py"}
    assert len(names) > 5
    for name in names | {".ci/run", "requirements-dev.txt"}:
        assert (ROOT / name).exists(), name
