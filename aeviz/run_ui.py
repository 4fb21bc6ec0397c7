"""Parts of the train page: pictures of a run, the picker of variants, the form of a run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz import data, figures, runs, session, ui
from aeviz.models import MODELS, short_title

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
    return runs.look(model, data.load("mnist"), model.card.steps, None)


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
    figure = figures.code_map(seen.points, seen.point_labels, classes, height=height)
    across, up = seen.axis_titles
    figure.update_layout(xaxis_title=across, yaxis_title=up, uirevision="the same")
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1})
    alt = f"map of {len(seen.points):,} test codes at step {seen.step:,}"
    st.plotly_chart(figure, config=figures.PLAIN, key=key, alt=alt)


def live(run: str, ended: bool) -> None:
    """What changes while a run trains."""
    status, spec, points = runs.status(run), runs.spec(run), runs.metrics(run)
    if status.ended and not ended:
        st.rerun()  # the whole page: other buttons, and no more ticking
    classes, seen = data.SOURCES[spec.data].classes, runs.preview(run) or before(spec)
    st.progress(status.fraction, status.progress)
    show_digits({"reconstruction": seen}, classes, "max(3.4rem, min(4.9rem, 5.2vw))")
    st.caption(f"Above: test pictures. Below: what the network made of them at step {seen.step:,}.")
    curves, chart = st.columns(2, gap="medium")
    with curves:
        nothing = np.empty(0)
        figure = figures.loss_curves(
            np.array([point.step for point in points]),
            runs.curves(points) or {"loss": (nothing, nothing)},
            unit=status.unit,
            last=status.steps,
            height=HEIGHT,
        )
        st.plotly_chart(
            figure, config=figures.PLAIN, key="curves", alt="each loss term over the steps"
        )
    with chart:
        show_map(seen, classes, "run-map", HEIGHT)
    if points:
        watched(points[-1].validation.metrics)


def watched(metrics: runs.Numbers) -> None:
    """What is measured and not minimised, on held-out pictures: a number, or one for each z."""
    with st.container(horizontal=True, gap="large"):
        for name, value in metrics.items():
            if not isinstance(value, list):
                st.metric(metric_title(name), f"{value:.4g}", width="content")
    for name, value in metrics.items():
        if isinstance(value, list):
            figure = figures.by_dimension(np.array(value), metric_title(name))
            st.plotly_chart(
                figure, config=figures.PLAIN, key=f"metric-{name}", alt=metric_title(name)
            )
    if metrics:
        st.caption("Measured on held-out pictures; watched, not minimised.")


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
        presets = {AS_LAST: last.config} | presets
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
        names, of = list(data.SOURCES), start.data if start is last else session.value("data")
        chosen["data"] = st.selectbox(
            "Data set",
            names,
            names.index(of),
            lambda name: data.SOURCES[name].title,
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


def remember(run: str) -> None:
    """Show a run from now on, and keep it in the list of this session's runs."""
    st.session_state.run = st.query_params["run"] = run
    st.query_params.pop("variant", None)
    mine = st.session_state.setdefault("runs", [])
    if run not in mine:
        mine.append(run)


def again(run: str) -> None:
    """Back to the settings, starting from those of a run; for callbacks."""
    st.session_state.last_run, st.session_state.last_spec = run, runs.spec(run)
    st.session_state.pop("run", None)
    st.query_params.pop("run", None)
    pick(runs.spec(run).variant)


def use(run: str) -> None:
    """Choose a run's model, and the data that it was trained on, everywhere; for callbacks."""
    ui.use_model(run)
    session.put("data", runs.spec(run).data)


def own_runs(shown: str | None) -> None:
    """A link to each run of this session."""
    mine = [run for run in st.session_state.get("runs", []) if runs.is_run(run)]
    for run in reversed(mine):
        status = runs.status(run)
        label = f"{runs.spec(run).title}, {runs.started(run)}"
        label += f", {status.state}" if status.ended else ""  # else it would soon be wrong
        st.page_link(
            ui.PAGES["train"], label=label, query_params={"run": run}, disabled=run == shown
        )
    if not mine:
        st.caption("None yet.")
