"""What takes a while: begun once, watched by everybody who waits for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from aeviz import jobs
from aeviz.analysis import projections
from aeviz.app.components.watch import watch
from aeviz.app.subject import ModelSubject


def projected(subject: ModelSubject, method: str) -> np.ndarray | None:
    """Places (N, 2) of the test codes by UMAP or t-SNE; None, with a progress bar, until then.

    Args:
        method: a key of `projections.METHODS`.
    """
    found = subject.codes()
    places = projections.get(found, method)
    if places is None:
        projections.start(found, method)
        working(
            projections.job(found, method),
            lambda: projections.start(found, method, retry=True),
            "This takes about a minute, once for each model. Other pages work meanwhile.",
        )
    return places


def offer(label: str, job: jobs.Job, start: Callable[..., None], note: str) -> None:
    """A button that begins a job; how far it is, once it has begun.

    Args:
        start: begins it; with `retry`, anew after a failure.
        note: how long it takes.
    """
    if jobs.begun(job):
        working(job, lambda: start(retry=True), note)
    elif st.button(label, key=f"measure-{job.path.name}", help=note):
        start()
        st.rerun()


@st.fragment
def working(job: jobs.Job, again: Callable[[], None], note: str) -> None:
    """How far a job is that was begun; runs the page again once the result is there.

    Args:
        again: begins anew after a failure.
        note: how long it takes.
    """
    state = jobs.progress(job)
    if isinstance(state, str):
        st.error(state)
        if st.button("Try again", key=f"again-{job.path.name}"):
            again()
            st.rerun(scope="fragment")
    elif state[0] < 1:
        fraction, phase = state
        text = f"{job.title}: {phase[:1].lower()}{phase[1:]}"
        watch(f"watch-{job.path.name}", text, fraction)
        st.caption(note)
    else:
        st.rerun()
