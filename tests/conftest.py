"""What all tests share: they leave the user's own cache and runs alone.

They run in two processes. What a file's fixtures computed stays in one of them, and so does what
the pages keep for each other. Each process has one app and one browser for all its browser tests.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from xdist.scheduler import LoadScopeScheduling

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two pools on two cores slow each other tenfold


LONG = ("e2e", "pages", "training", "models", "analysis")
"""The rooms that take longest, in this order; what is left fills the last minute of both."""


class ByFile(LoadScopeScheduling):
    """Tests of a file go to one process, those of all pages too, the long rooms first."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "pages" if "/pages/" in file else file


def room(item: pytest.Item) -> int:
    """How early a test is run."""
    name = item.nodeid.removeprefix("tests/").partition("/")[0]
    return LONG.index(name) if name in LONG else len(LONG)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=room)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)  # pytest-xdist's own marks for groups need an older pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("AEVIZ_RUNS", raising=False)
        patch.delenv("AEVIZ_DATA", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_waited_for() -> Iterator[None]:
    """A first visit without a browser needs no time to draw, and each app the same packages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aeviz.app.first.DRAWING", 0)
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield
