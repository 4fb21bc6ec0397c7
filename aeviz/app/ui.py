"""Streamlit glue: cached loaders, the shared sidebar, forms made from knobs, pictures in a row."""

from __future__ import annotations

import gc
import html
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch
from threadpoolctl import threadpool_limits

from aeviz import jobs
from aeviz.analysis import (
    compare,
    errors,
    few_labels,
    inpainting,
    mechanism,
    neighbours,
    pca,
    planes,
    projections,
    sampling,
    uses,
)
from aeviz.app import own, session
from aeviz.app.components import browser
from aeviz.app.components.link import has_webgl
from aeviz.app.components.watch import watch
from aeviz.charts import export, figures
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, zoo
from aeviz.models.base import Autoencoder
from aeviz.models.settings import BaseConfig, knobs
from aeviz.training import runs

PAGES = {
    name: f"pages/{name}.py"
    for name in (
        "home",
        "which",
        "anatomy",
        "map",
        "train",
        "interpolate",
        "sample",
        "reconstruct",
        "ladder",
        "denoise",
        "hidden",
        "compare",
        "stability",
        "anomaly",
        "codes",
        "labels",
        "loss",
    )
}


# -- what all pages share ---------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def shipped_cards() -> dict[str, checkpoint.Card]:
    """The shipped checkpoints by name; not a copy, as a page asks a hundred times."""
    return checkpoint.shipped()


def home_model() -> str:
    """The shipped model whose card says that it is shown on the home page."""
    return next(name for name, card in shipped_cards().items() if card.home)


def model_names() -> list[str]:
    """Names of the models that this person can choose: shipped ones, then their own runs."""
    asked = st.query_params.get("model", "")  # another person's run, shared as a link
    if runs.is_run(asked):
        own.opened(asked)
    return [*shipped_cards(), *(run for run in own.known() if not own.trouble(run))]


def describe(name: str) -> str:
    """A model's name as a person reads it: variant, code width, where it comes from."""
    card = shipped_cards().get(name) or load_model(name).card
    title = zoo.describe(card.variant, card.code_dim)
    if runs.is_run(name):  # what tells them apart comes first: the sidebar is narrow
        return f"Yours, {runs.started(name)}: {title}"
    tag = name.partition(f"-{card.latent_dim}d-")[2]  # no two may be called the same
    return f"{title}, {tag}" if tag else title


def nearest_shipped(variant: str, latent_dim: int) -> str | None:
    """The shipped model of a variant whose code width is nearest to one; None without any."""
    widths = {
        name: abs(card.latent_dim - latent_dim)
        for name, card in shipped_cards().items()
        if card.variant == variant
    }
    return min(widths, key=widths.__getitem__, default=None)


@st.cache_resource(max_entries=24, show_spinner="Loading the model")
def _shipped(name: str) -> Autoencoder:
    return checkpoint.load(checkpoint.FOLDER / name)


def load_model(name: str) -> Autoencoder:
    """A shipped model or a finished run, loaded once for everybody."""
    return own.model(name) if runs.RUN_ID.fullmatch(name) else _shipped(name)


def still_there(name: str) -> None:
    """Run the whole page again where a run's model has gone since; for fragments.

    The sidebar then says so and chooses another one.
    """
    if runs.RUN_ID.fullmatch(name) and own.trouble(name):
        st.rerun()


def use_model(name: str) -> None:
    """Make a shipped model or a finished run the chosen one; for callbacks of buttons."""
    if runs.is_run(name):
        own.opened(name)
    session.put("model", name)
    st.session_state.model_chosen = True


def _model_is_chosen() -> None:
    """Remember that the model is the person's choice, also where it is the first one."""
    st.session_state.model_chosen |= session.changed("model")


