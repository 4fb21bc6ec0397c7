"""Files are written whole and tried again, their errors are sentences, and all text is UTF-8."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aeviz import files

ROOT = Path(__file__).parent.parent


def failing(act: Callable[..., Any], times: int, error: OSError) -> Callable[..., Any]:
    """What a method does, but its first calls fail."""
    left = [error] * times

    def method(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return act(*arguments)

    return method


LOCKED = PermissionError(errno.EACCES, "Permission denied")
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", ["replace", "write_bytes"])
def test_a_file_that_cannot_be_written_stays_as_it_was(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it"
    files.write(path, b"old")
    monkeypatch.setattr(Path, name, failing(getattr(Path, name), 1, FULL))
    with pytest.raises(OSError, match="No space"):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_open_elsewhere_for_a_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it"
    monkeypatch.setattr(Path, "replace", failing(Path.replace, 4, LOCKED))
    files.write(path, b"new")
    monkeypatch.setattr(Path, "read_bytes", failing(Path.read_bytes, 2, LOCKED))
    assert files.read(path) == b"new"


def test_a_file_that_stays_locked_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", failing(Path.replace, 99, LOCKED))
    with pytest.raises(PermissionError):
        files.write(tmp_path / "it", b"new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FULL, "since the disk is full: make room there, or set AEVIZ_RUNS to another folder."),
        (LOCKED, "since there is no permission: set AEVIZ_RUNS to a folder that can be written."),
        (
            FileNotFoundError(errno.ENOENT, "No such file"),
            "since it cannot be made: set AEVIZ_RUNS",
        ),
        (OSError(errno.EIO, "Input/output error"), "since input/output error: set AEVIZ_RUNS"),
        (OSError("Strange"), "since strange: set AEVIZ_RUNS"),
    ],
)
def test_what_cannot_be_kept_is_a_sentence_with_the_way_out(error: OSError, said: str) -> None:
    text = files.refused("Runs", Path("there"), error, "AEVIZ_RUNS")
    assert text.startswith(f"Runs cannot be kept in there, {said}")
    assert text.endswith(".")


# -- UTF-8 ------------------------------------------------------------------------------------

SOURCES = sorted(
    path
    for folder in ("aeviz", "benchmarks", "pages", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
NOT_TEXT = {"Image", "zipfile", "tarfile", "gzip", "archive", "os", "webbrowser"}
"""Whose `open` takes no encoding, or reads bytes unless told otherwise."""


def without_encoding(tree: ast.AST) -> Iterator[int]:
    """The lines that read or write text as the machine's locale says."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        of, name = call.func, ""
        if isinstance(of, ast.Name):
            name = of.id
        elif isinstance(of, ast.Attribute):
            root = of.value.id if isinstance(of.value, ast.Name) else ""
            name = "" if root in NOT_TEXT else of.attr
        if name not in ("open", "read_text", "write_text", "fdopen", "NamedTemporaryFile"):
            continue
        given = {word.arg for word in call.keywords}
        literals = [*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode")]
        modes = [str(a.value) for a in literals if isinstance(a, ast.Constant)]
        binary = any("b" in mode for mode in modes) or (name == "NamedTemporaryFile" and not modes)
        if "encoding" not in given and not binary:
            yield call.lineno


@pytest.mark.parametrize(
    "path", [ROOT / "app.py", *SOURCES], ids=lambda path: str(path.relative_to(ROOT))
)
def test_text_is_read_and_written_as_utf_8(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(without_encoding(tree)) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("open(path)", True),
        ("path.open('a')", True),
        ("path.open(newline='')", True),
        ("path.open('rb')", False),
        ("open(path, mode='wb')", False),
        ("path.read_text(encoding='utf-8')", False),
        ("Image.open(file)", False),
    ],
)
def test_the_search_for_text_finds_what_it_should(code: str, found: bool) -> None:
    assert bool(list(without_encoding(ast.parse(code)))) == found


def test_the_app_starts_where_the_locale_is_not_utf_8(tmp_path: Path) -> None:
    program = (
        "import locale; print(locale.getpreferredencoding(False))\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('tests/pages/entry.py', default_timeout=120).run()\n"
        "app.switch_page('../../pages/anomaly.py').run()\n"  # it shows the threshold's triangle
        "print(len(app.exception), [error.value for error in app.error])\n"
    )
    settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | settings | {"AEVIZ_CACHE": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    encoding, said = done.stdout.splitlines() or ("", done.stderr)
    assert encoding.lower() not in ("utf-8", "utf8")
    assert said == "0 []", done.stderr
