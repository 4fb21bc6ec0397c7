"""What was selected on a map, to take home."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aeviz.analysis.planes import Plane
from aeviz.app import widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import export


def selection_downloads(subject: ModelSubject, plane: Plane, chosen: np.ndarray) -> None:
    """Buttons that take selected test images home: a table as CSV and the images as PNG.

    Args:
        plane: on which they were selected; their places on it are in the table.
        chosen: indices (N,) of the test images, at least one.
    """
    data = subject.data
    labels = [data.classes[label] for label in data.test_labels[chosen]]

    def table() -> bytes:
        codes = subject.codes()[chosen]
        return export.selection_table(chosen, labels, codes, plane.project(codes))

    def sheet() -> bytes:
        return export.selection_sheet(chosen, labels, data.test_images[chosen])

    with st.container(horizontal=True, gap="small"):
        widgets.download("selection as CSV", table, "selection.csv")
        widgets.download("selection as PNG", sheet, "selection.png")
