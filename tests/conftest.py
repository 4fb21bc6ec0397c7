"""What all tests share: they leave the user's own cache and runs alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("AEVIZ_RUNS", raising=False)
        patch.delenv("AEVIZ_DATA", raising=False)
        yield
