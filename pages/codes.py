import streamlit as st

from aeviz import jobs
from aeviz.analysis import baselines, uses
from aeviz.app import ui
from aeviz.charts import curves, theme
from aeviz.data import datasets

DISTORTION = {"psnr": "PSNR, dB", "mse": "MSE"}
SHARE = {
    "probe_accuracy": ("Linear probe", "Test pictures told right by a logistic regression."),
    "neighbour_accuracy": ("5-NN", "Test pictures told right by their five nearest codes."),
    "v_measure": ("V-measure", "How well ten clusters, found without labels, match the classes."),
    "trustworthiness": (
        "Trust",
        "Trustworthiness: 1 where the five nearest codes are also among the nearest pictures.",
    ),
}
COLUMNS = {
    "Picture as": st.column_config.TextColumn(pinned=True, width=212),
    "Numbers": st.column_config.NumberColumn(help="Width of the code.", width=75),
    **{
        key: st.column_config.ProgressColumn(
            title, format="%.3f", min_value=0, max_value=1, help=text, color="#2590b8", width=110
        )
        for key, (title, text) in SHARE.items()
    },
    "Bits": st.column_config.NumberColumn(
        "Bits each",
        help="Of a number: the fewest with which the MSE of held-out pictures rises by at most "
        "5 %. None where the code is made of symbols.",
        width=75,
    ),
    "Bytes": st.column_config.NumberColumn(
        format="%.1f", help="Of a picture: all numbers of its code with so many bits.", width=75
    ),
    "Ratio": st.column_config.NumberColumn(
        "Compression",
        format="%.0f : 1",
        help=f"Of {uses.PIXELS} bytes, one for each pixel.",
        width=100,
    ),
}


def measured(name: str, references: baselines.References) -> tuple[uses.Use, uses.Use] | None:
    """A model's code and PCA's at the same width: kept, or measured when it was asked for."""
    if data_name == "mnist" and name in kept.models:
        use = kept.models[name]
        return use, references.linear[min(use.numbers, uses.PIXELS)]
    found = uses.get(datasets.load(data_name), ui.model_bytes(name))
    return None if found is None else (found.use, found.linear)


def offer(label: str, content: bytes, note: str) -> None:
    """A button that begins a measurement; its progress, once it has begun."""
    job = uses.job(dataset, content) if content else baselines.job(dataset)

    def start(**again: bool) -> None:
        if content:
            uses.start(dataset, content, **again)
        else:
            baselines.start(dataset, **again)

    if jobs.begun(job):
        ui.working(job, lambda: start(retry=True), note)
    elif st.button(label, key=f"measure-{job.path.name}", help=note):
        start()
        st.rerun()


def row(title: str, use: uses.Use) -> dict[str, float | str | None]:
    """A line of the table."""
    bits, size = use.point.bits, use.point.size
    cost = {"Bits": bits, "Bytes": size, "Ratio": uses.PIXELS / size}
    return {"Picture as": title, "Numbers": use.numbers, **use.figures, **cost}


def curve(title: str, points: list[uses.Point]) -> curves.Curve:
    """Points for the plot, each with what it is."""
    texts = [f"{title}, {p.bits} bits a number" if p.bits else title for p in points]
    return curves.Curve([p.size for p in points], [p.mse for p in points], texts)


dataset = ui.dataset()
ui.heading(
    "What is a code good for?",
    "The same digits as pixels, as PCA and as codes. Look for a code that tells the classes apart "
    "with few bytes.",
)
chosen = ui.pick_models("codes")
kept, data_name = ui.kept_uses(), dataset.name
references = kept.references if data_name == "mnist" else baselines.get(dataset)
if references is None:
    st.info(
        f"Pixels, PCA and files are not measured on {dataset.title} yet. Until then the figures "
        "are of the MNIST digits."
    )
    offer(
        f"Measure them on {dataset.title}",
        b"",
        "This takes about two minutes, once. Other pages work meanwhile.",
    )
    data_name, references = "mnist", kept.references
found = {name: both for name in chosen if (both := measured(name, references))}
for name in chosen:
    if name not in found and data_name == dataset.name:
        offer(
            f"Measure {ui.describe(name)}",
            ui.model_bytes(name),
            "This takes less than a minute, once for each model. Other pages work meanwhile.",
        )

