"""A run: which one is shown, what it looks like while it trains, and what can be done with it."""

from __future__ import annotations

import json
import math

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from aeviz import environment
from aeviz.analysis import pca
from aeviz.app import library, own, pages, session, texts, widgets
from aeviz.app.components.film import Shown, film
from aeviz.app.components.watch import drawing, watch
from aeviz.app.views import shown, steering
from aeviz.charts import bars, maps
from aeviz.charts.curves import loss_curves
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.settings import RECONSTRUCTION_UNITS, BaseConfig, bounds_a_density, likelihood_of
from aeviz.training import film as frames
from aeviz.training import place, preview, race, removal, shared, store, turns, verdict
from aeviz.training.course import DECAY
from aeviz.training.curves import Point, by_term, measured
from aeviz.training.spec import RunSpec
from aeviz.training.status import WAY_OUT, RunStatus, State

USES = {
    "map": "Explore its map",
    "interpolate": "Interpolate",
    "sample": "Sample",
    "reconstruct": "Reconstruct",
    "denoise": "Denoise",
}
ABBREVIATIONS = {"kl", "elbo", "mse", "mmd", "l1"}
UNITS = {"elbo": "nats per image", "kl_per_dim": "nats"}
"""Of metrics; others have none."""
HEIGHT = 390
"""Of the map while it trains, px."""

# -- what a network does ------------------------------------------------------------------------


@st.cache_data(max_entries=64, show_spinner="Building the network")
def _first_look(recipe: str) -> preview.Preview:
    return preview.first_look(RunSpec.model_validate_json(recipe))


def before(spec: RunSpec) -> preview.Preview:
    """What a network does to the test images before its first step.

    It depends on a part of the settings only.
    """
    part = spec.model_dump(include={"variant", "config", "data", "seed"})
    return _first_look(json.dumps(part | {"steps": 1}))


def map_title(seen: preview.Preview) -> str:
    """What the map shows, in words."""
    return f"map of {len(seen.points):,} test codes at step {seen.step:,}"


def code_map(seen: preview.Preview, classes: tuple[str, ...], height: int) -> go.Figure:
    """The map of 2,000 test codes as a figure."""
    figure = maps.code_map(seen.points, seen.point_labels, classes, height=height)
    across, up = seen.axis_titles
    figure.update_layout(xaxis_title=across, yaxis_title=up, uirevision="the same")
    return figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1})


