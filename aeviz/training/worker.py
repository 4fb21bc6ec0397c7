"""The process that trains runs: each run is a generator, and all of them take turns.

`process.ensure_worker()` starts it as `python -m aeviz worker`; it never imports Streamlit.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import threading
import time

import torch
from filelock import Timeout

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop, place, preview, process, removal, store
from aeviz.training.task import Task

PRUNING = 600.0
"""Seconds after which old runs are looked for again where no run has ended meanwhile."""
POLL = 0.05
"""Seconds between two looks for work when there is none."""


def work() -> None:
    """Train the queued runs of the folder, in turns, until standard input ends.

    Runs that are under way at that moment are stopped and keep their models.
    """
    try:
        lock = process.worker_lock()
        lock.acquire(timeout=1)  # an app that only looks whether there is a worker holds it briefly
    except Timeout:
        logging.info("another worker has this folder")
        return
    except OSError as error:
        logging.error("no runs can be kept in %s: %s", place.folder(), error)
        return
    gone = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), gone.set()), daemon=True).start()
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    torch.set_num_threads(max(1, cores - 1))  # one core is left for the app and the browser
    _warm_up()
    _interrupt_what_was_left()
    logging.info("ready")
    trainings: dict[str, Task] = {}
    pruned = -math.inf
    stuck: set[str] = set()
    while not gone.is_set() or trainings:
        if not gone.is_set():
            for name in _taken(stuck):
                trainings[name] = Task(name)
        # Each in turn: a fair queue would choose here.
        worked = [training.advance(gone.is_set()) for training in trainings.values()]
        before = len(trainings)
        trainings = {
            name: training
            for name, training in trainings.items()
            if not (training.over or (training.status.ended and gone.is_set()))
        }
        due = len(trainings) < before or time.monotonic() - pruned > PRUNING
        if due and not gone.is_set():
            removal.prune(busy=trainings)
            pruned = time.monotonic()
        if not any(worked):
            time.sleep(POLL)


def _interrupt_what_was_left() -> None:
    """Note which runs a worker left that was killed."""
    for path in place.folder().glob("run-*"):
        name = path.name
        if place.is_run(name) and not process.waits(name):
            found = store.said(name)
            if not found.ended:
                store.interrupt(name, found)


def _taken(stuck: set[str]) -> list[str]:
    """The runs that this worker takes out of the queue now.

    Args:
        stuck: those that were taken and whose tickets cannot be removed; more may come.
    """
    found = []
    for name in process.queued():
        if name in stuck:
            continue
        try:
            mine = process.take(name)
        except OSError as error:
            logging.warning("the ticket of %s cannot be removed: %s", name, error)
            stuck.add(name)
            mine = not store.said(name).ended  # else an earlier worker had it
        if mine and place.is_run(name):
            found.append(name)
    return found


def _warm_up() -> None:
    """Load MNIST and do first steps, which take longer than the next ones."""
    try:
        _first_steps()
    except Exception:  # a run that meets the same says so; others may be well
        logging.exception("warming up failed")


def _first_steps() -> None:
    dataset, model_class = datasets.load("mnist"), next(iter(MODELS.values()))
    images, labels = dataset.train_images[:256], dataset.train_labels[:256]
    model = optim.build(model_class, model_class.Config(), 0).to(optim.pick_device())
    for _ in loop.fit(model, images, steps=2, batch=128, lr=1e-3, seed=0, labels=labels):
        pass
    preview.look(model, dataset, 0, None)


def main(arguments: list[str] | None = None) -> None:
    """Train the runs of a folder, one after the other by turns, until the app ends."""
    argparse.ArgumentParser(prog="python -m aeviz worker", description=main.__doc__).parse_args(
        arguments
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    work()