def sidebar() -> None:
    """What all pages share: which model, which data, large type. Called once, by app.py."""
    own.choose_finished()
    asked, names = st.query_params.get("model", ""), model_names()
    st.session_state.setdefault("model_chosen", asked in names)
    if runs.is_run(asked) and asked not in names:
        st.warning(f"The model of this link cannot be used. {own.trouble(asked)}")
    with st.sidebar:
        _shared_box(
            "Model",
            "model",
            names,
            home_model(),
            describe,
            "Shipped models were trained on all 60,000 digits. Your own appear here.",
            _model_is_chosen,
        )
        _shared_box(
            "Data",
            "data",
            list(datasets.SOURCES),
            "mnist",
            lambda name: datasets.SOURCES[name].title,
            "The pictures that the pages show. Only MNIST ships with aeviz.",
        )
        st.toggle("Large type", key="large", bind="query-params", help="For the back of a room.")
        browser.one_finger_scrolls()
    size = 22 if st.session_state.large else 16
    st.html(f"<style>html {{ font-size: {size}px; }} {STYLE}</style>")
    with st.container(
        key="notice"
    ):  # also where there is nothing to say: the page below keeps its place
        own.notice()


def _shared_box(
    label: str,
    key: str,
    options: Sequence[str],
    default: str,
    title: Callable[[str], str],
    help: str,
    on_change: Callable[[], None] | None = None,
) -> None:
    session.from_address(key, options, default)
    box = session.box(key)
    start = options.index(session.value(key))
    st.selectbox(label, options, start, format_func=title, key=box, help=help, on_change=on_change)
    session.to_address(key, default)


def settle() -> None:
    """After a page: see that there is a training worker, and tidy memory once."""
    try:
        runs.ensure_worker()
    except runs.RunError as error:
        st.warning(f"Nothing can be trained or kept here. {error}")
    _tidy()


@st.cache_resource(show_spinner=False)
def _tidy() -> None:
    # What is imported by now stays: the collector need not look at it again, which it otherwise
    # does for 0.1 s and more with torch loaded.
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False)
def one_thread() -> None:
    """Give torch and numpy one thread each in this process.

    Their two pools of threads slow each other tenfold on few cores, and the worker trains beside.
    """
    torch.set_num_threads(1)
    threadpool_limits(1)


def model_name() -> str:
    """The chosen model's name."""
    return session.value("model")


def model() -> Autoencoder:
    """The chosen model."""
    return load_model(model_name())


def dataset() -> datasets.Dataset:
    """The chosen data set; MNIST, with a sentence, when it cannot be had."""
    name = session.value("data")
    if name == "mnist" or datasets.find_folder(name):
        return _load(name)
    bar = st.progress(0.0, "Looking for the data")

    def show(done: float, what: str) -> None:
        bar.progress(done, what)

    try:
        return datasets.load(name, progress=show)
    except datasets.DataError as error:
        st.warning(f"{error} Until then the pages show MNIST.")
        return datasets.load("mnist")
    finally:
        bar.empty()


def _load(name: str) -> datasets.Dataset:
    try:
        return datasets.load(name)
    except datasets.DataError as error:
        st.warning(f"{error} Until then the pages show MNIST.")
        return datasets.load("mnist")


@st.cache_resource(max_entries=48, show_spinner="Encoding the digits")
def codes(name: str, data_name: str, part: str = "test") -> np.ndarray:
    """Codes (N, D) of the "test" or "train" images of a data set under a model, computed once.

    Not a copy, so to be read only: a wide code is 40 MB.
    """
    source = datasets.load(data_name)
    return apply.encode(
        load_model(name), getattr(source, f"{part}_images"), getattr(source, f"{part}_labels")
    )


@st.cache_data(max_entries=48, show_spinner="Rebuilding all test pictures")
def model_errors(name: str, data_name: str) -> errors.Errors:
    """Errors of a model's copies of all test pictures."""
    source = datasets.load(data_name)
    copies = apply.decode(load_model(name), codes(name, data_name), source.test_labels)
    return errors.compare(source.test_images, copies)


@st.cache_data(max_entries=48, show_spinner="Rebuilding all test pictures by PCA")
def pca_errors(data_name: str, dimensions: int) -> errors.Errors:
    """Errors of PCA's copies of all test pictures."""
    dataset = datasets.load(data_name)
    images = dataset.test_images
    return errors.compare(images, pca.pca(dataset, dimensions).reconstruct(images))


@st.cache_resource(max_entries=8, show_spinner="Encoding the digits by PCA")
def pca_codes(data_name: str, dimensions: int) -> np.ndarray:
    """PCA's codes (N, dimensions) of all test pictures; not a copy, so to be read only."""
    dataset = datasets.load(data_name)
    return pca.pca(dataset, dimensions).encode(dataset.test_images)


