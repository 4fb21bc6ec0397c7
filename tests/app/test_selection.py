"""What was selected on a map is taken home with its codes and its places on that map."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from aeviz.app import library, widgets
from aeviz.app.subject import ModelSubject
from aeviz.data import datasets


def page() -> None:
    """A page of its own with the buttons."""
    import numpy as np

    from aeviz.app import library
    from aeviz.app.subject import ModelSubject
    from aeviz.app.views.selection import selection_downloads
    from aeviz.data import datasets

    subject = ModelSubject(library.codec("variational-3d"), datasets.load("mnist"))
    selection_downloads(subject, subject.plane(), np.array([3, 40, 999]))


def test_a_selection_is_a_table_and_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Callable[[], bytes]] = {}
    monkeypatch.setattr(widgets, "download", lambda kind, make, name: made.update({name: make}))
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    assert list(made) == ["selection.csv", "selection.png"]
    data = datasets.load("mnist")
    subject = ModelSubject(library.codec("variational-3d"), data)
    rows = list(csv.reader(io.StringIO(made["selection.csv"]().decode())))
    assert rows[0] == ["index", "label", "z1", "z2", "z3", "x", "y"]
    assert [row[:2] for row in rows[1:]] == [
        [str(k), str(data.test_labels[k])] for k in (3, 40, 999)
    ]
    codes = subject.codes()[[3, 40, 999]]
    read = np.array([[float(cell) for cell in row[2:]] for row in rows[1:]])
    np.testing.assert_allclose(read[:, :3], codes, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(read[:, 3:], subject.plane().project(codes), rtol=1e-4, atol=1e-6)
    assert Image.open(io.BytesIO(made["selection.png"]())).format == "PNG"
