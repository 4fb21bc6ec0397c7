import streamlit as st

from aeviz.app import own, ui
from aeviz.app.views import loss as view
from aeviz.app.views import train
from aeviz.charts.bars import loss_terms
from aeviz.charts.curves import loss_curves
from aeviz.data import datasets
from aeviz.models.zoo import short_title

THINGS = {  # what a loss may report: what there is to see then
    "active_fraction": "Look for how often each unit answers, and for what it draws.",
    "kl_per_dim": "Look for how much each number of the code still says.",
    "perplexity": "Look for which words it uses.",
    "squared_jacobian": "Look for how little the code moves when pixels do.",
}

name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
codes, (test, training) = ui.codes(name, dataset.name), ui.costs(name, dataset.name)
has = [thing for thing in THINGS if thing in test.metrics]
ui.heading(
    "What does the loss do to the code?",
    f"{model.idea} " + (THINGS[has[0]] if has else "Look for what each number is used for."),
)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.markdown("See it on", width="content")
    for thing in THINGS:
        if other := ui.shipped_that_reports(thing):
            title = short_title(ui.shipped_cards()[other].variant)
            st.button(title, on_click=ui.use_model, args=(other,), disabled=thing in has)

st.latex(model.formula)
bars, words = st.columns([3, 2], gap="large")
with bars:
    costs = {"Test": test.terms, "Training": training.terms}
    costs = {k: {train.metric_title(t): v for t, v in c.items()} for k, c in costs.items()}
    figure = loss_terms(costs, model.unit)
    view.chart(figure, "terms", "each term of the loss")
note = "Where training ones cost much less, it has learned them by heart."
if model.card.data != dataset.name:
    note = f"It was trained on {datasets.SOURCES[model.card.data].title}: all are new to it."
elif (spec := own.spec(name)) and spec.classes is not None:
    note = "It was trained on some classes alone, and test pictures are of all."
steps, fallen = view.curves(name, model.card)
with words:
    parts = " + ".join(f"{term} **{value:.4g}**" for term, value in costs["Test"].items())
    total = f" = **{test.total:.4g}**" if len(test.terms) > 1 else ""
    st.markdown(f"On test pictures: {parts}{total} {model.unit}. " + note)
    if not fallen:
        st.markdown("Its file keeps no curve of its training: train one to see each term fall.")
        if st.button(f"Train: {short_title(model.variant)}"):
            st.switch_page(ui.PAGES["train"], query_params={"variant": model.variant})
if fallen:
    fallen = {train.metric_title(term): values for term, values in fallen.items()}
    height = 90 + 110 * len(fallen)
    figure = loss_curves(steps, fallen, unit=model.unit, height=height)
    view.chart(figure, "curves", "each term of the loss over the steps")
    st.caption(
        "Training: averaged over steps, with what only training has, such as dropout. The first "
        "fall lies out of view."
    )

if "perplexity" in has:
    view.show_words(*ui.words(name, dataset.name))
elif "active_fraction" in has:
    number = view.show_units(name, model, codes)
    view.show_unit(model, codes, dataset, number)
else:
    if "kl_per_dim" in has:
        number = view.show_kl(name, test.metrics["kl_per_dim"])
    else:
        st.subheader("What does one number do?", anchor=False)
        number = view.pick_number(name, codes.shape[1], int(codes.var(0).argmax()))
    view.show_number(model, codes, dataset, number)
slopes = ui.spectrum(name, dataset.name)
if slopes is not None:
    penalised = "squared_jacobian" in has
    view.show_slopes(name, slopes, model.code_dim, dataset.name, penalised=penalised)

ui.explain(
    "A loss is a sum of terms in one unit; what is drawn is what is minimised, weights included, "
    f"on all test pictures and on {ui.TRAINING_COST:,} training ones. KL, in nats, says how far "
    "the posterior of a number is from the prior: with 0 the number is drawn from the same cloud "
    "whatever the picture, and its decoder has learned to ignore it. A unit fires where its part "
    "of the code is active. The perplexity of a codebook is exp(entropy) of how often its words "
    "are used. The Jacobian J of the encoder has a row for each number of the code and a column "
    "for each pixel: its singular values say how far the code moves when the picture moves by a "
    "distance of 1 in the direction that counts most, in the next one, and so on. They depend on "
    "the scale of the code, which a penalty may shrink as a whole: divided by the spread of the "
    "codes they do not.",
    r"\mathrm{KL}_j = \tfrac{1}{2}\, \mathbb{E}\, (\mu_j^2 + \sigma_j^2 - 1 - \ln \sigma_j^2)"
    r" \qquad J = \tfrac{\partial f(x)}{\partial x} = U \, \mathrm{diag}(s) \, V^\top, \;"
    r" \lVert J \rVert_F^2 = \textstyle\sum_i s_i^2",
)
