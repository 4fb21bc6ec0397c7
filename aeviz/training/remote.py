"""A run that trains on a Dask cluster, a slice of about a second at a time.

A slice is asked for where the last one was, and what comes back is written into the run's folder,
which is all that a page looks at. Where a worker is killed, Dask asks another one for the slice;
that one is given the run's files, and goes on from the newest full state.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from aeviz import environment, files
from aeviz.training import film, place, slices, store
from aeviz.training.task import TURN, Task

if TYPE_CHECKING:
    from distributed import Future

SLICE = 1.0
"""Seconds that a run trains before a button is heard, and before anybody sees what it has learned.
"""
LONGER, LONGEST = 4.0, 64.0
"""Seconds of a slice where no worker keeps the run, of one that comes further and of one that does
not: beginning anew takes time."""
ANSWER = 20.0
"""Seconds in which a scheduler answers, or is not there."""
RESTARTS = 3
"""So often a run goes on from the same step after the cluster has lost it."""


class Cluster(Protocol):
    """What a run needs of the cluster that it is on."""

    def choose(self, before: str) -> str | None:
        """The worker that shall have it, which may be the one before; None where there is none."""
        ...

    def submit(self, asked: slices.Asked, where: str) -> Future:
        """Ask a worker for a slice, or another one where that is gone."""
        ...

    def has(self, future: Future) -> bool:
        """False when nobody is there any more who could do what was asked."""
        ...


class Run:
    """A run on the cluster: the slice that is under way, and where the run stands."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name, self.cluster = name, cluster
        self.status = store.said(name)
        self.left = False
        """True when it was put aside: it pauses, or waits for its next turn."""
        self.failing: Task | None = None
        """Says why it failed."""
        self.giving_way = False
        self.trained_before = self.status.trained
        self.future: Future | None = None
        self.where = ""
        """The worker that has it."""
        self.after = ""
        """What the last slice was called; empty where no worker keeps the run."""
        self.seconds = SLICE

    @property
    def over(self) -> bool:
        """True when it ended, or was put aside."""
        if self.failing:
            return self.failing.over
        return self.left or (self.status.ended and not self.status.measuring)

    @property
    def trains(self) -> bool:
        """True while it takes a place; a run that was stopped may still be measured."""
        return not (self.left or self.failing or self.status.ended)

    @property
    def has_had_its_turn(self) -> bool:
        """True when it shall give way to a run that waits, unless it is nearly done."""
        left, trained = self.status.seconds_left, self.status.trained - self.trained_before
        return self.trains and trained > TURN and (left is None or left > TURN)

    def give_way(self) -> None:
        """Go back into the queue, with the next slice."""
        self.giving_way = True

    def advance(self, leaving: bool = False) -> bool:
        """Ask for the next slice, or take in what came of the last one; False for neither.

        Args:
            leaving: the app is gone: keep the full state, with which another worker goes on.
        """
        if self.failing:
            return self.failing.advance(leaving)
        try:
            if leaving:
                return self._leave()
            if self.future is None:
                return self._ask()
            if self.future.status == "pending" and self.cluster.has(self.future):
                return False
            return self._take_in()
        except Exception as error:
            self._fail(error)
            return True

    def _ask(self) -> bool:
        where = self.cluster.choose(self.where)
        if where is None:
            return self._put_back()
        if where != self.where:
            self.where, self.after = where, ""
        asked = slices.Asked(
            name=self.name,
            seconds=self.seconds,
            wish=store.wish(self.name),
            give_way=self.giving_way,
            longest=environment.now().longest,
            versions=slices.versions(),
            after=self.after,
            files=None if self.after else _to_go_on_from(self.name),
            changes={one.name: files.read(one) for one in store.asked(self.name)},
        )
        self.future = self.cluster.submit(asked, where)
        return True

    def _take_in(self) -> bool:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        future, self.future = self.future, None
        assert future
        try:
            if not self.cluster.has(future):
                return self._put_back(lost=True)
            came = future.result(timeout=ANSWER)
        except TimeoutError:  # a slow network; or its worker is lost, and Dask begins again
            self.future = future
            return False
        except KilledWorker:
            self.status = store.interrupt(
                self.name, self.status.model_copy(update={"restarts": RESTARTS})
            )
            return True
        except (CancelledError, CommClosedError, slices.DiffersError, ImportError):
            return self._put_back(lost=True)
        if came is not None:
            self._keep(came)
        elif self.status.measuring:  # what it has learned is kept, its figures are lost
            self._say(measuring=False)
        else:
            self.after = ""
        return True

    def _keep(self, came: slices.Came) -> None:
        if not place.is_run(self.name):
            raise place.RunError("Its folder was deleted.")
        path = place.path_of(self.name)
        for name in sorted(came.files, key=lambda name: (name.startswith("states/"), name)):
            target = path / name
            target.parent.mkdir(exist_ok=True)
            files.write(target, came.files[name], lasting=name.startswith("states/"))
        store.thin_states(self.name, 1 if came.status.ended else store.STATES)
        if came.status.epoch:
            film.thin(self.name, max(round(came.status.step / came.status.epoch), 1))
        for asked in came.heard:
            files.remove(path / "asked" / asked)
        longest = LONGER if came.status.step > self.status.step else LONGEST
        self.seconds = SLICE if self.after else min(2 * self.seconds, longest)
        self.after, self.left = came.called, came.left
        self.status = came.status
        self._say()
        if self.status.state == "finished" and self.status.images_per_second:
            store.note_speed(store.spec(self.name).variant, self.status.images_per_second)
        if self.over:
            logging.info("%s %s at step %d", self.name, self.status.state, self.status.step)

    def _say(self, **changes: Any) -> None:
        self.status = self.status.model_copy(update={**changes, "updated": time.time()})
        store.write(place.path_of(self.name) / "status.json", self.status)

    def _put_back(self, *, lost: bool = False, message: str = "") -> bool:
        """Put it into the queue again, unless it was lost there too often at the same step."""
        if self.future:
            self.future.cancel()
            self.future = None
        if self.status.ended:
            self._say(measuring=False)
            return True
        changes: dict[str, Any] = {"restarted_at": -1}
        if lost:
            step = max(store.states(self.name), default=0)
            again = self.status.restarted_at == step
            changes = {"restarted_at": step, "restarts": self.status.restarts + 1 if again else 1}
            if changes["restarts"] > RESTARTS:
                self.status = store.interrupt(
                    self.name, self.status.model_copy(update={"restarts": RESTARTS})
                )
                return True
        self.left = True
        nothing = {"images_per_second": None, "seconds_left": None}
        self._say(state="queued", message=message, **nothing, **changes)
        return True

    def _leave(self) -> bool:
        self.giving_way = True
        for _ in range(2):  # the slice that is under way, and one that keeps the full state
            if self.over:
                return True
            if self.future is None:
                self._ask()
            if self.future:
                self._take_in()
        if not self.over:
            self._put_back()
        if self.left and self.status.state == "queued":
            self._say(message="goes on once the app is started again")
        return True

    def _fail(self, error: Exception) -> None:
        self.failing = Task(self.name)
        self.failing.status = self.status
        self.failing.fail(error)


def _to_go_on_from(name: str) -> dict[str, bytes]:
    """The files of a run without which no worker can go on with it."""
    path = place.path_of(name)
    wanted = [path / one for one in ("spec.json", "status.json", "metrics.jsonl", "preview.npz")]
    wanted += list(store.states(name).values())[-store.STATES :]
    for kept in (store.snapshots(name), film.paths(name)):
        wanted += list(kept.values())[-1:]
    found = {}
    for one in wanted:
        with contextlib.suppress(*files.MISSING):
            found[one.relative_to(path).as_posix()] = files.read(one)
    return found
