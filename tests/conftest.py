"""What all tests share: they leave the user's own cache and runs alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("AEVIZ_RUNS", raising=False)
        patch.delenv("AEVIZ_DATA", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def pages_run_through_app() -> Iterator[None]:
    """AppTest takes pages/ for Streamlit's older kind of app in every run, and skips app.py.

    A server does so for its very first request only: see tests/e2e/test_address.py.
    """

    class NoPagesFolder(type(Path())):
        def exists(self, **options: bool) -> bool:
            return self.name != "pages" and super().exists(**options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.runtime.pages_manager.Path", NoPagesFolder)
        yield
