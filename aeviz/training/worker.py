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
RESTARTS = 3
"""So often a run goes on from the same step: what kills its worker each time would go on for ever.
"""
POLL = 0.05
"""Seconds between two looks for work when there is none."""


def work() -> None:
    """Train the queued runs of the folder, in turns, until standard input ends.

    Runs that are under way at that moment keep their full state: the next worker goes on with them.
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
    trainings = {name: Task(name) for name in _left()}
    logging.info("ready")
    pruned = -math.inf
    stuck: set[str] = set()
    leaving = False
    while not leaving:
        leaving = gone.is_set()
        if not leaving:
            for name in _taken(stuck):
                trainings[name] = Task(name)
        # Each in turn: a fair queue would choose here.
        worked = [training.advance(leaving) for training in trainings.values()]
        before = len(trainings)
        trainings = {name: training for name, training in trainings.items() if not training.over}
        due = len(trainings) < before or time.monotonic() - pruned > PRUNING
        if due and not leaving:
            removal.prune(busy=trainings)
            pruned = time.monotonic()
        if not any(worked) and not leaving:
            time.sleep(POLL)


def _left() -> list[str]:
    """Runs that another worker left, which go on: three times at most from the same step."""
    going_on = []
    for path in sorted(place.folder().glob("run-*")):
        name = path.name
        if not place.is_run(name) or process.waits(name):
            continue
        found = store.said(name)
        if found.ended:
            continue
        step = max(store.states(name), default=0)
        restarts = found.restarts + 1 if found.restarted_at == step else 1
        if restarts > RESTARTS:
            store.interrupt(name, found)
            continue
        noted = found.model_copy(update={"restarts": restarts, "restarted_at": step})
        try:
            store.write(path / "status.json", noted)
        except OSError as error:  # it goes on all the same; what it says next is tried again
            logging.warning("%s goes on, which cannot be noted: %s", name, error)
        going_on.append(name)
    return going_on


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
