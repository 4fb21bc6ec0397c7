"""The process that trains runs, or hands them to a cluster: those whose turn it is.

`process.ensure_workers()` starts it as `python -m aeviz worker`; it never imports Streamlit.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import threading
import time

import torch
from filelock import FileLock, Timeout

from aeviz import environment
from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop, place, preview, process, removal, store, tickets, turns
from aeviz.training.cluster import Dask
from aeviz.training.executor import Executor, Local, Training

try:
    import resource
except ImportError:  # Windows
    resource = None

PRUNING = 600.0
"""Seconds after which old runs are looked for again where no run has ended meanwhile."""
RESTARTS = 3
"""So often a run goes on from the same step: what kills its worker each time would go on for ever.
"""
POLL = 0.05
"""Seconds between two looks for what is asked of runs when nothing trains."""
AGAIN = 0.2
"""Seconds between two looks at the queue where it had nothing to train."""
LOOK = 0.5
"""Seconds between two looks whether a run has had its turn."""
IDLE = 60.0
"""Seconds after which a worker that has nothing to do ends, unless it is the only one."""


class Held:
    """A run that this worker has, with its claim."""

    def __init__(self, training: Training, claim: tickets.Claim) -> None:
        self.training, self._claim = training, claim

    def let_go(self) -> None:
        """Its status is written: what it wants now is another worker's, or nobody's."""
        name = self.training.name
        try:
            if store.said(name).state != "queued":
                tickets.remove(name)
                if store.said(name).state == "paused" and store.wish(name) == "resume":
                    tickets.put(name)  # asked for at this moment
        except OSError as error:
            logging.warning("the ticket of %s cannot be changed: %s", name, error)
        self._claim.release()


def work() -> None:
    """Train the runs of the folder whose turn it is, until standard input ends.

    Runs that are under way at that moment keep their full state: the next worker goes on with them.
    """
    try:
        slot = _free_slot()
    except OSError as error:
        logging.error("no runs can be kept in %s: %s", place.folder(), error)
        return
    if slot is None:
        logging.info("other workers have this folder")
        return
    gone = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), gone.set()), daemon=True).start()
    executor = _executor()
    _adopt()
    logging.info("ready")
    try:
        _serve(executor, gone, slot)
    finally:
        executor.close()


def _free_slot() -> int | None:
    """The first slot that no worker of this machine has, which is ours from now on."""
    for slot in range(process.slots()):
        lock = process.worker_lock(slot)
        try:
            lock.acquire(timeout=1)  # whoever only looks holds it for a moment
        except Timeout:
            continue
        _locks.append(lock)
        return slot
    return None


_locks: list[FileLock] = []
"""Held as long as this process lives."""


def _executor() -> Executor:
    torch.set_num_threads(process.threads())
    where = environment.now().executor
    if where != "local":
        return Dask(where)
    _warm_up()
    _bound_memory()
    return Local()


def _bound_memory() -> None:
    """What asks for more than the worker may take fails; its run says so, and others go on."""
    most = environment.now().memory
    if most is None:
        return
    if resource is None:
        logging.warning("AEVIZ_MEMORY cannot be kept to on this system.")
        return
    resource.setrlimit(resource.RLIMIT_DATA, (most * 1_000_000, resource.RLIM_INFINITY))


def _serve(executor: Executor, gone: threading.Event, slot: int) -> None:
    held: list[Held] = []
    pruned, looked, came_last, worked_last = -math.inf, 0.0, -math.inf, time.monotonic()
    leaving = False
    while not leaving:
        leaving, now = gone.is_set(), time.monotonic()
        if not leaving:
            new = _taken(executor, held, choose=now - came_last > AGAIN)
            came_last = came_last if new or now - came_last <= AGAIN else now
            held += new
        if now - looked > LOOK:
            _let_others_have_their_turn(executor, held)
            looked = now
        worked = [run.training.advance(leaving) for run in held]
        over = [run for run in held if run.training.over]
        for run in over:
            run.let_go()
        held = [run for run in held if run not in over]
        if (over or now - pruned > PRUNING) and not leaving:
            removal.prune(busy=[run.training.name for run in held])
            pruned = now
        if held:
            worked_last = now
        elif slot > 0 and now - worked_last > IDLE:
            return
        if not any(worked) and not leaving:
            time.sleep(POLL)
    for run in held:
        run.let_go()


_refused: set[str] = set()
"""Runs that cannot be taken: their folders cannot be written."""


def _taken(executor: Executor, held: list[Held], *, choose: bool) -> list[Held]:
    """The runs that this worker takes now: those that shall end, and those whose turn it is.

    Args:
        choose: look whose turn it is.
    """
    busy = {run.training.name for run in held} | _refused
    try:
        found = turns.ending(busy)
        trains = sum(run.training.trains for run in held)
        while choose and trains < executor.slots and (new := turns.next_run(busy)):
            found.append(new)
            busy.add(new[0])
            trains += 1
    except OSError as error:
        logging.warning("no run can be taken: %s", error)
        return []
    taken = []
    for name, claim in found:
        if _may_go_on(name):
            taken.append(Held(executor.take(name), claim))
        else:
            _drop(name, claim)
    return taken


def _drop(name: str, claim: tickets.Claim) -> None:
    try:
        tickets.remove(name)
    except OSError as error:
        logging.warning("the ticket of %s cannot be removed: %s", name, error)
        _refused.add(name)
    claim.release()


def _may_go_on(name: str) -> bool:
    """False for a run that ended, or whose worker ended each time at the same step."""
    found = store.said(name)
    if found.ended:
        return False
    if found.state != "running":
        return True
    # It says that it trains, and nobody had it: its worker was killed.
    step = max(store.states(name), default=0)
    restarts = found.restarts + 1 if found.restarted_at == step else 1
    if restarts > RESTARTS:
        store.interrupt(name, found)
        return False
    noted = found.model_copy(update={"restarts": restarts, "restarted_at": step})
    try:
        store.write(place.path_of(name) / "status.json", noted)
    except OSError as error:  # it goes on all the same; what it says next is tried again
        logging.warning("%s goes on, which cannot be noted: %s", name, error)
    return True


def _let_others_have_their_turn(executor: Executor, held: list[Held]) -> None:
    late = [run.training for run in held if run.training.has_had_its_turn]
    if not late or sum(run.training.trains for run in held) < executor.slots:
        return
    waiting = turns.look().waiting
    for training, _ in zip(late, waiting, strict=False):
        training.give_way()


def _adopt() -> None:
    """Put runs into the queue that have not ended and lost their place there, if ever they had one.

    Those that have ended leave it.
    """
    for path in sorted(place.folder().glob("run-*")):
        name = path.name
        if not place.is_run(name):
            continue
        ended = store.said(name).ended
        try:
            if ended and tickets.has(name):
                tickets.remove(name)
            elif not ended and store.wish(name) != "pause":
                tickets.put(name)
        except OSError as error:
            logging.warning("the ticket of %s cannot be changed: %s", name, error)


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
