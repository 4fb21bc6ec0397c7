"""Parts of the train page: pictures of a run, the picker of variants, the form of a run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz.app import own, session, ui
from aeviz.app.components.watch import drawing, watch
from aeviz.charts import figures
from aeviz.data import datasets
from aeviz.models.zoo import MODELS, short_title
from aeviz.training import runs

SECONDS, EPOCHS = 30.0, 10.0
"""How long a run lasts at first."""
AS_LAST = "as in your last run"
KEEP: Any = {"persist_state": "session"}
"""Settings outlive a look at a run or at another page."""
ABBREVIATIONS = {"kl", "elbo", "mse", "mmd", "l1"}
UNITS = {"elbo": "nats an image", "kl_per_dim": "nats"}
"""Of metrics; others are plain numbers."""
HEIGHT = 390
"""Of the map while it trains, px."""

# -- pictures of a run ------------------------------------------------------------------------


@st.cache_data(max_entries=64, show_spinner="Looking at the shipped models")
def shipped_look(name: str) -> runs.Preview:
    """What a shipped model does to the test pictures that a run shows."""
    model = ui.load_model(name)
    return runs.look(model, datasets.load("mnist"), model.card.steps, None)


@st.cache_data(max_entries=64, show_spinner="Building the network")
def first_look(recipe: str) -> runs.Preview:
    """What the network of a run does to them before its first step."""
    return runs.first_look(runs.RunSpec.model_validate_json(recipe))


def before(spec: runs.RunSpec) -> runs.Preview:
    """The first look, which depends on a part of the settings only."""
    part = spec.model_dump(include={"variant", "config", "data", "seed"})
    return first_look(json.dumps(part | {"steps": 1}))


def default_spec(variant: str) -> runs.RunSpec:
    """A run with the variant's defaults."""
    return runs.RunSpec.model_validate({"variant": variant, "seconds": SECONDS})


def show_digits(looks: dict[str, runs.Preview], classes: tuple[str, ...], size: str) -> None:
    """Ten fixed test pictures, and below each what one or more networks make of it."""
    first = next(iter(looks.values()))
    rows = {"original": first.originals} | {k: seen.reconstructions for k, seen in looks.items()}
    items = [
        ui.Item(
            [(pictures[k], f"{what}, {classes[label]}") for what, pictures in rows.items()],
            classes[label],
        )
        for k, label in enumerate(first.labels)
    ]
    ui.gallery(items, size=size)


def show_map(seen: runs.Preview, classes: tuple[str, ...], key: str, height: int) -> None:
    """The map of 2,000 test codes."""
    figure = run_map(seen, classes, height)
    st.plotly_chart(ui.drawable(figure), config=figures.PLAIN, key=key, alt=map_title(seen))


def map_title(seen: runs.Preview) -> str:
    """What the map shows, in words."""
    return f"map of {len(seen.points):,} test codes at step {seen.step:,}"


def run_map(seen: runs.Preview, classes: tuple[str, ...], height: int) -> go.Figure:
    """The map of 2,000 test codes as a figure."""
    figure = figures.code_map(seen.points, seen.point_labels, classes, height=height)
    across, up = seen.axis_titles
    figure.update_layout(xaxis_title=across, yaxis_title=up, uirevision="the same")
    return figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1})


