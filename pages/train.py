import streamlit as st

from aeviz.app import own, ui
from aeviz.app.views import train as view
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.zoo import MODELS
from aeviz.training import runs

USES = {
    "map": "Explore its map",
    "interpolate": "Interpolate",
    "sample": "Sample",
    "reconstruct": "Reconstruct",
    "denoise": "Denoise",
}


def set_up(variant: str) -> None:
    """Choose what to train, beside the network before its first step and a trained one."""
    st.query_params["variant"] = variant
    cards = st.grid("auto", min_column_width=104, gap="xsmall")
    idea = st.empty()
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    summary = st.empty()
    pictures, form = st.columns([5, 2], gap="large")
    with form:
        wanted = view.settings(variant, bar)
    try:
        spec, wrong = runs.RunSpec.model_validate(wanted), ""
    except ValueError as error:
        spec, wrong = None, runs.sentence(error)
    # Not a callback: its arguments would be the settings before the last change.
    pressed = bar.button("Train", "train", type="primary", disabled=spec is None, width=140)
    if pressed and spec:
        try:
            view.show(own.start(spec))
            st.rerun()
        except runs.RunError as error:
            summary.error(str(error))
            return
    with cards:
        view.picker(variant)
    idea.markdown(MODELS[variant].idea)
    if spec is None:
        summary.error(wrong)
        return
    summary.markdown(runs.summary(spec))
    with pictures:
        looks = {"before its first step": view.before(spec)}
        shipped = ui.nearest_shipped(variant, spec.config.latent_dim)
        if shipped:
            steps = ui.shipped_cards()[shipped].steps
            looks[f"after {steps:,} steps (shipped with aeviz)"] = view.shipped_look(shipped)
        classes = datasets.SOURCES[spec.data].classes
        view.show_digits(looks, classes, "min(3.1rem, 12vw)")
        st.caption(
            "Above: test pictures. Below: what the network makes of them " + ", then ".join(looks)
        )
        for column, (what, seen) in zip(st.columns(len(looks)), looks.items(), strict=True):
            with column:
                st.markdown(f"**{what.capitalize()}**")
                view.show_map(seen, classes, f"look-{what}", 330)
    model_class = MODELS[variant]
    ui.explain(
        f"{model_class.idea} {model_class.when} {model_class.fails} ({model_class.source})",
        model_class.formula,
    )


def show_run(run: str) -> None:
    """Watch a run; when it ended, use its model."""
    status, spec = runs.status(run), runs.spec(run)
    trouble = own.trouble(run) if runs.is_finished(run) else ""
    usable = runs.is_finished(run) and not trouble
    about = f"**{spec.title}**, {datasets.SOURCES[spec.data].title}, seed {spec.seed}. "
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
                    on_click=own.control,
                    args=(run, action),
                    disabled=wish == "stop",
                )
        elif usable:
            hidden = {"hidden": "Hide parts"} if spec.model_class.uses_visible else {}
            for page, label in (USES | hidden).items():
                kind = "primary" if page == "map" else "secondary"
                if st.button(label, on_click=own.choose, args=(run,), type=kind):
                    st.switch_page(ui.PAGES[page])
            name = f"{spec.variant}-{spec.config.latent_dim}d-{run}.safetensors"
            ui.download("model", lambda: runs.model_bytes(run), name)
        st.button(
            "Train again" if status.ended else "Train another", on_click=view.again, args=(run,)
        )
    if trouble:
        st.error(trouble)
    elif status.ended and not usable:
        why = status.message or "The model of this run is gone."
        st.error(f"{why} {runs.WAY_OUT.get(status.state, 'Train it again.')}")
    elif status.state in ("failed", "interrupted"):
        st.warning(status.message)
    view.live(run, status.ended)
    ui.explain(
        "Each step shows the network a batch of training pictures and moves its weights a little "
        "down the slope of the loss. The curves show each term of that loss: on the pictures it "
        "trains on, and on held-out ones that it never trains on. The map shows where the encoder "
        "puts 2,000 test pictures; where codes are wider than two, their two principal axes.",
        spec.model_class.formula,
    )


def upload() -> None:
    """Load a model that was downloaded before."""
    again_key = st.session_state.setdefault("uploads", 0)
    # Any file may come: one of another kind is answered in a sentence.
    file = st.file_uploader("A .safetensors file of aeviz", key=f"file-{again_key}")
    if file is None:
        return
    try:
        with st.spinner("Reading the model"):
            view.show(runs.add(file.getvalue()))
    except (checkpoint.CheckpointError, runs.RunError) as error:
        st.error(str(error))
        return
    st.session_state.uploads += 1  # an empty uploader
    st.rerun()


ui.heading(
    "What does it learn while it trains?",
    "Press Train and watch: copies sharpen, the curves fall, and the map sorts itself by digit.",
)
asked = st.query_params.get("run")
if asked is None and "variant" not in st.query_params:
    asked = st.session_state.get("run")  # back from another page
if asked and runs.is_run(asked):
    view.show(asked)
    try:
        show_run(asked)
    except runs.RunError as error:
        st.error(str(error))
else:
    if asked:
        st.warning("This run is not here: it was made on another machine, or deleted.")
        asked = None
    wanted = st.query_params.get("variant") or st.session_state.get("variant")
    set_up(wanted if wanted in MODELS else next(iter(MODELS)))
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Your runs", anchor=False)
    view.own_runs(asked)
with right:
    st.subheader("Load a model", anchor=False)
    upload()
