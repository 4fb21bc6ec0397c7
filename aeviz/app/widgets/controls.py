"""Boxes, buttons and sliders: what is chosen outlives other pages and stands in the address."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from aeviz.app import library, session, sidebar
from aeviz.app.subject import ModelSubject, Subject
from aeviz.data.datasets import Dataset
from aeviz.models.settings import BaseConfig, knobs

SEEDS = 10_000
N = TypeVar("N", int, float)


def choice(
    label: str,
    names: Mapping[str, str],
    key: str,
    help: str | None = None,
    *,
    vertical: bool = False,
    inline: bool = False,
    menu: bool = False,
    start: str | None = None,
    read: Callable[[str], str] = str,
    width: int = 380,
) -> str:
    """Buttons of which exactly one is chosen; in the address under their key.

    Args:
        names: choice -> what its button says.
        vertical: below each other, for texts that are long.
        inline: those beside each other where there is room, below a heading that is their label.
        menu: a menu instead of buttons, for choices that may be many.
        start: chosen at first; the first one where it is left out.
        read: makes a choice of what an address says, where earlier versions said it otherwise.
        width: of the menu, px.
    """
    options, first, title = list(names), start or next(iter(names)), names.__getitem__
    session.begin(key, first, read, options.__contains__)
    box = session.box(key)
    now = session.value(key)
    at = options.index(now)
    if menu:
        chosen = st.selectbox(label, options, at, title, box, help, width=width)
    elif vertical or inline:
        seen = "collapsed" if inline else "visible"
        chosen = st.radio(
            label, options, at, title, box, help, horizontal=inline, label_visibility=seen
        )
    else:
        chosen = st.segmented_control(
            label,
            options,
            default=now,
            required=True,
            format_func=title,
            key=box,
            help=help,
            wrap=True,  # or the last ones are out of sight, without a hint
        )
    session.settled(key, first)
    assert chosen is not None  # required
    return chosen


def slider(
    label: str,
    low: N,
    high: N,
    start: N,
    step: N | None = None,
    *,
    key: str,
    help: str | None = None,
    format: str | None = None,
    disabled: bool = False,
    on_change: Callable[[], None] | None = None,
    width: int | str = "stretch",
) -> N:
    """A slider; in the address under its key."""
    session.begin(key, start, type(start), lambda value: low <= value <= high)
    box = session.box(key)
    draw: Any = st.slider  # whose types tell the kinds of numbers apart
    chosen: N = draw(
        label,
        low,
        high,
        session.value(key),
        step,
        format,
        box,
        help,
        on_change,
        disabled=disabled,
        width=width,
    )
    session.settled(key, start)
    return chosen


def steps(
    label: str,
    values: Sequence[N],
    key: str,
    start: N,
    *,
    text: Callable[[N], str] = str,
    help: str | None = None,
    width: int | str = "stretch",
) -> N:
    """A slider that stops at some values, as on a logarithmic scale; in the address under its key.

    Args:
        text: what is written of a value.
    """
    session.begin(key, start, type(start), values.__contains__)
    box = session.box(key)
    draw: Any = st.select_slider
    chosen: N = draw(label, values, session.value(key), text, box, help, width=width)
    session.settled(key, start)
    return chosen


def toggle(
    label: str, key: str, start: bool = False, *, help: str | None = None, disabled: bool = False
) -> bool:
    """A switch; in the address under its key."""
    session.begin(key, start, session.yes_or_no, lambda value: isinstance(value, bool))
    box = session.box(key)
    chosen = st.toggle(label, session.value(key), box, help, disabled=disabled)
    session.settled(key, start)
    return chosen


def number(label: str, low: int, high: int, key: str, start: int, *, width: int = 130) -> int:
    """A box for a whole number that the page sets as well; in the address under its key.

    Args:
        start: the number at first, and where the box is empty.
    """
    session.begin(key, start, int, lambda value: low <= value <= high)
    box = session.box(key)
    chosen = st.number_input(label, low, high, session.value(key), key=box, width=width)
    session.settled(key, start)
    return start if chosen is None else chosen


def draw_again(key: str, label: str = "Draw again", *, main: bool = True) -> int:
    """A button that draws something anew, and beside it the seed of the draw, which is returned.

    Args:
        key: of the seed, also its name in the address.
        main: it is what one comes to the page for.
    """
    st.button(label, on_click=_next_seed, args=(key,), type="primary" if main else "secondary")
    return number("Seed", 0, SEEDS - 1, key, 0)


def _next_seed(key: str) -> None:
    session.put(key, (session.value(key) + 1) % SEEDS)


def decoded_as(subject: ModelSubject, key: str, *, in_turn: bool = False) -> np.ndarray | None:
    """Buttons that choose the class that a decoder is told; None for a model that takes none.

    Args:
        key: of its own on each page, or a change of pages loses the choice half-way.
        in_turn: offer all classes in turn too, and start with them.

    Returns:
        The one label, or all in their order: (1,) or (classes,).
    """
    if not subject.uses_labels:
        return None
    classes = library.classes(subject.key)
    names = {"turn": "All in turn"} if in_turn else {}
    names |= {str(label): name for label, name in enumerate(classes)}
    chosen = choice(
        "Decoded as",
        names,
        key,
        "This model is told the class. The code says the rest: how the digit is written.",
    )
    return np.arange(len(classes)) if chosen == "turn" else np.array([int(chosen)])


def pick_test_image(
    letter: str, key: str, start: int, dataset: Dataset, *, drawn_from: np.ndarray | None = None
) -> int:
    """Widgets that choose a test image by class, by index or at random; returns its index.

    Args:
        letter: tells it from another one on the same page; empty where there is none.
        key: of the index, also its name in the address.
        start: chosen at first.
        drawn_from: which test images (N,) bool are drawn by class and at random; all where it is
            left out. The index reaches every one.
    """
    # Of its own for each data set: a box that comes with another one's class is nobody's choice.
    labels, of_class = dataset.test_labels, f"{key}-class-{dataset.name}"
    everything = np.ones(len(labels), bool) if drawn_from is None else drawn_from

    def draw(wanted: np.ndarray) -> None:
        session.put(key, int(np.random.default_rng().choice(np.flatnonzero(wanted))))

    def draw_of_class() -> None:
        if session.changed(of_class):
            draw((labels == session.value(of_class)) & everything)

    index, its_class = (
        f"{letter}: {of}" if letter else of.capitalize() for of in ("test image", "class")
    )
    # A row of its own, so that on a narrow screen what belongs together stays together.
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small", width="content")
    by_class, by_index, at_random = row.empty(), row.empty(), row.empty()
    with by_index:
        chosen = number(index, 0, len(labels) - 1, key, start, width=150)
    session.put(of_class, int(labels[chosen]))
    box = session.box(of_class)
    by_class.selectbox(
        its_class,
        range(len(dataset.classes)),
        session.value(of_class),
        format_func=dataset.classes.__getitem__,
        key=box,
        help="Draws an image of this class. The test images are in no order: the next one by its "
        "index may be of another class.",
        on_change=draw_of_class,
        width=110,
    )
    at_random.button(
        f"Random {letter or 'image'}", key=f"{key}-random", on_click=draw, args=(everything,)
    )
    return chosen


def several(
    label: str,
    names: list[str],
    key: str,
    start: list[str],
    *,
    most: int | None = None,
    help: str | None = None,
) -> list[str]:
    """A box that chooses some models, follows what it starts with until a person chooses.

    In the address under its key, where it is not what it starts with.
    """
    held, followed = None if session.went_back() else session.value(key), f"{key}-start"
    wanted = session.asked_list(key) if held is None else held
    lost = [name for name in wanted if held is None and name not in names]
    wanted = [name for name in wanted if name in names][:most]  # a run may have been deleted
    if held is None and not wanted and session.asked(key) != "":  # which says: none
        wanted = start
    if held is not None and wanted == session.get(followed):
        wanted = start
    session.put(key, wanted)
    if lost:
        session.refuse(key, ",".join(lost), wanted)
    session.note(followed, start)
    box = session.box(key)
    chosen: list[str] = st.multiselect(
        label,
        names,
        session.value(key),
        format_func=library.title,
        key=box,
        max_selections=most,
        placeholder="Choose a model",
        help=help,
    )
    session.say(key, None if chosen == start else chosen)
    return chosen


def pick_subjects(key: str, most: int | None = None) -> list[ModelSubject]:
    """A box that chooses one model or more, seen on the chosen data.

    At first the chosen one and another, which follow the choice until a person chooses here.

    Args:
        key: also its name in the address.
        most: no more than so many; as many as a person likes where left out.
    """
    start = [sidebar.model_name(), library.beside(sidebar.model_name())]
    limit = f"Up to {most}" if most else "As many as you like"
    chosen = several(
        "Models",
        sidebar.names(),
        key,
        start,
        most=most,
        help=f"{limit}. PCA as wide as the first one's code is always beside them.",
    )
    if not chosen:
        st.info("No model selected: showing the chosen model and a comparable one.")
    return [sidebar.subject(name) for name in chosen or start]


def told_labels(subjects: Sequence[Subject], labels: np.ndarray | None) -> None:
    """A caption that says which models are told the class, and by whom, where there are any."""
    if told := [subject for subject in subjects if subject.uses_labels]:
        how = "They find the class themselves" if labels is None else "They are told it"
        bits = max(subject.told_bits for subject in told)
        names = "; ".join(subject.title for subject in told)
        st.caption(
            f"These take the class as well, up to {bits:.1f} bits of each image: {names}. {how}; "
            "the others, PCA too, keep it in their codes."
        )


def seen_in_training(subjects: Sequence[Subject]) -> None:
    """A caption that says what each model and PCA learned from: those alike together."""
    alike: dict[str, list[str]] = {}
    for subject in subjects:
        if subject.learned_from:
            alike.setdefault(subject.learned_from, []).append(subject.title)
    told = "; ".join(f"{' and '.join(titles)}: {text}" for text, titles in alike.items())
    st.caption(f"Learned from: {told}. No test image is among them.")


def download(kind: str, make: Callable[[], bytes], file_name: str) -> None:
    """A button that makes a file when it is pressed and does not run the page again."""
    st.download_button(f"Download {kind}", make, file_name, on_click="ignore")


def knob_form(
    config_class: type[BaseConfig], key: str, values: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Draw one widget for each knob of a config class that counts, and return all settings.

    What was chosen is there again when the form is drawn again after other pages, and when a
    setting counts again that another one had made idle.

    Args:
        key: prefix of the widgets' keys; a new key draws the form afresh.
        values: where the widgets start; the knobs' defaults where not given.
    """
    settings = knobs(config_class)
    starts = {name: default for name, (_, default) in settings.items()} | (values or {})
    boxes = {name: session.box(f"{key}-{name}", start) for name, start in starts.items()}
    chosen: dict[str, Any] = {name: session.value(f"{key}-{name}") for name in settings}
    for name, (setting, default) in settings.items():
        if not setting.counts(chosen):
            continue
        label, help, kind, now, box = (
            setting.label,
            setting.help,
            type(default),
            chosen[name],
            boxes[name],
        )
        if setting.choices:
            options = setting.choices
            chosen[name] = st.selectbox(label, options, options.index(now), key=box, help=help)
        elif isinstance(default, bool):
            chosen[name] = st.toggle(label, now, box, help)
        else:
            low, high = (kind(x) if math.isfinite(x) else None for x in (setting.low, setting.high))
            form = "%g" if kind is float else None  # 0.001 as itself
            chosen[name] = st.number_input(
                label, low, high, kind(now), format=form, key=box, help=help
            )
    return chosen
