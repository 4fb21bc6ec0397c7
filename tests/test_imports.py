"""Imports point one way, and what takes long to import is imported only where it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each room imports only from rooms in earlier lines. A new module takes its place here.
ORDER = [
    {"aeviz.files"},
    {
        "aeviz.data.datasets",
        "aeviz.data.digits",
        "aeviz.models.base",
        "aeviz.charts.figures",
        "aeviz.jobs",
    },
    {"aeviz.models.nets"},
    {"aeviz.charts.export"},
    {"aeviz.models.zoo"},
    {
        "aeviz.training.loop",
        "aeviz.models.checkpoint",
        "aeviz.models.apply",
        "aeviz.analysis.projections",
        "aeviz.training.spec",
    },
    {
        "aeviz.analysis.planes",
        "aeviz.analysis.evaluate",
        "aeviz.charts.diagram",
        "aeviz.analysis.inpainting",
        "aeviz.analysis.mechanism",
    },
    {
        "aeviz.analysis.compare",
        "aeviz.data.perturb",
        "aeviz.analysis.anomaly",
        "aeviz.analysis.uses",
        "aeviz.analysis.few_labels",
        "aeviz.analysis.denoising",
    },
    {"aeviz.training.runs"},
    {"aeviz.training.worker"},
    {"aeviz.app.components.browser", "aeviz.app.session"},
    {
        "aeviz.app.components.latent_map",
        "aeviz.app.components.player",
        "aeviz.app.components.patches",
        "aeviz.app.components.threshold",
        "aeviz.app.components.watch",
        "aeviz.app.components.link",
    },
    {"aeviz.app.own"},
    {"aeviz.app.ui"},
    {
        "aeviz.app.views.map",
        "aeviz.app.views.train",
        "aeviz.app.intake",
        "aeviz.app.views.denoise",
        "aeviz.app.views.inpainting",
        "aeviz.app.views.anomaly",
        "aeviz.app.views.loss",
    },
    {"pages"},
    {"app"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}

STREAMLIT = {
    "app",
    "pages",
    "aeviz.app.session",
    "aeviz.app.own",
    "aeviz.app.components.watch",
    "aeviz.app.components.link",
    "aeviz.app.ui",
    "aeviz.app.views.train",
    "aeviz.app.views.loss",
    "aeviz.app.intake",
    "aeviz.app.components.browser",
    "aeviz.app.components.latent_map",
    "aeviz.app.views.map",
    "aeviz.app.components.player",
    "aeviz.app.components.patches",
    "aeviz.app.components.threshold",
    "aeviz.app.views.denoise",
    "aeviz.app.views.inpainting",
    "aeviz.app.views.anomaly",
    "benchmarks.visitor",
}


def room_of(name: str) -> str:
    """The room that a module belongs to: variants and pages share theirs."""
    for shared in ("aeviz.models.zoo", "pages"):
        if name == shared or name.startswith(f"{shared}."):
            return shared
    return name


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
    if name_of(path) != "aeviz"
}


def imported(node: ast.AST) -> Iterator[str]:
    """Every module that a file imports, except in `main`: a command line may ask for anything."""
    if isinstance(node, ast.FunctionDef) and node.name == "main":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide the direction"
        assert node.module is not None
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in FILES or node.module == "aeviz" else node.module
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def imports(path: Path) -> set[str]:
    return set(imported(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", FILES)
def test_a_module_imports_only_what_lies_below_it(name: str) -> None:
    level = LEVEL[room_of(name)]  # a KeyError: give the new module its place in ORDER
    for other in imports(FILES[name]):
        if other.split(".")[0] not in ("aeviz", "pages", "app"):
            continue
        room = room_of(other)
        inside = room == room_of(name) == "aeviz.models.zoo" and name == "aeviz.models.zoo"
        assert inside or LEVEL[room] < level, f"{name} imports {other}"


def test_the_order_names_only_rooms_that_exist() -> None:
    assert set(LEVEL) == {room_of(name) for name in FILES}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("aeviz.models.zoo.")])
def test_a_variant_is_read_with_its_contract_and_trunks_alone(name: str) -> None:
    house = {other for other in imports(FILES[name]) if other.startswith("aeviz")}
    assert house <= {"aeviz.models.base", "aeviz.models.nets"}


def test_only_the_glue_imports_streamlit() -> None:
    paths = FILES | {name_of(path): path for path in (ROOT / "benchmarks").rglob("*.py")}
    users = {
        room_of(name)
        for name, path in paths.items()
        if any(other.split(".")[0] == "streamlit" for other in imports(path))
    }
    assert users <= STREAMLIT
    assert "aeviz.app.ui" in users  # the search finds something


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


def test_data_needs_no_torch() -> None:
    assert not loaded_by("aeviz.data.datasets", "aeviz.data.digits") & {
        "torch",
        "torchvision",
        "streamlit",
    }


def test_the_core_starts_without_streamlit_and_without_what_is_seldom_needed() -> None:
    core = [name for name in FILES if name.startswith("aeviz.") and room_of(name) not in STREAMLIT]
    assert len(core) > 10
    loaded = loaded_by(*core)
    assert not loaded & {"streamlit", "torchvision", "sklearn", "umap", "numba", "tensorflow"}
    assert "torch" in loaded


def test_the_app_starts_without_what_is_seldom_needed() -> None:
    loaded = loaded_by("aeviz.app.ui", "aeviz.app.views.map", "aeviz.app.components.player")
    assert not loaded & {"torchvision", "sklearn", "umap", "numba"}
    assert "streamlit" in loaded
