import numpy as np
import streamlit as st

from aeviz.analysis import errors, pca
from aeviz.app import ui
from aeviz.charts import figures
from aeviz.data import datasets
from aeviz.models import apply
from aeviz.models.zoo import numbers

ORDERS = {"random": "Random", "best": "Best", "worst": "Worst"}
COLUMNS = 10
METRICS = {
    "mse": ("MSE", "{:.4f}", "Mean squared error of a pixel in [0, 1]. Less is better."),
    "bce": (
        "BCE, nats/pixel",
        "{:.3f}",
        "Binary cross-entropy. Less is better; a perfect copy of grey pixels still has some.",
    ),
    "psnr": (
        "PSNR, dB",
        "{:.2f}",
        "Peak signal-to-noise ratio of the mean MSE. More is better; 3 dB more is half the MSE.",
    ),
}

name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
ui.heading(
    "What is lost on the way?",
    f"Each picture is squeezed into {numbers(model.code_dim)} and rebuilt from them. "
    "Look for strokes that come back smoother, thinner, or in another place.",
)
lost = ui.model_errors(name, dataset.name)
linear_errors = ui.pca_errors(dataset.name, model.code_dim)

with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    order = ui.choice(
        "Which copies", ORDERS, "copies", "The best have the least MSE, the worst the most."
    )
    classes = {str(k): title for k, title in enumerate(dataset.classes)}
    kind = "digit" if dataset.name == "mnist" else "class"
    label = ui.choice(f"By {kind}", {"all": "All", **classes}, "copies_of")
    seed = 0
    if order == "random":
        seed = ui.draw_again("copies_seed")

pictures, inspector = st.columns([4, 1], gap="medium")
with inspector:
    st.markdown(f"**Over all {len(lost.mse):,} test pictures**")
    with st.container(horizontal=True, gap="medium"):
        for key, (title, form, text) in METRICS.items():
            st.metric(
                title,
                form.format(lost.overall[key]),
                f"PCA {form.format(linear_errors.overall[key])}",
                delta_color="off",
                delta_arrow="off",
                help=text,
                width="content",
            )

found = np.arange(len(dataset.test_labels))
if label != "all":
    found = found[dataset.test_labels == int(label)]
if order == "random":
    shown = np.random.default_rng(seed).choice(found, COLUMNS, replace=False)
else:
    ranked = found[lost.mse[found].argsort(kind="stable")]
    shown = ranked[:COLUMNS] if order == "best" else ranked[::-1][:COLUMNS]
originals = datasets.to_float(dataset.test_images[shown])
copies = apply.reconstruct(model, originals, dataset.test_labels[shown])
linear = pca.pca(dataset, model.code_dim)  # there are no more axes than pixels
linear_copies = linear.reconstruct(originals)


def texts(of: errors.Errors) -> list[str]:
    """The numbers below each copy."""
    return [f"MSE {of.mse[i]:.4f}\nBCE {of.bce[i]:.3f}\n{of.psnr[i]:.1f} dB" for i in shown]


titles = [f"{dataset.classes[dataset.test_labels[i]]}\nnumber {i}" for i in shown]
with pictures:
    ui.rows(
        [
            ui.Row("Original", originals, titles),
            ui.Row(f"Copy by the {model.title.lower()}", copies),
            ui.Row(
                f"Error of the {model.title.lower()}",
                figures.signed(copies - originals),
                texts(lost),
            ),
            ui.Row(f"Copy by PCA with {numbers(len(linear.components))}", linear_copies),
            ui.Row("Error of PCA", figures.signed(linear_copies - originals), texts(linear_errors)),
        ]
    )
    ui.error_key()
ui.explain(
    "The encoder turns each picture into a code, the decoder turns the code into a copy, and the "
    "error is copy minus original, pixel by pixel. PCA does the same with a matrix in place of "
    "each network: it is the best that any linear encoder and decoder can do with as many numbers. "
    "It is fitted to the training pictures, and what it rebuilds is clipped to [0, 1], as pixels "
    "are. Each column has the lost of one picture: MSE is what PCA and most autoencoders "
    "minimise; BCE, in nats per pixel, is what a Bernoulli decoder minimises, with probabilities "
    f"kept {errors.EPSILON:g} away from 0 and 1; PSNR, in dB, is MSE on a logarithmic scale. "
    "The PSNR of the whole test set is taken of its mean MSE.",
    r"\mathrm{MSE} = \tfrac{1}{784} \sum_i (x_i - \hat x_i)^2 \qquad "
    r"\mathrm{BCE} = -\tfrac{1}{784} \sum_i x_i \ln \hat x_i + (1 - x_i) \ln (1 - \hat x_i) "
    r"\qquad \mathrm{PSNR} = -10 \log_{10} \mathrm{MSE}",
)
