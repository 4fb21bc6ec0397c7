"""What is chosen for all pages, a model and a data set; what app.py does around each of them."""

from __future__ import annotations

import gc

import streamlit as st
import torch
from threadpoolctl import threadpool_limits

from aeviz.app import library, own, session
from aeviz.app.subject import ModelSubject
from aeviz.data import datasets
from aeviz.models.base import Autoencoder
from aeviz.training import place, process

# -- what is chosen -----------------------------------------------------------------------------


def model_name() -> str:
    """The chosen model's name."""
    return session.value("model")


def model() -> Autoencoder:
    """The chosen model."""
    return library.model(model_name())


def subject(name: str | None = None) -> ModelSubject:
    """A model seen on the chosen data; the chosen one where no name is given."""
    return ModelSubject(library.codec(name or model_name()), dataset())


def names() -> list[str]:
    """Names of the models that this person can choose: pretrained ones, then their own runs."""
    asked = session.asked("model") or ""  # another person's run, shared as a link
    if library.is_run(asked):
        own.opened(asked)
    return [*library.pretrained(), *(run for run in own.known() if not library.trouble(run))]


def use(name: str) -> None:
    """Make a model the chosen one; for callbacks of buttons."""
    if library.is_run(name):
        own.opened(name)
    session.put("model", name)
    session.note("model_chosen", True)


def still_there(name: str) -> None:
    """Run the whole page again where a run's model has gone since; for fragments.

    The app then says so and chooses another one.
    """
    if library.trouble(name):
        st.rerun()


def dataset() -> datasets.Dataset:
    """The chosen data set, or MNIST where that cannot be had; read once in each run of the app."""
    return session.start("dataset", _read)


def read_dataset() -> None:
    """Read it, and say on the page where it cannot be had."""
    session.note("dataset", _read())


def _read() -> datasets.Dataset:
    name = session.value("data")
    if name == "mnist" or datasets.find_folder(name):
        return _load(name)
    bar = st.progress(0.0, "Looking for the data")

    def show(done: float, what: str) -> None:
        bar.progress(done, what)

    try:
        return _load(name, show)
    finally:
        bar.empty()


def _load(name: str, progress: datasets.Progress | None = None) -> datasets.Dataset:
    try:
        return datasets.load(name, progress=progress)
    except datasets.DataError as error:
        st.warning(f"{error} Until then the pages show MNIST.")
        return datasets.load("mnist")


# -- the process --------------------------------------------------------------------------------


def settle() -> None:
    """After a page: see that there is a training worker, and tidy memory once."""
    try:
        process.ensure_workers()
    except place.RunError as error:
        st.warning(f"Nothing can be trained or kept here. {error}")
    _tidy()


@st.cache_resource(show_spinner=False)
def _tidy() -> None:
    # What is imported by now stays: the collector need not look at it again, which it otherwise
    # does for 0.1 s and more with torch loaded.
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False)
def one_thread() -> None:
    """Give torch and numpy one thread each in this process.

    Their two pools of threads slow each other tenfold on few cores, and the worker trains beside.
    """
    torch.set_num_threads(1)
    threadpool_limits(1)
