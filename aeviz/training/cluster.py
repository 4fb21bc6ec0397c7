"""The workers of a Dask cluster, who trains there, and why nobody does."""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, cast

from aeviz.training import process, slices
from aeviz.training.executor import Training
from aeviz.training.remote import ANSWER, Run
from aeviz.training.task import Task

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK = 1.0
"""Seconds between two looks at the workers of the cluster."""
RETRY = 5.0
"""Seconds between two tries to reach a scheduler."""
CONNECT = 2.0
"""Seconds that such a try takes at most."""


class Dask:
    """The workers of a Dask cluster: one run in each of their processes at a time."""

    def __init__(self, address: str) -> None:
        """Name a cluster as `dask://host:8786`; whether it is there is seen later."""
        self.address = address.removeprefix("dask://")
        self.client: Client | None = None
        self._greeted: dict[str, Future] = {}
        """What was asked of each worker when it came."""
        self._answers: dict[str, dict[str, str]] = {}
        """Its versions; none where it cannot even say them."""
        self._runs: list[Run] = []
        self._next_look = 0.0
        self._trouble: str | None = None

    @property
    def slots(self) -> int:
        """How many runs train there at a time: one in each process that trains what we do."""
        if time.monotonic() > self._next_look:
            self._look()
        return len(self._good())

    def _good(self) -> list[str]:
        return [one for one, told in self._answers.items() if told == slices.versions()]

    def take(self, name: str) -> Training:
        """Begin with a run, or go on from its newest full state.

        One that shall stop while the cluster is away is ended here.
        """
        if not self._good():
            return Task(name)
        run = Run(name, self)
        self._runs = [*(run for run in self._runs if not run.over), run]
        return run

    def close(self) -> None:
        """Leave the cluster."""
        client, self.client = self.client, None
        self._greeted, self._answers = {}, {}
        if client:
            with contextlib.suppress(Exception):  # there may be nobody to take leave of
                client.close(timeout=CONNECT)

    # -- for its runs ---------------------------------------------------------------------------

    def choose(self, before: str) -> str | None:
        """The worker with the fewest of our runs, the one before among equals."""
        has = Counter(run.where for run in self._runs if run.future)
        return min(
            self._good(), key=lambda one: (has[one], one != before, random.random()), default=None
        )

    def submit(self, asked: slices.Asked, where: str) -> Future:
        """Ask a worker for a slice, or another one where that is gone."""
        assert self.client  # there is a worker
        return self.client.submit(
            slices.train, asked, workers=[where], allow_other_workers=True, pure=False
        )

    def has(self, future: Future) -> bool:
        """False when nobody is there any more who could do what was asked."""
        return bool(self._good()) and future.client is self.client

    # -- the cluster ----------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            trouble = self._meet(self._workers())
            self._next_look = time.monotonic() + LOOK
        except ModuleNotFoundError:
            trouble = (
                "Runs train on a cluster here, and Dask is missing: "
                "pip install -r requirements-cluster.txt."
            )
            self._next_look = time.monotonic() + RETRY
        except Exception as error:
            logging.info("%s: %r", self.address, error)
            self.close()
            trouble = f"The scheduler of the cluster, {self.address}, cannot be reached."
            self._next_look = time.monotonic() + RETRY
        if trouble != self._trouble:
            logging.info("%s", trouble or f"The cluster {self.address} trains.")
        self._trouble = trouble
        process.say_trouble(trouble)

    def _workers(self) -> set[str]:
        from distributed import Client

        if self.client is None:
            self.client = Client(f"tcp://{self.address}", timeout=CONNECT, set_as_default=False)
        if self.client.status != "running":
            raise ConnectionError
        return set(cast("dict[str, int]", self.client.nthreads(callback_timeout=ANSWER)))

    def _meet(self, workers: set[str]) -> str:
        """Greet who is new, and forget who is gone; why no run can train, if so."""
        assert self.client
        for known in (self._greeted, self._answers):
            for gone in known.keys() - workers:
                del known[gone]
        for one in workers - self._greeted.keys():
            self._greeted[one] = self.client.submit(slices.greet, workers=[one], pure=False)
        for one, future in self._greeted.items():
            if one not in self._answers and future.status != "pending":
                failed = future.status != "finished"
                self._answers[one] = {} if failed else future.result(timeout=ANSWER)
                if self._answers[one] != slices.versions():
                    logging.warning("%s: %s", one, _difference(self._answers[one]))
        if self._good():
            return ""
        if not workers:
            return "The cluster has no workers."
        if not self._answers:
            return "The workers of the cluster get ready."
        return _difference(next(iter(self._answers.values())))


def _difference(told: dict[str, str]) -> str:
    """What keeps a worker from training what this server does, as a sentence."""
    if not told:
        return (
            "The workers of the cluster cannot import aeviz: start them in its folder, with the "
            "packages of requirements-cluster.txt."
        )
    ours = slices.versions()
    differ = ", ".join(
        f"{what} {told.get(what)}, here {ours[what]}"
        for what in ours
        if told.get(what) != ours[what]
    )
    return f"The workers of the cluster have other versions ({differ}): install the same on all."
