"""The list of pages, and what a page's file may be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from aeviz.app import pages

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pages").glob("*.py"))
MOST_LINES = 60


def test_each_file_is_a_page_and_each_page_a_file() -> None:
    assert {path.stem for path in FILES} == set(pages.PAGES)
    assert all(page.path.is_file() for page in pages.PAGES.values())
    titles = [page.title for page in pages.PAGES.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_page_is_thin(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    tree = ast.parse(text)
    made = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert made == []  # so that none reads what the script has by chance
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not {"np", "torch"} & called  # the mathematics is elsewhere