@st.cache_resource(max_entries=3, show_spinner=False)
def pixels(data_name: str) -> np.ndarray:
    """All test pictures as points (N, 784) in [0, 1]; not a copy, so to be read only."""
    return compare.flat(datasets.load(data_name).test_images)


@st.cache_data(max_entries=48, show_spinner="Laying a plane through the codes")
def default_plane(name: str, data_name: str) -> planes.Plane:
    """The plane on which a model's test codes are seen; half a second for 1,024 numbers."""
    return planes.default_plane(codes(name, data_name))


@st.cache_data(max_entries=96, show_spinner="Measuring the distances between codes")
def typical_distance(space: str, data_name: str, _codes: np.ndarray) -> float:
    """Median distance between the codes (N, D) of two test pictures.

    Args:
        space: names the codes, which are not looked at to find what was measured before.
    """
    return compare.typical_distance(_codes)


@st.cache_data(max_entries=96, show_spinner="Measuring the spread of the codes")
def usual_range(space: str, data_name: str, _codes: np.ndarray) -> np.ndarray:
    """Between which values (2, D) the middle 90 % of codes (N, D) lie, for each number.

    Args:
        space: see `typical_distance`.
    """
    return np.percentile(_codes, (5, 95), axis=0)


@st.cache_data(max_entries=48, show_spinner="Measuring the distances between codes")
def typical_gaps(name: str, data_name: str) -> tuple[float, float]:
    """Within these distances half and 90 % of the test codes have their nearest other one."""
    gaps = neighbours.gaps(codes(name, data_name))
    return float(np.quantile(gaps, 0.5)), float(np.quantile(gaps, 0.9))


@st.cache_resource(max_entries=24, show_spinner="Fitting the mixture")
def mixture(name: str, data_name: str, components: int) -> sampling.Mixture:
    """A Gaussian mixture fitted to training codes of a model, of pictures drawn at random.

    No more are encoded than it is fitted to: a transformer takes a minute for all 60,000.
    """
    source = datasets.load(data_name)
    images, labels = source.train_images, source.train_labels
    some = np.random.default_rng(0).permutation(len(images))[: sampling.MIXTURE_CODES]
    found = apply.encode(load_model(name), images[some], labels[some])
    return sampling.fit_mixture(found, components)


@st.cache_data(max_entries=24, show_spinner="Encoding some digits")
def some_codes(name: str, data_name: str) -> np.ndarray:
    """Codes (512, D) of the first training images under a model."""
    source = datasets.load(data_name)
    return apply.encode(load_model(name), source.train_images[:512], source.train_labels[:512])


@st.cache_data(max_entries=200, show_spinner=False)
def filled(
    name: str, data_name: str, picture: np.ndarray, visible: np.ndarray
) -> inpainting.Filled:
    """A picture (28, 28) whose hidden part a model filled in by its own way."""
    found = load_model(name)
    given = not found.gaussian_prior and inpainting.way(found) == "search"
    return inpainting.fill(found, picture, visible, some_codes(name, data_name) if given else None)


TRAINING_COST = 5000
"""So many training pictures are enough to say what they cost."""


@st.cache_data(max_entries=48, show_spinner="Measuring each term of the loss")
def costs(name: str, data_name: str) -> tuple[mechanism.Cost, mechanism.Cost]:
    """What all test pictures cost a model, and what some that it was trained on do."""
    source, model, spec = datasets.load(data_name), load_model(name), own.spec(name)
    seen = slice(max(model.card.trained_on, 1))
    if spec and model.card.data == data_name:
        seen = runs.training_set(spec, source.train_labels)
    numbers = np.arange(len(source.train_images))[seen]
    some = np.random.default_rng(0).permutation(numbers)[:TRAINING_COST]
    return (
        mechanism.cost(model, source.test_images, source.test_labels),
        mechanism.cost(model, source.train_images[some], source.train_labels[some]),
    )


@st.cache_data(max_entries=48, show_spinner="Measuring how steep the encoder is")
def spectrum(name: str, data_name: str) -> np.ndarray | None:
    """Singular values (N, R) of a model's encoder at some test pictures; None where it jumps."""
    source = datasets.load(data_name)
    return mechanism.spectrum(load_model(name), source.test_images, source.test_labels)


WINDOWED = 2000
"""So many test pictures are enough to show what a word stands for."""


