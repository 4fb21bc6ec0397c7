import inspect
from pathlib import Path

import streamlit as st

from aeviz.app import ui
from aeviz.charts import diagram
from aeviz.models.base import NEEDS
from aeviz.models.zoo import numbers


@st.cache_data(max_entries=48, show_spinner="Running it once")
def halves(name: str) -> tuple[diagram.Half, diagram.Half]:
    """Encoder and decoder of a model, layer by layer."""
    model = ui.load_model(name)
    return diagram.halves(type(model), model.config)


name, model = ui.model_name(), ui.model()
encoder, decoder = halves(name)
ui.heading(
    "How is it built?",
    f"A {model.title.lower()} turns a picture into "
    f"{numbers(model.code_dim)} and back. "
    "Look for where the shapes become narrow, and where most of the weights are.",
)
st.latex(model.formula)
layers, words = st.columns([3, 2], gap="large")
with layers:
    columns = st.columns(2, gap="medium")
    for column, what, half in zip(columns, ("Encoder", "Decoder"), (encoder, decoder), strict=True):
        with column:
            st.markdown(f"**{what}**, {half.weights:,} weights in layers")
            st.graphviz_chart(diagram.dot(half), alt=f"layers of the {what.lower()}")
    st.caption(
        "Boxes are layers, arrows carry the shape of what one picture is at that place. It is "
        "drawn from one picture that went through the network."
    )
with words:
    st.subheader(f"{model.title}, {model.year}", anchor=False)
    st.markdown(model.idea)
    st.caption(model.source)
    st.markdown(f"**When.** {model.when}\n\n**How it fails.** {model.fails}")
    if model.needs:
        st.markdown(
            "**Serves the wish for** "
            + "; ".join(NEEDS[need].lower() for need in model.needs)
            + "."
        )
    with st.expander("Its settings"):
        st.json(model.config.to_dict())
        where = "" if model.card.device == "cpu" else " on a GPU"
        st.caption(
            f"Trained{where} by `{model.card.command or 'this app'}`, seed {model.card.seed}."
        )
    st.page_link(
        ui.PAGES["train"],
        label="Train one with other settings",
        query_params={"variant": model.variant},
    )
with st.expander("Show the code"):
    st.caption(f"aeviz/models/{model.variant}.py, as it runs here.")
    source = Path(inspect.getfile(type(model))).read_text(encoding="utf-8")
    st.code(source, language="python", line_numbers=True)
ui.explain(
    "A layer multiplies what it gets by its weights and adds others; SiLU, ReLU and the like bend "
    "the result, without which all layers together would be one matrix. Shapes leave out the "
    "batch: 32 × 7 × 7 are 32 feature maps of 7 by 7 places, 784 are the pixels of a picture in a "
    "row. Adding, concatenating and taking a part are no layers and have no box.",
    r"h = \varphi(W x + b), \qquad W \in \mathbb{R}^{n \times m}: \quad n m + n \text{ weights}",
)
