"""Imports point one way, and what takes long to import is imported only where it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("data", "models", "analysis", "charts", "training", "app")
"""A file imports from its own room and from those to its left."""
EVERYWHERE = ("aeviz.environment", "aeviz.files", "aeviz.jobs")
"""What any room may import; they know no room."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path
    for path in [
        ROOT / "app.py",
        *sorted((ROOT / "pages").glob("*.py")),
        *sorted((ROOT / "aeviz").rglob("*.py")),
    ]
}
BESIDE = {name_of(path): path for path in (ROOT / "benchmarks").rglob("*.py")}


def place_of(name: str) -> int:
    """How far to the right a module of the house stands."""
    parts = name.split(".")
    if name in EVERYWHERE:
        return -1
    if len(parts) > 1 and parts[1] in ROOMS:
        return ROOMS.index(parts[1])
    return len(ROOMS)  # app.py, pages/, and the doors of the package


def imported(node: ast.AST) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide the direction"
        assert node.module is not None
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in FILES else node.module
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def imports(path: Path) -> set[str]:
    return set(imported(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_from_its_own_room_and_from_those_to_its_left(name: str) -> None:
    for other in imports(FILES[name]):
        root = other.split(".")[0]
        assert root not in ("benchmarks", "tests", "app"), f"{name} imports {other}"
        if root in ("aeviz", "pages"):
            assert place_of(other) <= place_of(name), f"{name} imports {other}"


@pytest.mark.parametrize("name", EVERYWHERE)
def test_what_every_room_may_use_knows_no_room(name: str) -> None:
    house = {other for other in imports(FILES[name]) if other.split(".")[0] == "aeviz"}
    assert house <= set(EVERYWHERE)


def test_the_house_has_these_rooms_and_no_other() -> None:
    found = {path.name for path in (ROOT / "aeviz").iterdir() if path.is_dir()}
    assert found - {"__pycache__"} == set(ROOMS)
    assert {name for name in FILES if place_of(name) == 0} > {"aeviz.data.datasets"}


def circles(files: dict[str, Path]) -> list[list[str]]:
    """Chains of modules that import each other around to where they began."""
    arrows = {name: imports(path) & set(files) for name, path in files.items()}
    done: set[str] = set()
    found: list[list[str]] = []

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in done:
            for other in sorted(arrows[name]):
                walk(other, [*way, name])
            done.add(name)

    for name in files:
        walk(name, [])
    return found


def test_no_modules_import_each_other() -> None:
    assert circles(FILES) == []


@pytest.mark.parametrize("name", [n for n in FILES if n.startswith("aeviz.models.variants.")])
def test_a_variant_is_read_with_its_contract_and_trunks_alone(name: str) -> None:
    house = {other for other in imports(FILES[name]) if other.startswith("aeviz.models")}
    assert house <= {f"aeviz.models.{name}" for name in ("base", "gaussian", "nets", "settings")}


def test_only_the_app_imports_streamlit() -> None:
    users = {
        name
        for name, path in {**FILES, **BESIDE}.items()
        if any(other.split(".")[0] == "streamlit" for other in imports(path))
    }
    allowed = ("aeviz.app", "app", "pages", "benchmarks.visitor")
    belongs = {name: [one for one in allowed if f"{name}.".startswith(f"{one}.")] for name in users}
    assert {name for name in users if not belongs[name]} == set()
    assert {one for found in belongs.values() for one in found} == set(allowed)  # none is stale


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("pages.")])
def test_a_page_has_no_mathematics(name: str) -> None:
    roots = {other.split(".")[0] for other in imports(FILES[name])}
    assert not roots & {"torch", "scipy", "sklearn", "umap", "plotly", "math"}


def loaded_by(*modules: str) -> set[str]:
    """Top-level names in sys.modules of a fresh Python that imported these modules."""
    program = f"import sys, {', '.join(modules)}; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    return set(done.stdout.split())


def in_rooms(*rooms: str) -> list[str]:
    return [name for name in FILES if name.startswith(tuple(f"aeviz.{room}." for room in rooms))]


def test_data_needs_no_torch() -> None:
    assert not loaded_by(*in_rooms("data")) & {"torch", "torchvision", "streamlit"}


def test_the_core_starts_without_streamlit_and_without_what_is_seldom_needed() -> None:
    core = in_rooms(*ROOMS[:-1])
    assert len(core) > 30
    loaded = loaded_by(*core)
    assert not loaded & {"streamlit", "torchvision", "sklearn", "umap", "numba", "tensorflow"}
    assert "torch" in loaded


def test_the_first_view_needs_no_torch() -> None:
    loaded = loaded_by("aeviz.app.first", "aeviz.app.base_path")
    assert not loaded & {"torch", "scipy", "pandas", "sklearn"}
    assert "streamlit" in loaded


def test_the_app_starts_without_what_is_seldom_needed() -> None:
    loaded = loaded_by(*in_rooms("app"))
    assert not loaded & {"torchvision", "sklearn", "umap", "numba"}
    assert "streamlit" in loaded


def test_session_state_and_the_address_are_read_and_written_in_one_module() -> None:
    for folder in ("aeviz/app", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name == "session.py":
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            given = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
            assert not used & {"session_state", "query_params"}, path
            assert not given & {"bind", "persist_state"}, path
