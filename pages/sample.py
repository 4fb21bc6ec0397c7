import numpy as np
import streamlit as st

from aeviz.analysis import neighbours, planes, sampling
from aeviz.app import ui
from aeviz.charts import maps, pixels, theme
from aeviz.models import apply

NEAREST = {"no": "Hide", "pixels": "In pixels", "codes": "In code space"}
DOTS = 3000
GRID = 20

name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
codes = ui.codes(name, dataset.name)
has_prior = sampling.sample_prior(model, 1) is not None
ui.heading(
    "What does it draw on its own?",
    "Nobody wrote these: each picture is decoded from a code drawn at random. "
    "Look for strokes that no hand would make.",
)
if not has_prior:
    st.info(
        f"A {model.title.lower()} has no prior to draw from. {model.no_prior} Here codes are "
        "drawn from a Gaussian mixture that was fitted to its training codes afterwards."
    )

pictures, inspector = st.columns([3, 2], gap="large")
with inspector:
    source = "mixture"
    if has_prior:
        sources = {"prior": model.sampler, "mixture": "A Gaussian mixture"}
        source = ui.choice("Codes come from", sources, "sample_from")
    asked = ui.decoded_as(model, "sample_label", in_turn=True)
    as_grid = (
        source == "prior"
        and model.gaussian_prior
        and codes.shape[1] == 2
        and st.toggle(
            "An even grid",
            key="sample_grid",
            bind="query-params",
            help="Equal slices of the prior's probability instead of chance: the middles of "
            f"{GRID} slices for each number go through the inverse normal CDF.",
        )
    )
    count, temperature, near, seed = GRID * GRID, 1.0, "no", 0
    if not as_grid:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            seed = ui.draw_again("sample_seed")
        with st.container(horizontal=True, gap="medium"):
            count = st.slider("How many", 4, 64, 36, 4, key="sample_count", bind="query-params")
            temperature = st.slider(
                "Temperature",
                0.0,
                2.0,
                1.0,
                0.1,
                key="sample_temperature",
                bind="query-params",
                help="Factor on the spread: less gives usual pictures, more gives strange ones.",
            )
        near = ui.choice(
            "Nearest training picture",
            NEAREST,
            "sample_nearest",
            "Is a sample new, or a copy of a picture that the model was shown?",
        )
    if source == "mixture":
        components = st.slider(
            "Gaussians in the mixture", 1, 40, 10, key="sample_components", bind="query-params"
        )
        drawn = sampling.sample_mixture(
            ui.mixture(name, dataset.name, components), count, temperature, seed
        )
    elif as_grid:
        drawn = sampling.prior_grid(GRID)
    else:
        drawn = sampling.sample_prior(model, count, temperature, seed)
    assert drawn is not None  # without a prior the source is the mixture
    plane = planes.default_plane(codes)
    points = plane.project(codes)[:DOTS]
    dots = maps.code_map(points, dataset.test_labels[:DOTS], dataset.classes, height=430)
    maps.overlay(dots, points, plane.project(drawn), 3 if as_grid else 6, plane.axis_titles)
    st.plotly_chart(ui.drawable(dots), config=theme.CONFIG, key="samples")
    st.caption("Black dots: the codes drawn. Coloured: test codes, put there by the encoder.")

labels = None if asked is None else np.resize(asked, len(drawn))
made = apply.decode(model, drawn, labels)
with pictures:
    if as_grid:
        ui.sheet(pixels.tiles(made, GRID), f"{GRID} by {GRID} pictures decoded from an even grid")
        st.caption(
            "Each picture stands for an equal share of the prior. Look for how much of it goes to "
            "each digit, and for the seams where one turns into another."
        )
    else:
        items = [ui.Item([(picture, f"sample {k + 1}")]) for k, picture in enumerate(made)]
        if near != "no":
            with st.spinner("Comparing with all training pictures"):
                if near == "pixels":
                    away, index = neighbours.nearest_images(dataset.train_images, made)
                else:
                    away, index = neighbours.nearest(ui.codes(name, dataset.name, "train"), drawn)
            items = [
                ui.Item(
                    [*item.pictures, (dataset.train_images[i], f"nearest to sample {k + 1}")],
                    f"{dataset.classes[dataset.train_labels[i]]}, {distance:.2g}",
                )
                for k, (item, i, distance) in enumerate(
                    zip(items, index.ravel(), away.ravel(), strict=True)
                )
            ]
        ui.gallery(items, size="4.9rem")
        if near != "no":
            st.caption(
                f"Above: the sample. Below: the nearest of {len(dataset.train_images):,} training "
                f"pictures, its class, and its Euclidean distance {NEAREST[near].lower()}."
            )
ui.explain(
    "A prior says how codes are spread before any picture is seen. A model that was trained to "
    "press its codes into a prior can draw new pictures: draw a code, decode it. Without a prior "
    "one can only look afterwards where the codes of the training pictures lie, and fit a "
    "Gaussian mixture to them. The temperature multiplies the spread: of the whole prior about "
    "its centre, or of each Gaussian of the mixture about its own.",
    r"z \sim p(z), \quad \hat x = g(z) \qquad \text{or} \qquad "
    r"z \sim \sum_k \pi_k\, \mathcal{N}(\mu_k, \tau^2 \Sigma_k)",
)
