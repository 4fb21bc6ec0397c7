import streamlit as st

from aeviz import jobs
from aeviz.analysis import few_labels
from aeviz.app import ui
from aeviz.charts import theme
from aeviz.charts.curves import label_curves

NOTES = {
    few_labels.FEW: "This takes about a minute, once for each model. Other pages work meanwhile.",
    few_labels.ALL: "Fine-tuning on 60,000 digits takes several minutes. Other pages work "
    "meanwhile.",
}


def offer(counts: tuple[int, ...], label: str) -> None:
    """A button that begins a measurement; its progress, once it has begun."""
    job = few_labels.job(dataset, content, counts)
    if jobs.begun(job):
        again = lambda: few_labels.start(dataset, content, counts, retry=True)  # noqa: E731
        ui.working(job, again, NOTES[counts])
    elif st.button(label, key=f"measure-{counts[0]}", help=NOTES[counts]):
        few_labels.start(dataset, content, counts)
        st.rerun()


name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
ui.heading(
    "How many labels does it take?",
    "Labels are dear, pictures are not: the encoder saw all pictures and no label. "
    "Look for where its code beats a network that starts from nothing.",
)
kept, content, shown = ui.kept_labels(), ui.model_bytes(name), name
found = kept.get(name) if dataset.name == "mnist" else None
if found is None:
    found, reason = few_labels.get(dataset, content), few_labels.refusal(model)
    if found is None:
        shown = next(iter(kept))
        why = reason or f"{ui.describe(name)} is not measured on {dataset.title} yet."
        st.info(f"{why} These are the figures of {ui.describe(shown)} on the MNIST digits.")
    if reason is None and few_labels.FEW[0] not in (found.counts if found else []):
        offer(few_labels.FEW, f"Measure {ui.describe(name)} with 10, 100 and 1,000 labels")
    elif reason is None and few_labels.ALL[0] not in (found.counts if found else []):
        offer(few_labels.ALL, "Measure it with all 60,000 labels too")
    found = found or kept[shown]

st.markdown(few_labels.finding(found))
names = {method: few_labels.title(method, found.numbers) for method in found.accuracy}
chart, words = st.columns(2, gap="medium")
with chart:
    curves = {
        names[method]: (
            list(by_count),
            [found.mean(method, count) or 0.0 for count in by_count],
            [found.spread(method, count) for count in by_count],
        )
        for method, by_count in found.accuracy.items()
    }
    st.plotly_chart(
        label_curves(curves),
        config=theme.CONFIG,
        key="accuracy",
        alt="accuracy against the number of labelled digits",
    )
with words:
    st.dataframe(
        [
            {"Labels": names[method]}
            | {f"{count:,}": few_labels.text(found, method, count) for count in found.counts}
            for method in found.accuracy
        ],
        column_config={"Labels": st.column_config.TextColumn(pinned=True, width=155)},
        hide_index=True,
        key="table",
    )
    draws = ", ".join(f"{few_labels.DRAWS[n]} for {n:,}" for n in found.counts)
    st.caption(
        f"Test digits told right, in %, of all 10,000: mean ± standard deviation over draws of the "
        f"labelled digits ({draws})."
    )
    others = [other for other in kept if other != name]
    with st.container(horizontal=True, gap="small"):
        for other in others:
            label = f"See {ui.describe(other)}"
            st.button(label, key=f"use-{other}", on_click=ui.use_model, args=(other,))
ui.explain(
    "A labelled digit is drawn, equally many of each class, and a classifier learns from these "
    "alone. **Pixels**, **PCA** and the **frozen code** are given to a logistic regression; the "
    "numbers of PCA and of the code are brought to mean 0 and variance 1 first, over "
    f"{few_labels.UNLABELLED:,} digits whose labels are not looked at; numbers that hardly move, "
    "as those that a variational model let collapse, stay small. **Fine-tuned** puts a "
    "linear layer on the encoder, starts it as the regression on the frozen code, and trains both "
    "by Adam on the cross-entropy. **From scratch** is the same network with fresh weights. The "
    "encoder was pretrained on all training pictures without labels: where unlabelled pictures "
    "are plenty and labels are few, that is what it is for. Learning rates, steps and penalties "
    "were chosen once for each method and number of labels, on held-out training digits with one "
    "model, and are the same for all; with ten labels of one's own nobody could choose them as "
    "well. The test digits are only scored.",
    r"\min_{W, b}\; -\tfrac{1}{n} \textstyle\sum_{i=1}^{n} \ln "
    r"\mathrm{softmax}_{y_i} \bigl(W f(x_i) + b\bigr), \qquad "
    r"f \;\text{frozen, fine-tuned, or from scratch}",
)
