"""What all tests share: they leave the user's own cache and runs alone.

They run in two processes. What a file's fixtures computed stays in one of them, and so does what
the pages keep for each other. All that drives a browser is in two groups, so that at most two apps
and two browsers run at a time.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from xdist.scheduler import LoadScopeScheduling

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two pools on two cores slow each other tenfold


ENGINES = {
    "test_engines",
    "test_proxy",
    "test_touch",
    "test_boxes",
    "test_own",
    "test_address",
    "test_two",
    "test_shell",
    "test_contrast",
}
"""Browser tests that start servers of their own or wait much: they go beside the other ones."""


class ByFile(LoadScopeScheduling):
    """Tests of a file go to one process, those of pages too, those that drive browsers to two."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if "/pages/" in file:
            return "pages"
        if "/e2e/" not in file:
            return file
        return "engines" if Path(file).stem in ENGINES else "browser"


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