@st.fragment
def live(run: str, ended: bool) -> None:
    """What changes while a run trains."""
    status = runs.status(run)
    if status.ended and not ended:
        st.rerun()  # the whole page: other buttons, and no more asking
    stamp, look = own.stamp(run, "metrics.jsonl", "preview.npz"), None
    try:
        look = drawn(run, status.unit, status.steps, stamp)
    except runs.RunError as error:  # damaged since the page was opened
        st.warning(str(error))
    watch(
        "live",
        status.progress,
        status.fraction,
        ended=ended,
        state=status.state,
        step=status.step,
        drawn=look,
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def drawn(run: str, unit: str, steps: int | None, stamp: object) -> bytes:
    """What the browsers of all who watch a run draw of it.

    Args:
        stamp: another one when there is more to see.
    """
    spec = runs.spec(run)
    seen, points, troubles = before(spec), [], []
    try:
        seen = runs.preview(run) or seen
    except runs.RunError as error:
        troubles.append(str(error))
    try:
        points = runs.metrics(run)
    except runs.RunError as error:
        troubles.append(str(error))
    classes, nothing = datasets.SOURCES[spec.data].classes, np.empty(0)
    curves = figures.loss_curves(
        np.array([point.step for point in points]),
        runs.curves(points) or {"loss": (nothing, nothing)},
        unit=unit,
        last=steps,
        height=HEIGHT,
    )
    charts = [
        (curves, "curves", "each loss term over the steps"),
        (run_map(seen, classes, HEIGHT), "run-map", map_title(seen)),
    ]
    watched = points[-1].validation.metrics if points else {}
    for name, value in watched.items():
        if isinstance(value, list):
            title = metric_title(name)
            charts.append((figures.by_dimension(np.array(value), title), f"metric-{name}", title))
    note = "Measured on held-out pictures; watched, not minimised." if watched else ""
    return drawing(
        [
            ({"original": original, "reconstruction": copy}, classes[label])
            for original, copy, label in zip(
                seen.originals, seen.reconstructions, seen.labels, strict=True
            )
        ],
        charts,
        caption="Above: test pictures. Below: what the network made of them "
        f"at step {seen.step:,}.",
        numbers={
            metric_title(name): f"{value:.4g}"
            for name, value in watched.items()
            if not isinstance(value, list)
        },
        note=" ".join([*troubles, note]),
    )


def metric_title(name: str) -> str:
    """A metric's name and unit as a person reads them: "kl_per_dim" is "KL per dim, nats"."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in name.split("_")]
    title = " ".join([words[0][0].upper() + words[0][1:], *words[1:]])
    return f"{title}, {UNITS[name]}" if name in UNITS else title


# -- what to train ----------------------------------------------------------------------------


def pick(variant: str) -> None:
    """Choose a variant; for callbacks."""
    st.session_state.variant = st.query_params["variant"] = variant


def picker(chosen: str) -> None:
    """A card for each variant: the map of its shipped model and its name."""
    for name, model_class in MODELS.items():
        shipped = ui.nearest_shipped(name, 2)
        seen = shipped_look(shipped) if shipped else before(default_spec(name))
        picture = figures.code_thumbnail(seen.points, seen.point_labels)
        key = "chosen-variant" if name == chosen else None
        with st.container(key=key, gap="xxsmall", horizontal_alignment="center"):
            st.image(picture, width=64, alt=f"map of a {model_class.title.lower()}")
            st.button(
                short_title(name),
                key=f"pick-{name}",
                help=model_class.idea,
                on_click=pick,
                args=(name,),
                disabled=name == chosen,
                type="tertiary",
                wrap=True,
            )


def settings(variant: str, bar: DeltaGenerator) -> dict[str, Any]:
    """Draw the widgets of a run and return what they say, as the fields of a RunSpec."""
    model_class = MODELS[variant]
    last: runs.RunSpec | None = st.session_state.get("last_spec")
    presets = {name: config.to_dict() for name, config in model_class.presets.items()}
    presets = presets or {"defaults": model_class.Config().to_dict()}
    if last and last.variant == variant:
        presets = {AS_LAST: last.config.to_dict()} | presets
    key = f"preset-{variant}-{AS_LAST in presets}"
    preset = bar.selectbox("Preset", list(presets), key=key, width=250, **KEEP)
    key, start = f"{variant}-{preset}", default_spec(variant)
    if last and preset == AS_LAST:
        key, start = f"{key}-{st.session_state.last_run}", last
    units = ["epochs", "seconds"] if start.epochs or start.steps else ["seconds", "epochs"]
    unit = bar.segmented_control(
        "Length in", units, default=units[0], required=True, key=f"{key}-unit", **KEEP
    )
    chosen: dict[str, Any] = {"variant": variant}
    if unit == "seconds":
        length, most = start.seconds or SECONDS, 3600.0
    else:  # from the steps, if they are known: then the run is repeated exactly
        length, most = start.epochs or EPOCHS, 1000.0
        length = start.steps / start.per_epoch if start.steps else length
    chosen[unit] = bar.number_input(
        unit.capitalize(),
        min(0.001, length),
        most,
        length,
        1.0,
        "%.4g",
        f"{key}-{unit}",
        width=130,
        **KEEP,
    )
    chosen["config"] = ui.knob_form(model_class.Config, key, presets[preset])
    with st.expander("Data, seed, batch, learning rate"):
        names, of = list(datasets.SOURCES), start.data if start is last else session.value("data")
        chosen["data"] = st.selectbox(
            "Data set",
            names,
            names.index(of),
            lambda name: datasets.SOURCES[name].title,
            f"{key}-{of}-data",
            **KEEP,
        )
        for field, label, low, high, step, note in (
            ("seed", "Seed", 0, 2**31 - 1, 1, "Decides first weights, order and noise."),
            ("batch", "Batch", 1, 4096, 1, "Pictures in one step."),
            ("lr", "Learning rate", 1e-6, 1.0, 1e-4, "The highest: it rises, then falls to 0."),
        ):
            chosen[field] = st.number_input(
                label,
                low,
                high,
                getattr(start, field),
                step,
                "%g" if field == "lr" else None,
                f"{key}-{field}",
                note,
                **KEEP,
            )
    return chosen


# -- which run --------------------------------------------------------------------------------


def show(run: str) -> None:
    """Show a run from now on, and keep it in the list of runs."""
    st.session_state.run = st.query_params["run"] = run
    st.query_params.pop("variant", None)
    own.opened(run)


def again(run: str) -> None:
    """Back to the settings, starting from those of a run; for callbacks."""
    if spec := own.spec(run):
        st.session_state.last_run, st.session_state.last_spec = run, spec
        pick(spec.variant)
    st.session_state.pop("run", None)
    st.query_params.pop("run", None)


def own_runs(shown: str | None) -> None:
    """A link to each run of this person."""
    mine = [run for run in own.known() if runs.is_run(run)]
    for run in reversed(mine):
        status, spec = runs.status(run), own.spec(run)
        label = f"{spec.title if spec else 'Not readable'}, {runs.started(run)}"
        label += f", {status.state}" if status.ended else ""  # else it would soon be wrong
        st.page_link(
            ui.PAGES["train"], label=label, query_params={"run": run}, disabled=run == shown
        )
    if not mine:
        st.caption("None yet.")
