"""Parts of the train page: the picker of variants, the form of a run, and the list of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz.app import join, library, own, pages, session, widgets
from aeviz.app.views import run as view
from aeviz.app.views import shown
from aeviz.charts import pixels, theme
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.zoo import MODELS, short_title
from aeviz.training import place, preview, race, removal, store
from aeviz.training.spec import RunSpec, sentence, summary

SECONDS, EPOCHS = 30.0, 10.0
"""How long a run lasts at first in a unit that the variant's recipe does not have."""
FLAT = "until it is flat"
"""A length: until the loss on held-out images improves no more."""
QUICK = 10.0
"""About so many seconds a variant's recipe takes."""
AS_LAST = "as in your last run"
COMMON = sorted((n for n, c in MODELS.items() if c.common), key=lambda n: MODELS[n].common)
"""The variants that the picker shows at once."""
CHOSEN = ":material/check:"
"""Beside the name of the one that is chosen."""

# -- what to train ------------------------------------------------------------------------------


def set_up() -> None:
    """Choose what to train, beside the network before its first step and a trained one."""
    asked = session.asked("variant")
    variant = asked or session.get("variant")
    if variant not in MODELS:
        variant = COMMON[0]
        if asked:
            session.refuse("variant", asked)
    session.say("variant", variant)
    cards = st.container(key="variant-cards", gap="xsmall")
    idea = st.empty()
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    length = st.empty()
    looks, form = st.columns([5, 2], gap="large")
    with form:
        wanted = _settings(variant, bar)
    try:
        spec, wrong = RunSpec.model_validate(wanted), ""
    except ValueError as error:
        spec, wrong = None, sentence(error)
    # The callback only notes it: its arguments would be the settings before the last change. Where
    # the line is cut while this page runs, the note is still there when it is run again.
    bar.button(
        "Train",
        "train",
        type="primary",
        disabled=spec is None,
        width=140,
        on_click=session.note,
        args=("pressed", variant),
    )
    with bar:
        raced = _race(spec)
    if raced:
        try:
            shown.side_by_side([own.start(one) for one in raced])
            st.rerun()
        except place.RunError as error:
            length.error(str(error))
            return
    if session.get("pressed") == variant and spec:
        session.forget("pressed")
        try:
            shown.show(own.start(spec))
            st.rerun()
        except place.RunError as error:
            length.error(str(error))
            return
    with cards:
        _picker(variant)
    idea.markdown(MODELS[variant].idea)
    if spec is None:
        length.error(wrong)
        return
    length.markdown(summary(spec))
    with looks:
        _looks(spec)
    view.explain(spec)


def _race(spec: RunSpec | None) -> list[RunSpec]:
    """A menu of races; the runs of the one that was pressed, else none."""
    found = race.offered(spec) if spec else {}
    with st.popover("Race", disabled=not found, help="Two to four runs side by side"):
        st.caption("Runs that differ in one thing, with the same seed and the same data order.")
        for name in found:
            st.button(name, f"race-{name}", on_click=session.note, args=("raced", name))
    return found.get(session.forget("raced") or "", [])


def _picker(chosen: str) -> None:
    """A card for each variant: the common ones, and the others behind "more"."""
    widgets.style("cards")
    with st.grid("auto", min_column_width=122, gap="xsmall"):
        for name in COMMON:
            _card(name, chosen)
    others = [name for name in MODELS if name not in COMMON]
    with (
        st.expander(f"{len(others)} more variants", expanded=chosen in others),
        st.grid("auto", min_column_width=122, gap="xsmall"),
    ):
        for name in others:
            _card(name, chosen)


def _card(name: str, chosen: str) -> None:
    """The map of a variant's pretrained model and its name; the button covers both."""
    model_class, pretrained = MODELS[name], library.nearest(name, 2)
    seen = _pretrained_look(pretrained) if pretrained else view.before(_default_spec(name))
    thumbnail = pixels.code_thumbnail(seen.points, seen.point_labels)
    # Not a disabled button: what is chosen would be grey, and a key that is pressed again a fault.
    key = "chosen-variant" if name == chosen else f"variant-{name}"
    with st.container(key=key, gap="xxsmall", horizontal_alignment="center"):
        st.image(thumbnail, width=64, alt=f"map of a {model_class.title.lower()}")
        st.button(
            short_title(name),
            key=f"pick-{name}",
            help=model_class.idea,
            on_click=shown.set_up,
            args=(name,),
            icon=CHOSEN if name == chosen else None,
            type="tertiary",
            wrap=True,
        )