@st.cache_data(max_entries=48, show_spinner="Counting words")
def words(name: str, data_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Share of all places that each word has (K,), and what stands there (K, H, W)."""
    found, images, able = (
        codes(name, data_name),
        datasets.load(data_name).test_images,
        load_model(name),
    )
    seen = mechanism.windows(able, found[:WINDOWED], images[:WINDOWED])
    return mechanism.usage(able, found), seen


@st.cache_data(show_spinner="Looking at the shipped models")
def shipped_that_reports(metric: str) -> str | None:
    """The shipped model of the simplest variant whose loss has a metric, about 32 numbers wide."""
    shipped = ((c, nearest_shipped(variant, 32)) for variant, c in zoo.MODELS.items())
    able = (name for c, name in shipped if name and metric in mechanism.reports(c))
    return next(able, None)


def projected(name: str, data_name: str, method: str) -> np.ndarray | None:
    """Places (N, 2) of the test codes by UMAP or t-SNE; None, with a progress bar, until then.

    Args:
        method: a key of `projections.METHODS`.
    """
    found = codes(name, data_name)
    places = projections.get(found, method)
    if places is None:
        projections.start(found, method)
        working(
            projections.job(found, method),
            lambda: projections.start(found, method, retry=True),
            "This takes about a minute, once for each model. Other pages work meanwhile.",
        )
    return places


@st.fragment
def working(job: jobs.Job, again: Callable[[], None], note: str) -> None:
    """How far a job is that was begun; runs the page again once the result is there.

    Args:
        again: begins anew after a failure.
        note: how long it takes.
    """
    state = jobs.progress(job)
    if isinstance(state, str):
        st.error(state)
        if st.button("Try again", key=f"again-{job.path.name}"):
            again()
            st.rerun(scope="fragment")
    elif state[0] < 1:
        fraction, phase = state
        text = f"{job.title}: {phase[:1].lower()}{phase[1:]}"
        watch(f"watch-{job.path.name}", text, fraction)
        st.caption(note)
    else:
        st.rerun()


def model_bytes(name: str) -> bytes:
    """The file of a shipped model or a finished run."""
    if runs.is_run(name):
        return runs.model_bytes(name)
    return (checkpoint.FOLDER / f"{name}.safetensors").read_bytes()


@st.cache_data(show_spinner=False)
def kept_uses() -> uses.Kept:
    """What shipped codes are good for, measured beforehand."""
    return uses.kept()


@st.cache_data(show_spinner=False)
def kept_labels() -> dict[str, few_labels.Learned]:
    """What shipped models do with few labels, measured beforehand."""
    return few_labels.kept()


# -- parts of a page --------------------------------------------------------------------------

STYLE = """
.stMainBlockContainer { padding-top: 2.5rem; }
.stMainBlockContainer h1 { font-size: 2rem; padding-bottom: 0.25rem; }
.stMainBlockContainer .stPageLink a { padding-left: 0; }
.st-key-notice:has(a, button) { padding-top: 1.5rem; }  /* below a phone's header */
.st-key-chosen-variant { outline: 2px solid #2590b8; outline-offset: 2px; border-radius: 0.4rem; }
.katex-display { overflow: auto hidden; padding: 0.2rem 0; }
.aeviz-sheet { width: 100%; max-width: 46rem; image-rendering: pixelated; border-radius: 0.4rem; }
.aeviz-gallery { display: flex; flex-wrap: wrap; gap: 0.8rem; }
.aeviz-gallery figure { margin: 0; text-align: center; }
.aeviz-gallery img {
  display: block; width: var(--digit); height: var(--digit); image-rendering: pixelated;
  border-radius: 0.25rem; margin: 0 auto 0.2rem; object-fit: contain;
}
.aeviz-gallery figcaption {
  max-width: var(--caption); margin: 0 auto; font-size: 0.8rem; line-height: 1.3; opacity: 0.85;
}
.aeviz-problems { overflow-wrap: anywhere; }
/* Columns with a pad in them stand below each other before they cut it off. */
.stColumn:has([class*="st-key-pad-"]) { min-width: 256px; }
.aeviz-rows { overflow: auto; max-width: 60rem; max-height: 85vh; }
.aeviz-rows > div {
  display: grid; gap: 0.1rem 0.2rem; text-align: center; width: max-content; min-width: 100%;
}
.aeviz-rows h4 {
  grid-column: 1 / -1; position: sticky; left: 0; justify-self: start;
  margin: 0.5rem 0 0.1rem; padding: 0; font-size: 0.9rem; font-weight: 600; line-height: 1.3;
}
.aeviz-rows .held {
  display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; gap: inherit;
  position: sticky; top: 0; z-index: 1; padding-bottom: 0.2rem;
  background: Canvas;  /* before Safari 17.5 */
  background: light-dark(#ffffff, #171614);  /* the page's own, as Streamlit has it */
}
.aeviz-rows img {
  display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 0.25rem;
}
.aeviz-rows span { font-size: 0.8rem; line-height: 1.35; opacity: 0.85; }
.st-key-compare-classes { overflow-x: auto; }
.aeviz-key {
  display: flex; gap: 0.6rem; align-items: center; font-size: 0.85rem; white-space: nowrap;
}
.aeviz-classes {
  display: flex; flex-wrap: wrap; justify-content: center; gap: 0.2rem 0.8rem; font-size: 0.9rem;
}
.aeviz-classes i {
  display: inline-block; width: 0.7rem; height: 0.7rem; margin-right: 0.25rem; border-radius: 50%;
}
.aeviz-key img { flex: 0 1 10rem; min-width: 3rem; height: 0.8rem; border-radius: 0.2rem; }
"""


@dataclass(frozen=True)
class Item:
    """Pictures on top of each other, each with its alternative text, and a caption below."""

    pictures: Sequence[tuple[np.ndarray, str]]
    caption: str = ""


def gallery(items: Iterable[Item], *, size: str = "5rem", narrow: bool = False) -> None:
    """Show items side by side with crisp pixels; they wrap on a narrow screen.

    Args:
        size: width of a picture, a CSS length.
        narrow: captions are no wider than their picture.
    """
    cells = []
    for item in items:
        pictures = "".join(
            f'<img src="{figures.data_uri(picture)}" alt="{html.escape(alt, quote=True)}">'
            for picture, alt in item.pictures
        )
        lines = "<br>".join(html.escape(line) for line in item.caption.splitlines())
        cells.append(f"<figure>{pictures}<figcaption>{lines}</figcaption></figure>")
    caption = "var(--digit)" if narrow else "none"
    style = f"--digit:{size}; --caption:{caption}"
    st.html(f'<div class="aeviz-gallery" style="{style}">{"".join(cells)}</div>')


def strip(items: Iterable[Item]) -> bytes:
    """What a gallery shows, as one PNG."""
    return export.strip([([p for p, _ in item.pictures], item.caption) for item in items])


@dataclass(frozen=True)
class Row:
    """Pictures (N, H, W) or (N, H, W, 3) that stand for one thing, and a text below each."""

    name: str
    pictures: np.ndarray
    texts: Sequence[str] = ()


def rows(table: Sequence[Row], *, least: str = "4.2rem", held: bool = False) -> None:
    """Show rows of pictures below each other, each row under its name, column by column.

    On a narrow screen they scroll sideways together; the names stay.

    Args:
        least: width of a picture where there is little room, a CSS length.
        held: the first row stays in view above the others, which scroll below it where they are
            higher than the screen.
    """
    parts = []
    for row in table:
        cells = [f"<h4>{html.escape(row.name)}</h4>"]
        for k, picture in enumerate(row.pictures):
            alt = html.escape(f"{row.name}, {k + 1}", quote=True)
            cells.append(f'<img src="{figures.data_uri(picture)}" alt="{alt}">')
        for text in row.texts:
            lines = "<br>".join(html.escape(line) for line in text.splitlines())
            cells.append(f"<span>{lines}</span>")
        parts.append("".join(cells))
    if held:
        parts[0] = f'<div class="held">{parts[0]}</div>'
    columns = f"grid-template-columns: repeat({len(table[0].pictures)}, minmax({least}, 1fr))"
    body = f'<div style="{columns}">{"".join(parts)}</div>'
    st.html(f'<div class="aeviz-rows" tabindex="0">{body}</div>')


def error_key() -> None:
    """What the colours of a signed error mean."""
    scale = figures.data_uri(figures.signed(np.linspace(-1, 1, 64)[None]))
    st.html(
        '<div class="aeviz-key">Error: too dark (-1)'
        f'<img src="{scale}" alt="from blue over white to red">too bright (+1)</div>'
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
    entries = zip(classes, figures.DIGITS, strict=False)
    dots = (f'<i style="background:{colour}"></i>{html.escape(name)}' for name, colour in entries)
    spans = "".join(f"<span>{dot}</span>" for dot in dots)
    st.html(f'<div class="aeviz-classes">{spans}</div>')


def sheet(picture: np.ndarray, alt: str) -> None:
    """Show one large picture (H, W) as wide as there is room for, with crisp pixels."""
    text = html.escape(alt, quote=True)
    st.html(f'<img class="aeviz-sheet" src="{figures.data_uri(picture)}" alt="{text}">')


def heading(question: str, look_for: str) -> None:
    """A page's question as its title, and one sentence that says what to look for."""
    st.title(question, anchor=False)
    st.markdown(look_for)


def explain(text: str, formula: str | None = None) -> None:
    """What is behind the picture, for who wants to know: text and a formula in LaTeX."""
    with st.expander("What am I seeing?"):
        st.markdown(text)
        if formula:
            st.latex(formula)


def choice(
    label: str,
    names: dict[str, str],
    key: str,
    help: str | None = None,
    *,
    vertical: bool = False,
    menu: bool = False,
) -> str:
    """Buttons of which exactly one is chosen, the first at first; in the URL under its key.

    Args:
        names: choice -> what its button says.
        vertical: below each other, for texts that are long.
        menu: a menu instead of buttons, for choices that may be many.
    """
    options, first, title = list(names), next(iter(names)), names.__getitem__
    session.from_address(key, options, first)
    box = session.box(key)
    now = session.value(key)
    start = options.index(now)
    if menu:
        chosen = st.selectbox(label, options, start, title, box, help, width=380)
    elif vertical:
        chosen = st.radio(label, options, start, title, box, help)
    else:
        chosen = st.segmented_control(
            label, options, default=now, required=True, format_func=title, key=box, help=help
        )
    session.to_address(key, first)
    assert chosen is not None  # required
    return chosen


def decoded_as(model: Autoencoder, key: str, *, in_turn: bool = False) -> np.ndarray | None:
    """Buttons that choose the class that a decoder is told; None for a model that takes none.

    Args:
        key: of its own on each page, or a change of pages loses the choice half-way.
        in_turn: offer all classes in turn too, and start with them.

    Returns:
        The one label, or all in their order: (1,) or (classes,).
    """
    if not model.uses_labels:
        return None
    classes = datasets.SOURCES[model.card.data].classes
    names = {"turn": "All in turn"} if in_turn else {}
    names |= {str(label): name for label, name in enumerate(classes)}
    chosen = choice(
        "Decoded as",
        names,
        key,
        "This model is told the class. The code says the rest: how the digit is written.",
    )
    return np.arange(len(classes)) if chosen == "turn" else np.array([int(chosen)])


def number(label: str, low: int, high: int, key: str, start: int, *, width: int = 130) -> int:
    """A box for a whole number that the page sets as well; in the URL under its key.

    Args:
        start: the number at first, and where the box is empty.
    """
    asked = session.value(key, st.query_params.get(key, ""))
    fits = re.fullmatch(r"[0-9]{1,9}", str(asked)) and low <= int(asked) <= high
    session.put(key, int(asked) if fits else start)
    box = session.box(key)
    chosen = st.number_input(label, low, high, session.value(key), key=box, width=width)
    session.to_address(key, start)
    return start if chosen is None else chosen


def draw_again(key: str, label: str = "Draw again", *, main: bool = True) -> int:
    """A button that draws something anew, and beside it the seed of the draw, which is returned.

    Args:
        key: of the seed, also its name in the URL.
        main: it is what one comes to the page for.
    """
    st.button(label, on_click=_next_seed, args=(key,), type="primary" if main else "secondary")
    return number("Seed", 0, SEEDS - 1, key, 0)


SEEDS = 10_000


def _next_seed(key: str) -> None:
    session.put(key, (session.value(key) + 1) % SEEDS)


def pick_test_picture(letter: str, key: str, start: int, dataset: datasets.Dataset) -> int:
    """Widgets that choose a test picture by class, by number or at random; returns its number.

    Args:
        key: of the number, also its name in the URL.
        start: chosen at first.
    """
    labels, of_class = dataset.test_labels, f"{key}-class"

    def draw(wanted: np.ndarray) -> None:
        session.put(key, int(np.random.default_rng().choice(np.flatnonzero(wanted))))

    def draw_of_class() -> None:
        if session.changed(of_class):
            draw(labels == session.value(of_class))

    # A row of its own, so that on a narrow screen what belongs together stays together.
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small", width="content")
    by_class, by_number, at_random = row.empty(), row.empty(), row.empty()
    with by_number:
        chosen = number(f"{letter}: number", 0, len(labels) - 1, key, start, width=150)
    session.put(of_class, int(labels[chosen]))
    box = session.box(of_class)
    by_class.selectbox(
        f"{letter}: class",
        range(len(dataset.classes)),
        session.value(of_class),
        format_func=dataset.classes.__getitem__,
        key=box,
        on_change=draw_of_class,
        width=110,
    )
    everything = np.ones(len(labels), bool)
    at_random.button(f"Random {letter}", key=f"{key}-random", on_click=draw, args=(everything,))
    return chosen


def companion(name: str) -> str:
    """A shipped model to stand beside one: another variant, as wide as can be had, a good one.

    None that takes labels, as it would know more about the pictures.
    """
    cards = shipped_cards()
    card = cards.get(name) or load_model(name).card
    others = {
        other: (abs(c.latent_dim - card.latent_dim), c.figures["mse"])
        for other, c in cards.items()
        if c.variant != card.variant and not zoo.MODELS[c.variant].uses_labels
    }
    return min(others, key=others.__getitem__)


def pick_models(key: str, most: int | None = None) -> list[str]:
    """A box that chooses one model or more; in the URL under its key.

    At first the sidebar's and its companion, which follow the sidebar until a person chooses.

    Args:
        most: no more than so many; as many as a person likes where left out.
    """
    names, start = model_names(), [model_name(), companion(model_name())]
    held, followed = session.value(key), f"{key}-start"
    if held is None:
        asked = dict.fromkeys(st.query_params.get(key, "").split(","))
        wanted = [name for name in asked if name in names][:most] or start
    else:
        wanted = [name for name in held if name in names]  # a run may have been deleted
        if wanted == st.session_state.get(followed):
            wanted = start
    session.put(key, wanted)
    st.session_state[followed] = start
    box = session.box(key)
    limit = f"Up to {most}" if most else "As many as you like"
    chosen: list[str] = st.multiselect(
        "Models",
        names,
        session.value(key),
        format_func=describe,
        key=box,
        max_selections=most,
        placeholder="Choose a model",
        help=f"{limit}. PCA with as many numbers as the first one is always beside them.",
    )
    if not chosen:
        st.info("No model is chosen. Until then it is the sidebar's and another one.")
        chosen = start
    if chosen == start:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = ",".join(chosen)
    return chosen


def download(kind: str, make: Callable[[], bytes], file_name: str) -> None:
    """A button that makes a file when it is pressed and does not run the page again."""
    st.download_button(f"Download {kind}", make, file_name, on_click="ignore")


def knob_form(
    config_class: type[BaseConfig], key: str, values: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Draw one widget for each knob of a config class and return what was chosen.

    What was chosen is there again when the form is drawn again after other pages.

    Args:
        key: prefix of the widgets' keys; a new key draws the form afresh.
        values: where the widgets start; the knobs' defaults where not given.
    """
    chosen: dict[str, Any] = {}
    for name, (setting, default) in knobs(config_class).items():
        start = (values or {}).get(name, default)
        widget_key = f"{key}-{name}"
        if setting.choices:
            chosen[name] = st.selectbox(
                setting.label,
                setting.choices,
                index=setting.choices.index(start),
                help=setting.help,
                key=widget_key,
                persist_state="session",
            )
        elif isinstance(default, bool):
            chosen[name] = st.toggle(
                setting.label, start, help=setting.help, key=widget_key, persist_state="session"
            )
        else:
            kind = type(default)
            low, high = (kind(x) if math.isfinite(x) else None for x in (setting.low, setting.high))
            chosen[name] = st.number_input(
                setting.label,
                low,
                high,
                kind(start),
                format="%g" if kind is float else None,  # 0.001 as itself
                help=setting.help,
                key=widget_key,
                persist_state="session",
            )
    return chosen
