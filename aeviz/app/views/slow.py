"""One step of a run in slow motion, below its film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from aeviz.app import session
from aeviz.app.components.slow import slow_motion
from aeviz.data import datasets
from aeviz.training import place, slow
from aeviz.training.slow import SlowStep
from aeviz.training.spec import RunSpec

FEW = 3
"""So many latent dimensions are named in a sentence."""


def button(run: str, spec: RunSpec, at: int, *, follows: bool) -> None:
    """A button that shows a step, or puts it away.

    Args:
        at: where the film rests; the step after it is shown.
        follows: it does not rest: the step is the last one that was done, and may be another one
            when the button is pressed again.
    """
    before = at - 1 if follows else at
    if spec.steps is not None:
        before = min(before, spec.steps - 1)
    wanted, now = (run, max(before, 0)), session.get("slow")
    shows = now == wanted or (follows and now is not None and now[0] == run)
    st.button(
        "Hide the slow motion" if shows else "One step in slow motion",
        f"slow-{run}",
        help="What goes through the network, and what moves in it",
        on_click=session.note,
        args=("slow", None if shows else wanted),
    )


def shown(run: str) -> None:
    """The step that was asked for last of a run, if one was."""
    asked = session.get("slow")
    if not asked or asked[0] != run:
        return
    try:
        step = _step(*asked)
    except (place.RunError, datasets.DataError) as error:
        st.error(str(error))
        return
    st.subheader(f"Step {step.step:,} in slow motion", anchor=False)
    slow_motion(f"slow-{run}-{step.step}", step, stages(step))


@st.cache_data(max_entries=64, show_spinner="Doing this step again")
def _step(run: str, before: int) -> SlowStep:
    return slow.slow_step(run, before)


def stages(step: SlowStep) -> list[tuple[str, str]]:
    """Name and sentence of each stage of a step, in order."""
    pixels = step.images[0].size
    corrupted = " It is corrupted first." if step.seen is not None else ""
    total, after = (sum(terms.values()) for terms in (step.terms, step.terms_after))
    parts = " and ".join(f"{_term(name)} {value:.2f}" for name, value in step.terms.items())
    together = f", {total:.2f} together" if len(step.terms) > 1 else ""
    change = "less" if after < total else "more"
    found = [
        (
            "batch",
            f"{step.batch:,} images are drawn for this step. Follow the first of them.{corrupted}",
        ),
        (
            "encoder",
            f"The encoder turns its {pixels:,} pixels into numbers, layer by layer. A strip shows "
            "some of the values that leave a layer: dark above zero, coloured below.",
        ),
    ]
    if step.cloud is None:
        found.append(("code", f"What comes out is its code, z = {_vector(step.z)}."))
    else:
        mu, sigma = _vector(step.cloud.mu), _vector(step.cloud.sigma)
        found += [
            (
                "cloud",
                f"They are no point but a cloud: its mean is μ = {mu}, its standard deviation "
                f"σ = {sigma}. The dashed circle is one standard deviation of the prior.",
            ),
            (
                "draw",
                f"A random ε = {_vector(step.cloud.epsilon)} chooses a place in the cloud: "
                f"z = μ + σ ε = {_vector(step.z)}. The gradient can pass through that sum.",
            ),
        ]
    return [
        *found,
        ("decoder", "The decoder turns z back into an image, the reconstruction."),
        (
            "loss",
            f"The loss says how bad that is, in {step.unit}, as a mean over the batch: "
            f"{parts}{together}.",
        ),
        (
            "gradient",
            "Backwards: how much would the loss change with each weight? That is the gradient, and "
            "each bar is its norm in one layer.",
        ),
        (
            "step",
            f"Adam moves every weight a little against its gradient, at a learning rate of "
            f"{step.lr:.2g}. The same batch with the same noise now costs {after:.2f}, "
            f"{abs(total - after):.2g} {change}.",
        ),
    ]


def _term(name: str) -> str:
    return "KL" if name == "kl" else name.replace("_", " ")


def _vector(values: Sequence[float] | np.ndarray) -> str:
    """The first few of some numbers, in brackets where there are several."""
    said = ", ".join(f"{value:.2f}".replace("-", "−") for value in values[:FEW])
    return f"({said}{', …' * (len(values) > FEW)})" if len(values) > 1 else said