@st.cache_data(max_entries=64, show_spinner="Looking at the pretrained models")
def _pretrained_look(name: str) -> preview.Preview:
    """What a pretrained model does to the test images that a run shows."""
    model = library.model(name)
    return preview.look(model, datasets.load("mnist"), model.card.steps, None)


def _looks(spec: RunSpec) -> None:
    """Ten fixed test images and the map of 2,000, by the new network and by a trained one."""
    looks, classes = (
        {"before its first step": view.before(spec)},
        datasets.SOURCES[spec.data].classes,
    )
    if pretrained := library.nearest(spec.variant, spec.config.latent_dim):
        steps = library.card(pretrained).steps
        looks[f"after {steps:,} steps (pretrained)"] = _pretrained_look(pretrained)
    first = next(iter(looks.values()))
    rows = {"original": first.originals} | {k: seen.reconstructions for k, seen in looks.items()}
    items = [
        widgets.Item(
            [(images[k], f"{what}, {classes[label]}") for what, images in rows.items()],
            classes[label],
        )
        for k, label in enumerate(first.labels)
    ]
    widgets.gallery(items, size="max(2.5rem, min(3.1rem, 10cqw - 0.85rem))")
    st.caption("Above: test images. Below: their reconstructions " + ", then ".join(looks) + ".")
    for column, (what, seen) in zip(st.columns(len(looks)), looks.items(), strict=True):
        with column:
            st.markdown(f"**{what.capitalize()}**")
            figure = widgets.drawable(view.code_map(seen, classes, 330))
            figure.update_layout(showlegend=False)
            st.plotly_chart(
                figure, config=theme.PLAIN, key=f"look-{what}", alt=view.map_title(seen)
            )
    widgets.class_key(classes)


# -- the form: its settings outlive a look at a run or at another page ---------------------------


def _default_spec(variant: str) -> RunSpec:
    recipe = dataclasses.asdict(MODELS[variant].recipe)
    return RunSpec.model_validate({"variant": variant, **recipe})


def _settings(variant: str, bar: DeltaGenerator) -> dict[str, Any]:
    """Draw the widgets of a run and return what they say, as the fields of a RunSpec."""
    model_class = MODELS[variant]
    last: RunSpec | None = session.get("last_spec")
    presets = {name: config.to_dict() for name, config in model_class.presets.items()}
    presets = presets or {"defaults": model_class.Config().to_dict()}
    if last and last.variant == variant:
        presets = {AS_LAST: last.config.to_dict()} | presets
    with bar:
        key = f"preset-{variant}-{AS_LAST in presets}"
        preset = _one_of("Preset", list(presets), key, width=250)
    key, start = f"{variant}-{preset}", _default_spec(variant)
    if last and preset == AS_LAST:
        key, start = f"{key}-{session.get('last_run')}", last
    chosen: dict[str, Any] = {"variant": variant}
    with bar:
        chosen |= _length(start, key)
    lr, rate = _rate(start, chosen), f"{key}-lr"
    # It follows the length as long as nobody has put another one into its box.
    if session.value(rate) in (None, session.get(f"{rate}-proposed")):
        session.put(rate, lr)
    session.note(f"{rate}-proposed", lr)
    chosen["config"] = widgets.knob_form(model_class.Config, key, presets[preset])
    with st.expander("Data, seed, batch, learning rate"):
        of = start.data if start is last else session.value("data")
        names = {name: source.title for name, source in datasets.SOURCES.items()}
        chosen["data"] = _one_of(
            "Data set", list(names), f"{key}-{of}-data", of, title=names.__getitem__
        )
        for field, label, low, high, step, note in (
            ("seed", "Seed", 0, 2**31 - 1, 1, "Seeds the initial weights, data order and noise."),
            ("batch", "Batch", 1, 4096, 1, "Images in one step."),
            ("lr", "Learning rate", 1e-6, 1.0, 1e-4, "The highest: it rises, then falls to 0."),
        ):
            form = "%g" if field == "lr" else None
            now, name = getattr(start, field), f"{key}-{field}"
            chosen[field] = _number(label, low, high, now, step, form, name, help=note)
    return chosen