table: list[dict[str, float | str | None]] = [
    {"Picture as": "Pixels", "Numbers": uses.PIXELS, **references.pixels}
    | {"Bits": 8, "Bytes": uses.PIXELS, "Ratio": 1.0}
]
linear = {pca.numbers: pca for _, pca in found.values()}
table += [row(f"PCA, {width} numbers", linear[width]) for width in sorted(linear)]
table += [row(ui.describe(name), use) for name, (use, _) in found.items()]
others = {
    ui.describe(name): use
    for name, use in kept.models.items()
    if name not in found and data_name == "mnist"
}
if st.toggle(
    "All shipped models", key="all_codes", bind="query-params", help="Click a head to sort."
):
    table += [row(title, use) for title, use in others.items()]
st.dataframe(table, column_config=COLUMNS, hide_index=True, key="uses", width="stretch")
st.caption(
    f"Probe, neighbours and clusters are fitted to the codes of {uses.CODES:,} training pictures "
    f"and scored on all {len(dataset.test_images):,} test pictures; trustworthiness is of "
    f"{uses.SAMPLE:,} test pictures, drawn once."
)

st.subheader("What does a copy cost?", anchor=False)
by = ui.choice("Error of the copy", DISTORTION, "distortion")
better = "up" if by == "psnr" else "down"
st.markdown(
    "Each number of a code is rounded to 1, 2, 3 bits and so on, and a copy is decoded from what "
    f"is left: a line for each model. Further left is smaller, further {better} is better."
)
widths = [use for use in references.linear.values() if use.numbers < uses.PIXELS]
files = dict(references.files)
(png,) = files.pop(baselines.PNG)
st.plotly_chart(
    curves.rate_distortion(
        {
            ui.describe(name): curve(ui.describe(name), use.points)
            for name, (use, _) in found.items()
        },
        {ui.describe(name): use.chosen for name, (use, _) in found.items()},
        curves.Curve(
            [use.point.size for use in others.values()],
            [use.point.mse for use in others.values()],
            list(others),
        ),
        {
            f"PCA, 1 to {widths[-1].numbers} numbers": curves.Curve(
                [use.point.size for use in widths],
                [use.point.mse for use in widths],
                [f"PCA, {use.numbers} numbers, {use.point.bits} bits each" for use in widths],
            )
        }
        | {name: curve(name, points) for name, points in files.items()},
        (baselines.PNG, png.size),
        in_decibel=by == "psnr",
    ),
    config=theme.CONFIG,
    key="bytes",
    alt="bytes of a picture against the error of its copy",
)
for name, (use, _) in found.items():
    st.markdown(baselines.finding(ui.describe(name), use, references))
ui.explain(
    f"**Classes.** The probe is a logistic regression on standardised numbers; 5-NN takes the "
    f"vote of the {uses.NEIGHBOURS} nearest codes; k-means looks for {uses.CLUSTERS} clusters "
    "without any label, and the V-measure says how well they match the classes. Trustworthiness "
    "asks for each picture whether its nearest codes are near among pixels too, so that pixels "
    "themselves have 1. A model that takes labels is given those that it finds itself.\n\n"
    "**Bytes.** Each number is rounded to the middle of one of 2^b equal steps between the least "
    f"and the largest value among {uses.CODES:,} training codes. The large dot has the fewest bits "
    f"with which the MSE of {uses.SAMPLE:,} held-out pictures is at most 5 % above that without "
    "rounding; all points are of all test pictures. Where most numbers of "
    "a code are 0, only the others are written, and which ones they are. A code of symbols costs "
    "log2 of the codebook's size for each place. Nothing is packed any further, and the decoder "
    "itself, which the receiver needs once, is not counted. PCA's numbers are rounded alike.\n\n"
    f"**Files.** JPEG at quality {', '.join(map(str, baselines.QUALITIES))}, as small as Pillow "
    "makes it. Most of such a small file are tables: without its header it has "
    f"{files[baselines.SCAN][0].size:.0f} to {files[baselines.SCAN][-1].size:.0f} bytes instead of "
    f"{files[baselines.JPEG][0].size:.0f} to {files[baselines.JPEG][-1].size:.0f}. PNG has no "
    "error at all, so its PSNR is infinite: it is drawn as a line at its size.",
    r"R = \tfrac{1}{8} \textstyle\sum_{d=1}^{D} b \;\text{bytes}, \qquad "
    r"\mathrm{MSE} = \tfrac{1}{784}\, \mathbb{E}\, \lVert x - g(Q_b(f(x))) \rVert^2",
)