def metric_title(name: str) -> str:
    """A metric's name and unit as a person reads them: "kl_per_dim" is "KL per dim, nats"."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in name.split("_")]
    title = " ".join([words[0][0].upper() + words[0][1:], *words[1:]])
    return f"{title}, {UNITS[name]}" if name in UNITS else title


def _shown(points: list[Point], unit: str) -> dict[str, float | list[float]]:
    """The metrics of the last point. An ELBO is one where the terms of the loss are in nats."""
    metrics = points[-1].validation.metrics if points else {}
    in_nats = unit == UNITS["elbo"]  # older runs added a squared error to a divergence
    return {name: value for name, value in metrics.items() if name != "elbo" or in_nats}


def elbo_note(config: BaseConfig) -> str:
    """What the ELBO of a model is of, and whether it bounds a density."""
    said = texts.of("train").part("elbo", likelihood=likelihood_of(config))
    return said if bounds_a_density(config) else f"{said} {texts.of('train').part('no_density')}"


def levels_of(config: BaseConfig, data: str, unit: str) -> dict[str, float]:
    """What the reconstruction error of the mean image and of PCA is, where it is a squared one."""
    dataset = preview.data_here(data) if unit == RECONSTRUCTION_UNITS["squared"] else None
    return pca.levels(dataset, config.code_dim(dataset.shape)) if dataset else {}


def explain(spec: RunSpec) -> None:
    """What is behind the page, and the variant that is trained."""
    model = spec.model_class
    about = {part: getattr(model, part) for part in ("idea", "when", "fails", "source")}
    widgets.explain("train", model.formula_of(spec.config), **about)


# -- while it trains, and when it has ended -----------------------------------------------------


def watched(run: str) -> None:
    """Watch a run; when it has ended, use its model. One that cannot be read says so."""
    try:
        status, spec = store.status(run), store.spec(run)
        _about(run, spec, status)
        if not status.ended:
            steering.live(run, spec)
        live(run, status.ended)
        steering.family(run)
        explain(spec)
    except (checkpoint.CheckpointError, place.RunError) as error:  # removed at this moment
        st.error(str(error))


def _about(run: str, spec: RunSpec, status: RunStatus) -> None:
    """What a run is, what can be done with it, and what went wrong."""
    trouble = library.trouble(run) if store.is_finished(run) else ""
    usable = store.is_finished(run) and not trouble
    about = f"**{spec.title}**, {datasets.SOURCES[spec.data].title}, seed {spec.seed}. "
    if usable:
        about += measured(library.card(run))
    # The buttons stand outside the part that draws itself again and again: no click is lost.
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(about, width="content")
        if not status.ended:
            _controls(run)
        elif usable:
            _uses(run, spec)
        label = "Train again" if status.ended else "Train another"
        st.button(label, on_click=shown.again, args=(run,))
        _keep(run)
    _whose(run, status)
    if usable and status.unit == RECONSTRUCTION_UNITS["squared"]:
        pixels = math.prod(library.card(run).shape)
        st.caption(texts.of("train").part("summed", pixels=f"{pixels:,}"))
    if trouble:
        st.error(trouble)
    elif status.ended and not usable:
        why = status.message or "The model of this run is gone."
        st.error(f"{why} {WAY_OUT.get(status.state, 'Train it again.')}")
    elif status.state in ("failed", "interrupted"):
        st.warning(status.message)


def _whose(run: str, status: RunStatus) -> None:
    """Who else watches a run, and what that means."""
    many = own.others(run)
    said = f"{shared.and_others(many)} this run too: it is trained once for all." if many else ""
    if not (own.owns(run) or status.ended):
        said = "Somebody else's run: you can watch it."
    spec = own.joined(run)
    if spec and status.ended:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Just this was trained before, so here it is at once.", width="content")
            st.button("Train it again anyway", on_click=_anew, args=(spec,), type="tertiary")
    elif said and not status.ended:
        st.caption(said)


def _anew(spec: RunSpec) -> None:
    try:
        shown.show(own.start(spec, again=True))
    except place.RunError as error:
        st.error(str(error))


def _keep(run: str) -> None:
    """A toggle that keeps a run of this person however old it becomes."""
    if not own.owns(run):
        return
    key = f"keep-{run}"
    st.toggle(
        "Keep",
        removal.is_starred(run),
        key,
        f"The oldest runs go when all take more than {environment.now().runs_max:g} GB. "
        "This one stays.",
        on_change=own.star,
        args=(run, key),
    )


def _controls(run: str) -> None:
    """Pause and stop, for an owner; of several each can leave, and the last one stops it."""
    if not own.owns(run):
        return
    wish, many = store.wish(run), own.others(run)
    hold = "resume" if wish == "pause" else "pause"
    # A key for each place: the button that is pressed keeps the focus while its name changes.
    for key, action, label in (
        ("hold", hold, hold.capitalize()),
        ("stop", "stop", "Leave" if many else "Stop"),
    ):
        shared_by = f"{shared.and_others(many)} it, too." if many and action == "pause" else None
        st.button(
            label,
            f"{key}-{run}",
            help=shared_by,
            on_click=own.control,
            args=(run, action),
            disabled=wish == "stop" or shared_by is not None,
        )


def _uses(run: str, spec: RunSpec) -> None:
    fills = {"inpainting": "Hide parts"} if spec.model_class.uses_visible else {}
    for page, label in (USES | fills).items():
        kind = "primary" if page == "map" else "secondary"
        if st.button(label, on_click=own.choose, args=(run,), type=kind):
            pages.to(page)
    name = f"{spec.variant}-{spec.config.latent_dim}d-{run}.safetensors"
    widgets.download("model", lambda: library.content(run), name)


@st.fragment
def live(run: str, ended: bool) -> None:
    """What changes while a run trains."""
    status = turns.status(run)
    over = status.ended and not status.measuring
    if (status.ended and not ended) or (over and session.forget("measuring") == run):
        st.rerun()  # the whole page: other buttons, its figures, and no more asking
    if status.measuring:
        session.note("measuring", run)
    filmed = bool(frames.steps(run))
    stamp, look, said = library.stamp(run, "metrics.jsonl", "preview.npz"), None, ""
    try:
        look = None if filmed else drawn(run, status.unit, status.steps, stamp, status.state)
        said = figures(run, status.unit, stamp, status.state)
    except place.RunError as error:  # damaged since the page was opened
        st.warning(str(error))
    watch(
        "live",
        status.progress,
        status.fraction,
        ended=over,
        state=status.state,
        step=status.step,
        drawn=look,
    )
    if filmed or not status.ended:  # there before its first frame, which the browser fetches itself
        try:
            played(run, status)
        except place.RunError as error:
            st.warning(str(error))
    if filmed:
        st.caption(said)


# -- its film -----------------------------------------------------------------------------------


def played(run: str, status: RunStatus) -> None:
    """The film of a run, and what can be done with the step at which it rests."""
    spec = store.spec(run)
    data = preview.data_here(spec.data)
    if data is None:  # the worker still fetches it
        return
    digits, at = preview.first_of_each(data.test_labels), _step()
    runs = [run, *(one for one in shown.beside(run) if library.spec(one))]
    specs = [spec, *(store.spec(one) for one in runs[1:])]
    titles = race.differences(specs)
    film(
        "film",
        [
            Shown(one, title or library.run_title(one))
            for one, title in zip(runs, titles, strict=True)
        ],
        labels=data.test_labels[: preview.MAPPED],
        originals=data.test_images[digits],
        classes=data.classes,
        levels=_levels(spec, status.unit),
        at=at,
        changes=[change.step for change in spec.changes if change.knob != DECAY],
        plays=status.ended,
        on_at=_rest,
    )
    steering.onward(run, spec, status, at)


def _rest() -> None:
    """The slider has come to rest: the address says where."""
    at = session.get("film").at
    session.say("step", None if at is None or at < 0 else at)


def _step() -> int | None:
    """The step that the address asks for."""
    said = session.asked("step")
    return int(said) if said and said.isdecimal() and len(said) < 12 else None


@st.cache_data(max_entries=200, show_spinner=False)
def _levels_of(recipe: str, unit: str) -> dict[str, float]:
    spec = RunSpec.model_validate_json(recipe)
    levels = levels_of(spec.config, spec.data, unit) if spec.classes is None else {}
    name = library.nearest(spec.variant, spec.config.latent_dim)
    card = library.card(name) if name else None
    if card and card.curve and card.data == spec.data and _same_loss(card.config, spec.config):
        end = sum(values[-1] for values in card.curve.terms.values())
        levels["pretrained, images trained on"] = end
    return levels


def _same_loss(one: BaseConfig, other: BaseConfig) -> bool:
    """Whether the losses of two models of one variant mean the same, however large these are."""
    free = {"width", "depth", "activation", "batch_norm", "dropout"}
    a, b = one.to_dict(), other.to_dict()
    return all(a[name] == b[name] for name in a.keys() - free)


def _levels(spec: RunSpec, unit: str) -> dict[str, float]:
    """What the loss of a run is compared with, where that is of the same kind, by name."""
    part = spec.model_dump(include={"variant", "config", "data", "classes"})
    return _levels_of(json.dumps(part | {"steps": 1}), unit)


@st.cache_resource(max_entries=64, show_spinner=False)
def figures(run: str, unit: str, stamp: object, state: State) -> str:
    """How a run stands in a sentence, its metrics, and what they are."""
    points = store.metrics(run)
    metrics = _shown(points, unit)
    spec = store.spec(run)
    said = [verdict.sentence(points, spec, state)]
    if numbers := _numbers(metrics):
        said.append("; ".join(f"{name} **{value}**" for name, value in numbers.items()) + ".")
    if metrics:
        said.append("Measured on held-out images; monitored, not optimised.")
    if "elbo" in metrics:
        said.append(elbo_note(spec.config))
    return " ".join(filter(None, said))


def _numbers(metrics: dict[str, float | list[float]]) -> dict[str, str]:
    return {
        metric_title(name): f"{value:.4g}"
        for name, value in metrics.items()
        if not isinstance(value, list)
    }


@st.cache_resource(max_entries=64, show_spinner=False)
def drawn(run: str, unit: str, steps: int | None, stamp: object, state: State = "running") -> bytes:
    """What the browsers of all who watch a run draw of it.

    Args:
        stamp: another one when there is more to see.
        state: of the run, which decides what is said of it.
    """
    spec = store.spec(run)
    seen, points, troubles = before(spec), [], []
    try:
        seen = store.preview(run) or seen
    except place.RunError as error:
        troubles.append(str(error))
    try:
        points = store.metrics(run)
    except place.RunError as error:
        troubles.append(str(error))
    classes, nothing = datasets.SOURCES[spec.data].classes, np.empty(0)
    curves = loss_curves(
        np.array([point.step for point in points]),
        by_term(points) or {"loss": (nothing, nothing)},
        unit=unit,
        last=steps,
        levels=levels_of(spec.config, spec.data, unit) if spec.classes is None else None,
        height=HEIGHT,
    )
    charts = [
        (curves, "curves", "each loss term over the steps"),
        (code_map(seen, classes, HEIGHT), "run-map", map_title(seen)),
    ]
    metrics = _shown(points, unit)
    for name, value in metrics.items():
        if isinstance(value, list):
            title = metric_title(name)
            charts.append((bars.by_dimension(np.array(value), title), f"metric-{name}", title))
    note = "Measured on held-out images; monitored, not optimised." if metrics else ""
    if "elbo" in metrics:
        note += " " + elbo_note(spec.config)
    return drawing(
        [
            ({"original": original, "reconstruction": reconstruction}, classes[label])
            for original, reconstruction, label in zip(
                seen.originals, seen.reconstructions, seen.labels, strict=True
            )
        ],
        charts,
        caption=f"Above: test images. Below: their reconstructions at step {seen.step:,}.",
        numbers=_numbers(metrics),
        note=" ".join(filter(None, [verdict.sentence(points, spec, state), *troubles, note])),
    )