def _rate(start: RunSpec, chosen: dict[str, Any]) -> float:
    """The learning rate that is proposed for the length that is chosen."""
    recipe = start.model_class.recipe
    before, now = (
        recipe.epochs * one["seconds"] / QUICK if one.get("seconds") else one.get("epochs")
        for one in (_length_of(start), chosen)
    )
    gentler = recipe.rate(now or recipe.epochs) / recipe.rate(before or recipe.epochs)
    return start.lr if gentler == 1 else float(f"{start.lr * gentler:.2g}")


def _length_of(spec: RunSpec) -> dict[str, Any]:
    """How long a run lasts, as `_length` says it; of one with so many steps in epochs."""
    if spec.steps:
        return {"epochs": spec.steps / spec.per_epoch}
    return spec.model_dump(include={"epochs", "seconds", "until"}, exclude_none=True)


def _length(start: RunSpec, key: str) -> dict[str, float | str]:
    """Widgets for how long a run lasts: {"seconds": ...}, {"epochs": ...} or {"until": "flat"}."""
    said = _length_of(start)
    units = ["epochs", "seconds"] if "epochs" in said else ["seconds", "epochs"]
    units += [FLAT]
    box = session.box(f"{key}-unit", FLAT if start.until else units[0])
    now = session.value(f"{key}-unit")
    unit = st.segmented_control("Length in", units, default=now, required=True, key=box)
    if unit == FLAT:
        return {"until": "flat"}
    if unit == "seconds":
        length, most = said.get("seconds", SECONDS), 3600.0
    else:  # from the steps, if they are known: then the run is repeated exactly
        length, most = said.get("epochs", EPOCHS), 1000.0
    name, least = f"{key}-{unit}", min(0.001, length)
    chosen = _number(unit.capitalize(), least, most, length, 1.0, "%.4g", name, width=130)
    return {unit: chosen}


def _one_of(
    label: str,
    options: Sequence[str],
    key: str,
    start: str | None = None,
    *,
    title: Callable[[str], str] = str,
    width: int | Literal["stretch"] = "stretch",
) -> str:
    """A menu; the first option is chosen at first where no start is given."""
    box = session.box(key, start or options[0])
    now = options.index(session.value(key))
    return st.selectbox(label, options, now, format_func=title, key=box, width=width)


def _number(
    label: str,
    low: float,
    high: float,
    start: float,
    step: float,
    form: str | None,
    key: str,
    *,
    help: str | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> float:
    """A box for a number."""
    box = session.box(key, start)
    draw: Any = st.number_input  # whose types tell the kinds of numbers apart
    return draw(label, low, high, session.value(key), step, form, box, help, width=width)


# -- runs and files -----------------------------------------------------------------------------


def own_runs(now: str | None) -> None:
    """A link to each run of this person, a way to remove it, and back."""
    if removed := own.removed():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Removed: {removed}.", width="content")
            st.button("Undo", "restore", on_click=own.restore)
    mine = [run for run in own.known() if place.is_run(run)]  # and not a step of one
    for run in reversed(mine):
        status, label = store.status(run), library.run_title(run)
        label += f", {status.state}" if status.ended else ""  # else it would soon be wrong
        label += ", kept" if removal.is_starred(run) else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            pages.link("train", label, run=run, disabled=run == now)
            if status.ended and own.owns(run):  # not what is another person's
                st.button(
                    ":material/delete:",
                    f"remove-{run}",
                    f"Remove {label}",
                    on_click=own.remove,
                    args=(run,),
                    type="tertiary",
                )
    if not mine:
        st.caption("None yet.")
    elif own.started():
        _elsewhere()


def _elsewhere() -> None:
    """The way to this person's runs on another device."""
    found = join.here("train")
    if not found.address:
        return
    link = f"{found.address.rstrip('/')}/train?owner={own.me()}"
    with st.popover("On another device", type="tertiary"):
        st.caption("This link brings your runs along. Whoever has it can steer them: keep it.")
        with st.container(key="elsewhere"):
            st.html(join.picture(link))
        st.code(link, language=None, wrap_lines=True)


def upload() -> None:
    """Load a model that was downloaded before."""
    again = session.start("uploads", int)
    # Any file may come: one of another kind is answered in a sentence.
    file = st.file_uploader("A .safetensors file of aeviz", key=f"file-{again}")
    if file is None:
        return
    try:
        with st.spinner("Reading the model"):
            shown.show(own.add(file.getvalue()))
    except (checkpoint.CheckpointError, place.RunError) as error:
        st.error(str(error))
        return
    session.note("uploads", again + 1)  # an empty uploader
    st.rerun()
