"""Parts that the pages are made of."""

from aeviz.app.widgets.beside_pca import beside_pca
from aeviz.app.widgets.controls import (
    choice,
    decoded_as,
    download,
    draw_again,
    knob_form,
    number,
    pick_subjects,
    pick_test_image,
    seen_in_training,
    several,
    slider,
    steps,
    toggle,
    told_labels,
)
from aeviz.app.widgets.images import (
    Item,
    Row,
    class_key,
    drawable,
    error_key,
    gallery,
    rows,
    sheet,
    strip,
)
from aeviz.app.widgets.texts import explain, heading
from aeviz.app.widgets.waiting import offer, projected, working

__all__ = [
    "Item",
    "Row",
    "beside_pca",
    "choice",
    "class_key",
    "decoded_as",
    "download",
    "draw_again",
    "drawable",
    "error_key",
    "explain",
    "gallery",
    "heading",
    "knob_form",
    "number",
    "offer",
    "pick_subjects",
    "pick_test_image",
    "projected",
    "rows",
    "seen_in_training",
    "several",
    "sheet",
    "slider",
    "steps",
    "strip",
    "toggle",
    "told_labels",
    "working",
]
