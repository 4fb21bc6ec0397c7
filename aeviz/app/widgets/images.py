"""Images on a page: galleries, rows below each other, and what their colours mean."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz.app import session
from aeviz.app.components.link import has_webgl
from aeviz.charts import export, pixels, theme

HERE = Path(__file__).parent


@cache
def _rules(name: str) -> str:
    return (HERE / f"{name}.css").read_text(encoding="utf-8")


def style(name: str) -> None:
    """Have the page follow the style rules of a file of this folder, beside those of all pages."""
    st.html(f"<style>{_rules(name)}</style>")


def beside() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Places for a way in, for what becomes of it, and for settings; once on a page.

    What becomes of it stands beside the other two, or, on a phone, between them.
    """
    style("beside")
    with st.container(key="beside-room"), st.container(key="beside"):
        return st.container(), st.container(), st.container()


def main_and_beside() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for what a page is about and for what goes with it: beside it, where there is room.

    In large type, and where a page is presented, the first has all of the width.
    """
    if session.value("large") or session.value("present"):
        return st.container(), st.container()
    main, more = st.columns([5, 3], gap="medium")
    return main, more


def dot_of(index: int) -> str:
    """What links an image to its dot on the maps of the page: a test image, by its index."""
    return f"test-{index}"


def _marked(image: np.ndarray, dot: str = "") -> str:
    """Attributes of an image: ink on paper where the page is light, if it is grey; its dot."""
    ink = ' class="aeviz-ink"' if image.ndim == 2 else ""
    return ink + (f' data-dot="{html.escape(dot, quote=True)}"' if dot else "")


@dataclass(frozen=True)
class Item:
    """Images on top of each other, each with its alternative text, and a caption below.

    dot: what links the first of them to a dot on a map of the page.
    """

    pictures: Sequence[tuple[np.ndarray, str]]
    caption: str = ""
    dot: str = ""


def gallery(items: Iterable[Item], *, size: str = "5rem", narrow: bool = False) -> None:
    """Show items side by side with crisp pixels; they wrap on a narrow screen.

    Args:
        size: width of an image, a CSS length; 1cqw is a hundredth of the room that there is.
        narrow: captions are no wider than their image.
    """
    cells = []
    for item in items:
        pictures = "".join(
            f'<img src="{pixels.data_uri(image)}" alt="{html.escape(alt, quote=True)}"'
            f"{_marked(image, '' if number else item.dot)}>"
            for number, (image, alt) in enumerate(item.pictures)
        )
        lines = "<br>".join(html.escape(line) for line in item.caption.splitlines())
        cells.append(f"<figure>{pictures}<figcaption>{lines}</figcaption></figure>")
    caption = "var(--digit)" if narrow else "none"
    style = f"--digit:{size}; --caption:{caption}"
    body = f'<div class="aeviz-gallery" style="{style}">{"".join(cells)}</div>'
    st.html(f'<div style="container-type:inline-size">{body}</div>')


def strip(items: Iterable[Item]) -> bytes:
    """What a gallery shows, as one PNG."""
    return export.strip([([p for p, _ in item.pictures], item.caption) for item in items])


@dataclass(frozen=True)
class Row:
    """Images (N, H, W) or (N, H, W, 3) that stand for one thing, and a text below each.

    dots: what links each of them to a dot on a map of the page.
    """

    name: str
    pictures: np.ndarray
    texts: Sequence[str] = ()
    dots: Sequence[str] = ()


def rows(table: Sequence[Row], *, least: float = 4.2, held: bool = False) -> None:
    """Show rows of images below each other, each row under its name, column by column.

    Where the columns have no room beside each other, half or a quarter of them have: then all rows
    of the first ones stand above all rows of the next, so that no image is out of sight.

    Args:
        least: width of an image where there is little room, rem.
        held: where all are beside each other the first row stays in view above the others while
            the page scrolls.
    """
    columns = len(table[0].pictures)
    folds = sorted({-(-columns // parts) for parts in (1, 2, 4)}, reverse=True)
    parts = []
    for k, row in enumerate(table):
        cells = []
        for part in range(-(-columns // folds[-1])):  # a name above each part of the row
            place = _place(part * np.array(folds), 3 * k, len(table), folds, columns)
            again = ' aria-hidden="true"' if part else ""
            cells.append(f'<p style="{place}"{again}>{html.escape(row.name)}</p>')
        for column, image in enumerate(row.pictures):
            place = _place(column, 3 * k + 1, len(table), folds, columns)
            alt = html.escape(f"{row.name}, {column + 1}", quote=True)
            source = pixels.data_uri(image)
            marked = _marked(image, row.dots[column] if row.dots else "")
            cells.append(f'<img src="{source}" alt="{alt}" style="{place}"{marked}>')
        for column, text in enumerate(row.texts):
            place = _place(column, 3 * k + 2, len(table), folds, columns)
            lines = "<br>".join(html.escape(line) for line in text.splitlines())
            cells.append(f'<span style="{place}">{lines}</span>')
        parts.append("".join(cells))
    if held:
        parts[0] = f'<div class="held">{parts[0]}</div>'
    name = f"aeviz-fold-{columns}-{round(16 * least)}"
    body = f"<div>{''.join(parts)}</div>"
    st.html(
        f'<div style="container-type:inline-size"><div class="aeviz-rows {name}" tabindex="0">'
        f"{body}</div></div><style>{_folded(name, folds, least)}</style>"
    )


def _place(
    column: int | np.ndarray, line: int, rows: int, folds: Sequence[int], columns: int
) -> str:
    """Where a cell stands for each fold, as CSS variables: its order and its column.

    Args:
        column: of the row, also one for each fold.
        line: which of the three lines of each of so many rows.
        folds: how many columns are beside each other.
    """
    found = []
    for k, (beside, at) in enumerate(
        zip(folds, np.resize(column, len(folds)).tolist(), strict=True)
    ):
        seen = "block" if at < columns else "none"  # a name that there is no part for
        order = at // beside * 3 * rows + line
        found.append(f"--o{k}:{order};--c{k}:{at % beside + 1};--s{k}:{seen}")
    return ";".join(found)


def _folded(name: str, folds: Sequence[int], least: float) -> str:
    """Style rules of rows that fold where their room is too narrow."""
    rules, these = [], f".aeviz-rows.{name}"
    for k, beside in enumerate(folds):
        columns = f"repeat({beside}, minmax({least}rem, 1fr))"
        told = (
            f"{these} > div {{ grid-template-columns: {columns} }}"
            f"{these} :is(p, img, span) {{ order: var(--o{k}) }}"
            f"{these} :is(img, span) {{ grid-column: var(--c{k}) }}"
            f"{these} p {{ display: var(--s{k}) }}"
        )
        if k:
            room = folds[k - 1] * (least + 0.2)  # with the gaps
            told += f"{these} {{ max-height: none; overflow: visible }}"
            told += f"{these} .held {{ display: contents }}"
            told = f"@container (max-width: {room:.2f}rem) {{ {told} }}"
        rules.append(told)
    return "".join(rules)


def error_key() -> None:
    """What the colours of a signed error mean."""
    scale = pixels.data_uri(pixels.signed(np.linspace(-1, 1, 64)[None]))
    st.html(
        '<div class="aeviz-key">Error: too little ink (-1)'
        f'<img src="{scale}" alt="from blue over white to red">too much ink (+1)</div>'
    )


def drawable(figure: go.Figure) -> go.Figure:
    """A figure as this person's browser can draw it: its dots as SVG where there is no WebGL."""
    if has_webgl():
        return figure
    parts = figure.to_dict()
    for trace in parts["data"]:
        trace["type"] = {"scattergl": "scatter"}.get(trace["type"], trace["type"])
    return go.Figure(parts)


def class_key(classes: tuple[str, ...]) -> None:
    """What the colours of dots mean: a legend that no click draws anew, as Plotly would its own."""
    entries = zip(classes, theme.DIGITS, strict=False)
    dots = (f'<i style="background:{colour}"></i>{html.escape(name)}' for name, colour in entries)
    spans = "".join(f"<span>{dot}</span>" for dot in dots)
    st.html(f'<div class="aeviz-classes">{spans}</div>')


def sheet(image: np.ndarray, alt: str) -> None:
    """Show one large image (H, W) as wide as there is room for, with crisp pixels."""
    text = html.escape(alt, quote=True)
    st.html(f'<img class="aeviz-sheet aeviz-ink" src="{pixels.data_uri(image)}" alt="{text}">')
