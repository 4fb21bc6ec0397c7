import json
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz import checkpoint, data, figures, runs, ui
from aeviz.models import MODELS, short_title

TICK = 0.4  # seconds between two looks at a run
SECONDS, EPOCHS = 30.0, 10.0  # how long a run lasts at first
AS_LAST = "as in your last run"
USES = {
    "map": "Explore its map",
    "interpolate": "Interpolate",
    "sample": "Sample",
    "reconstruct": "Reconstruct",
    "denoise": "Denoise",
}
KEEP: Any = {"persist_state": "session"}  # settings outlive a look at a run or at another page
PLAIN = {"displayModeBar": False}
HEIGHT = 390  # of the map while it trains, px


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


def nearest_shipped(variant: str, latent_dim: int) -> str | None:
    """The shipped model of a variant whose code width is nearest to one; None without any."""
    widths = {
        name: abs(card.config["latent_dim"] - latent_dim)
        for name, card in ui.shipped_cards().items()
        if card.variant == variant
    }
    return min(widths, key=widths.__getitem__, default=None)


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
    st.plotly_chart(figure, config=PLAIN, key=key, alt=alt)


# -- before a run -----------------------------------------------------------------------------


def pick(variant: str) -> None:
    """Choose a variant; for callbacks."""
    st.session_state.variant = st.query_params["variant"] = variant


def picker(chosen: str) -> None:
    """A card for each variant: the map of its shipped model, its name and its idea."""
    for name, model_class in MODELS.items():
        shipped = nearest_shipped(name, 2)
        seen = shipped_look(shipped) if shipped else before(default_spec(name))
        picture = figures.code_thumbnail(seen.points, seen.point_labels)
        key = "chosen-variant" if name == chosen else None
        with st.container(border=True, key=key, height="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.image(picture, width=64, alt=f"map of a {model_class.title.lower()}")
                st.button(
                    short_title(name),
                    key=f"pick-{name}",
                    on_click=pick,
                    args=(name,),
                    disabled=name == chosen,
                )
            st.caption(model_class.idea)


def set_up(variant: str) -> None:
    """Choose what to train, beside the network before its first step and a trained one."""
    st.query_params["variant"] = variant
    cards = st.grid(4, min_column_width=150, gap="xsmall")
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    summary = st.empty()
    pictures, form = st.columns([5, 2], gap="large")
    with form:
        wanted = settings(variant, bar)
    try:
        spec, wrong = runs.RunSpec.model_validate(wanted), ""
    except ValueError as error:
        spec, wrong = None, runs.sentence(error)
    # Not a callback: its arguments would be the settings before the last change.
    pressed = bar.button("Train", "train", type="primary", disabled=spec is None, width=140)
    if pressed and spec:
        remember(runs.create(spec))
        st.rerun()
    with cards:
        picker(variant)
    if spec is None:
        summary.error(wrong)
        return
    summary.markdown(runs.summary(spec))
    with pictures:
        looks = {"before its first step": before(spec)}
        shipped = nearest_shipped(variant, spec.config["latent_dim"])
        if shipped:
            steps = ui.shipped_cards()[shipped].steps
            looks[f"after {steps:,} steps (shipped with aeviz)"] = shipped_look(shipped)
        classes = data.SOURCES[spec.data].classes
        show_digits(looks, classes, "min(3.1rem, 12vw)")
        st.caption(
            "Above: test pictures. Below: what the network makes of them " + ", then ".join(looks)
        )
        for column, (what, seen) in zip(st.columns(len(looks)), looks.items(), strict=True):
            with column:
                st.markdown(f"**{what.capitalize()}**")
                show_map(seen, classes, f"look-{what}", 330)
    model_class = MODELS[variant]
    ui.explain(
        f"{model_class.idea} {model_class.when} {model_class.fails} ({model_class.source})",
        model_class.formula,
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
        names, of = list(data.SOURCES), start.data if start is last else st.session_state.data
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


# -- a run ------------------------------------------------------------------------------------


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
    st.session_state.data = runs.spec(run).data


def show_run(run: str) -> None:
    """Watch a run; when it ended, use its model."""
    status, spec, usable = runs.status(run), runs.spec(run), runs.is_finished(run)
    about = f"**{spec.title}**, {data.SOURCES[spec.data].title}, seed {spec.seed}. "
    if usable:
        about += runs.measured(ui.load_model(run).card)
    # The buttons stand outside the part that draws itself again and again: no click is lost.
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(about, width="content")
        if not status.ended:
            wish = runs.wish(run)
            for action in ("resume" if wish == "pause" else "pause", "stop"):
                st.button(
                    action.capitalize(),
                    on_click=runs.control,
                    args=(run, action),
                    disabled=wish == "stop",
                )
        elif usable:
            for page, label in USES.items():
                kind = "primary" if page == "map" else "secondary"
                if st.button(label, on_click=use, args=(run,), type=kind):
                    st.switch_page(ui.PAGES[page])
            name = f"{spec.variant}-{spec.config['latent_dim']}d-{run}.safetensors"
            ui.download("model", lambda: runs.model_bytes(run), name)
        st.button("Train again" if status.ended else "Train another", on_click=again, args=(run,))
    if status.ended and not usable:
        st.error(f"{status.message} {runs.WAY_OUT[status.state]}")
    st.fragment(live, run_every=None if status.ended else TICK)(run, status.ended)
    ui.explain(
        "Each step shows the network a batch of training pictures and moves its weights a little "
        "down the slope of the loss. The curves show each term of that loss: on the pictures it "
        "trains on, and on held-out ones that it never trains on. The map shows where the encoder "
        "puts 2,000 test pictures; where codes are wider than two, their two principal axes.",
        spec.model_class.formula,
    )


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
        st.plotly_chart(figure, config=PLAIN, key="curves", alt="each loss term over the steps")
    with chart:
        show_map(seen, classes, "run-map", HEIGHT)


# -- the page ---------------------------------------------------------------------------------


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


def upload() -> None:
    """Load a model that was downloaded before."""
    again_key = st.session_state.setdefault("uploads", 0)
    file = st.file_uploader("A .safetensors file of aeviz", "safetensors", key=f"file-{again_key}")
    if file is None:
        return
    try:
        with st.spinner("Reading the model"):
            remember(runs.add(file.getvalue()))
    except checkpoint.CheckpointError as error:
        st.error(str(error))
        return
    st.session_state.uploads += 1  # an empty uploader
    st.rerun()


ui.heading(
    "What does it learn while it trains?",
    "Press Train and watch: copies sharpen, the curves fall, and the map sorts itself by digit.",
)
ui.model_name()  # the sidebar is there
runs.ensure_worker()
asked = st.query_params.get("run")
if asked is None and "variant" not in st.query_params:
    asked = st.session_state.get("run")  # back from another page
if asked and runs.is_run(asked):
    remember(asked)
    show_run(asked)
else:
    if asked:
        st.warning("This run is not here: it was made on another machine, or deleted.")
        asked = None
    wanted = st.query_params.get("variant") or st.session_state.get("variant")
    set_up(wanted if wanted in MODELS else next(iter(MODELS)))
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Your runs", anchor=False)
    own_runs(asked)
with right:
    st.subheader("Load a model", anchor=False)
    upload()
