"""One run in the worker: a generator of its work, and what is shown of it."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shlex
import textwrap
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aeviz import environment, files
from aeviz.analysis import errors, evaluate
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, objective, optim
from aeviz.models.base import Autoencoder, Loss
from aeviz.models.settings import BaseConfig
from aeviz.training import curves, film, loop, place, preview, spacing, store
from aeviz.training.course import Course
from aeviz.training.film import Frame
from aeviz.training.spec import VALIDATED_ON, RunSpec, held_out_set, training_set
from aeviz.training.status import RunStatus, State

SLICE = 0.2
"""Seconds that a run trains before the next one has its turn, and before a button is heard."""
TURN = 30.0
"""Seconds that a run trains before it gives way to one that waits, if it needs as long again."""
LAST_WORDS = 1.0
"""Seconds between two tries to note the end of a run in a folder that cannot be written."""
SPEED_WINDOW = 5.0
"""Seconds over which the speed is measured."""
KEPT = ("step", "steps", "epoch", "unit", "began", "trained", "restarts", "restarted_at")
"""What is said of a run stays said when another worker takes it."""
MEASURING = 0.2
"""About this share of a run's time goes into validation and previews (see `Pace`)."""

LOOKING, ADVANCE = 0.14, 0.8
"""The share of the time that looking takes, and so many seconds more at the start of a run, which
has most to show."""
PREVIEW = 0.6
"""Seconds of training between two previews, of which there are fewer than frames."""
FLAT, SHARE, LEAST = 0.005, 0.3, 600
"""A run improves no more where, in this last share of its steps, at least so many, its best
validation loss fell by less than this part of it."""


class Pace:
    """When something that costs training time is due.

    At most every `every` seconds of training, and at most a `share` of the time is spent on it.
    """

    def __init__(self, every: float, share: float) -> None:
        self.every, self.share, self.next, self.takes = every, share, 0.0, 0.0

    def done(self, began: float, ended: float) -> None:
        """It was done, and took this long: when it is due again, and what share of the time."""
        wait = (ended - began) * (1 - self.share) / self.share
        self.next = ended + max(self.every, wait)
        self.takes = (ended - began) / (self.next - began)


class Task:
    """One run in the worker: a generator of its work, and what is shown of it."""

    def __init__(self, name: str) -> None:
        self.name, self.path = name, place.path_of(name)
        self.spec: RunSpec
        """Known from the first piece of work on."""
        self.status = RunStatus(**store.said(name).model_dump(include={*KEPT}))
        self.unsaid = False
        """True where the run ended and its status could not be written."""
        self.said_last = 0.0
        self.work = self._work()
        self.stopping = False
        self.too_long = False
        """It is stopping because it has trained for as long as a run may."""
        self.giving_way = False
        self.left = False
        """True when it was put aside: it pauses, or waits for its next turn."""
        self.trained_before = self.status.trained
        self.active = 0.0
        """Seconds of training since it was taken, the turns of other runs not counted."""
        self.began = 0.0
        self.recent: list[Loss] = []
        self.before: list[Loss] = []
        """Losses of the steps since the last point of the curves, and of those before it."""
        self.measured = 0.0
        """Seconds of training that went into what is kept and shown of it."""
        self.speed: deque[tuple[float, float, float, int]] = deque()
        """Moments: the clock, `now`, `measured` and the step."""
        self.frame: Frame | None = None
        """What was seen last of the test images."""
        self.previewed = -1.0
        self.course: Course | None = None
        """Known once it trains, and changed by what is asked of it meanwhile."""
        self.hold: int | None = None
        """The step after which it shall pause."""
        self.fallen: list[tuple[int, float]] = []
        """The validation loss at each point, by which a run ends that improves no more."""
        self.point: curves.Point | None = None
        self.trained_on = 0
        self.step: loop.Step | None = None
        """The last one, whose full state can be asked for."""
        self.twin: Autoencoder | None = None
        """Holds the rounded weights of a snapshot, so that the model goes on with its own."""
        self.validating = Pace(every=0.5, share=0.10)
        self.looking = Pace(every=0.19, share=LOOKING)
        self.looked = 0.0
        """Seconds that looking has taken."""
        self.rewinding = Pace(every=0.0, share=0.05)
        self.keeping = Pace(every=4.0, share=0.10)
        """So that at most 5 seconds of training are lost."""

    @property
    def over(self) -> bool:
        """True when the run ended and its status says so, or was put aside."""
        return self.left or (self.status.ended and not self.unsaid and not self.status.measuring)

    @property
    def trains(self) -> bool:
        """True while it takes a place; a run that was stopped may still be measured."""
        return not (self.left or self.status.ended)

    @property
    def has_had_its_turn(self) -> bool:
        """True when it shall give way to a run that waits, unless it is nearly done."""
        left = self.status.seconds_left
        return self.trains and self.active > TURN and (left is None or left > TURN)

    def give_way(self) -> None:
        """Go back into the queue, at the next moment."""
        self.giving_way = True

    def advance(self, leaving: bool = False) -> bool:
        """Give the run its turn of about `SLICE` seconds; False when there was nothing to do.

        Whatever it throws ends this run, in a sentence, and never those of other people.

        Args:
            leaving: the app is gone: keep the full state, with which another worker goes on.
        """
        try:
            if self.over:
                return False
            if self.unsaid:
                return self._say_last_words()
            if self.status.measuring:
                return self._measure(leaving)
            if leaving:
                self._put_aside("queued", "goes on once the app is started again")
                return False
            return self._turn()
        except Exception as error:
            self.fail(error)
            return True

    def _put_aside(self, state: State, message: str = "") -> None:
        """Keep the full state, from which this worker or another one goes on."""
        self.left = True
        try:
            if self.step:
                store.keep_state(self.name, self.step.state())
        except OSError as error:  # then it goes on from an earlier state
            logging.warning("%s: its state cannot be kept: %s", self.name, error)
        try:
            self.report(
                state=state,
                message=message,
                images_per_second=None,
                seconds_left=None,
                restarted_at=-1,
            )
        except OSError as error:  # whoever takes it next sees that nobody has it
            logging.warning("%s: that it waits cannot be noted: %s", self.name, error)
        self.work = iter(())  # and with it the model and its images

    def _turn(self) -> bool:
        wanted = store.wish(self.name)
        if wanted == "pause":
            self._put_aside("paused")
            return False
        if self.giving_way and wanted == "resume":
            self._put_aside("queued")
            return False
        longest = 60 * environment.now().longest
        self.too_long = self.status.trained > longest
        self.stopping = wanted == "stop" or self.too_long
        self.began = time.perf_counter()
        self._hear()
        worked, held = True, False
        while (
            worked and not (self.status.ended or held) and time.perf_counter() - self.began < SLICE
        ):
            worked = next(self.work, True)
            held = self.status.step == self.hold
        self.active += time.perf_counter() - self.began
        self.status.trained = self.trained_before + self.active
        if held and not self.status.ended:
            store.control(self.name, "pause")
            self._put_aside("paused")
        elif not self.status.ended:
            self.report(state="running", **self._speed())
        return worked

    def _hear(self) -> None:
        """Do what was asked of the run meanwhile, from its next step on."""
        if self.course is None:
            return
        for path in store.asked(self.name):
            try:
                asked = json.loads(files.read(path))
                ends = asked.pop(store.END, False)
                spec = self.spec.changed(self.status.step, **asked) if asked else self.spec
                self._follow(spec.ending(self.status.step) if ends else spec)
            except ValueError as error:  # whoever asks is told before; the run goes on
                logging.warning("%s: %s", self.name, error)
            files.remove(path)

    def _follow(self, spec: RunSpec) -> None:
        """Go on as this says, which differs in what comes after this step."""
        if spec == self.spec:
            return
        self._surely(lambda: store.write(self.path / "spec.json", spec))
        self.spec, course = spec, spec.course
        self.status.steps = course.steps
        assert self.course
        self.course.steps, self.course.cosine = course.steps, course.cosine
        self.course.changes = course.changes

    def _measure(self, leaving: bool) -> bool:
        """Measure a run that was stopped, for a moment; it can be used already."""
        began = time.perf_counter()
        while self.status.measuring and time.perf_counter() - began < SLICE:
            if leaving or next(self.work, None) is None:
                self.report(measuring=False)
        return True

    def fail(self, error: Exception) -> None:
        """End the run for an error; its last snapshot is kept where the machine is to blame."""
        self.work = iter(())  # and with it the model and its images
        if not isinstance(error, KNOWN):
            logging.error("%s failed", self.name, exc_info=error)
        text, state = _sentence(error, self.status.step), "failed"
        try:
            if isinstance(error, OSError | MemoryError) and (kept := self._keep(error)):
                text, state = text.removesuffix(".") + kept + ".", "interrupted"
        except Exception:
            logging.exception("%s: its last snapshot cannot be kept", self.name)
        changes = {"state": state, "message": text, "seconds_left": None, "updated": time.time()}
        self.status, self.unsaid = self.status.model_copy(update=changes), True
        logging.info("%s %s at step %d. %s", self.name, state, self.status.step, text)
        self._say_last_words()

    def _keep(self, error: Exception) -> str:
        if isinstance(error, OSError) and error.errno in files.FULL:
            self._make_room()
            _thin(store.snapshots(self.name))  # others need the room, and so does the last one
        return store.keep_last_model(self.name)[1]

    def _make_room(self) -> None:
        """Give up what a run can do without: its film, and the states to go back to."""
        _thin(film.paths(self.name))
        _thin(store.states(self.name))

    def _surely(self, write: Callable[[], object]) -> None:
        """Write what the run needs; where the disk is full, once more with room made for it."""
        try:
            write()
        except OSError as error:
            if error.errno not in files.FULL:
                raise
            self._make_room()
            write()

    def _perhaps(self, write: Callable[[], object], what: str) -> None:
        """Write what the run can do without."""
        try:
            write()
        except OSError as error:
            logging.warning("%s: %s cannot be kept: %s", self.name, what, files.reason(error))

    def _say_last_words(self) -> bool:
        """Try to write the status of a run that failed; a disk is not full for ever."""
        if time.monotonic() - self.said_last > LAST_WORDS:
            self.said_last = time.monotonic()
            try:
                store.write(self.path / "status.json", self.status)
                self.unsaid = False
            except OSError as error:
                self.unsaid = place.is_run(self.name)  # a folder that was deleted needs no words
                if error.errno in files.FULL:
                    for path in film.paths(self.name).values():
                        files.remove(path)  # next time there may be room
                logging.warning("%s: its end cannot be noted: %s", self.name, error)
        return False

    def now(self) -> float:
        """Seconds of training so far, with those of this turn."""
        return self.active + time.perf_counter() - self.began

    def report(self, **changes: Any) -> None:
        """Change the status and write it for whoever looks."""
        self.status = self.status.model_copy(update={**changes, "updated": time.time()})
        self._surely(lambda: store.write(self.path / "status.json", self.status))

    def end(self, state: State, message: str = "", *, measuring: bool = False) -> None:
        """Report that the run has ended, and whether its figures are still to come."""
        store.thin_states(self.name, 1)
        self.report(state=state, message=message, seconds_left=None, measuring=measuring)
        logging.info("%s %s at step %d. %s", self.name, state, self.status.step, message)

    def _speed(self) -> dict[str, float]:
        """Speed and time left, as if what is measured took its usual share: at first it has more.

        The share is of the run's own time, and the clock also has the turns of others.
        """
        now, step = time.perf_counter(), self.status.step
        self.speed.append((now, self.active, self.measured, step))
        while now - self.speed[0][0] > SPEED_WINDOW:
            self.speed.popleft()
        before, active, measured, first = self.speed[0]
        stepping = self.active - active - (self.measured - measured)
        if step == first or stepping <= 0:
            return {}
        usual = sum(pace.takes for pace in (self.validating, self.looking, self.keeping))
        own = (self.active - active) / (now - before)
        per_second = (step - first) / stepping * (1 - usual) * own
        speed = {"images_per_second": per_second * min(self.spec.batch, self.trained_on)}
        if self.status.steps is not None:
            speed["seconds_left"] = (self.status.steps - step) / per_second
        return speed

    def _work(self) -> Iterator[bool]:
        """All of the run in small pieces; yields False where it only waits."""
        self.spec = store.spec(self.name)
        self.status.steps = self.spec.steps
        self.report(state="running", message="", began=self.status.began or time.time())
        loading = LOADERS.submit(datasets.load, self.spec.data, self._downloading)
        begun = bool(store.states(self.name))
        while not loading.done() and (begun or not self.stopping):
            yield False
        if self.stopping and not begun:
            self.end("stopped", "Stopped before its first step: there is no model to use.")
            return
        dataset = loading.result()
        seen = training_set(self.spec, dataset.train_labels)
        images, labels = dataset.train_images[seen], dataset.train_labels[seen]
        self.trained_on = len(images)
        config = self.spec.config
        model = optim.build(self.spec.model_class, config, self.spec.seed)
        model.to(optim.pick_device())
        self.status.unit = model.unit
        start = store.newest_state(self.name)
        if start is None:
            yield from self._begin(model, dataset, images, labels)
        else:
            store.forget_after(self.name, start.step)
            self.status.step, self.status.epoch = start.step, start.step / self._per_epoch
            self.status.message = ""
            self.frame = film.newest(self.name)  # its axes shall not jump
            with contextlib.suppress(place.RunError):
                points = store.metrics(self.name)
                self.point = points[-1] if points else None
                self.fallen = [(p.step, sum(p.validation.terms.values())) for p in points]
        self.speed.clear()
        hold = store.hold(self.name)
        self.hold = hold if hold is not None and hold > self.status.step else None
        self.course = self.spec.course
        self.status.steps = self.course.steps
        yield True
        fitting = loop.train(
            model,
            images,
            self.course,
            batch=self.spec.batch,
            seed=self.spec.seed,
            labels=labels,
            start=start,
        )
        for step in fitting:
            self.status.step, self.status.epoch, self.step = step.step, step.epoch, step
            self.recent.append(step.loss)
            done = self.now()
            self._record(model, dataset)
            self._end_if_flat()
            self._keep_state(step)
            self.measured += self.now() - done
            if step.step == self.course.steps:
                self._say_what_is_left(model)
            yield True
            if self.stopping:
                break
        yield from self._finish(model, dataset, images, labels)

    def _begin(
        self, model: Autoencoder, dataset: datasets.Dataset, images: np.ndarray, labels: np.ndarray
    ) -> Iterator[bool]:
        """The point before the first step, and how many steps there are."""
        store.forget_after(self.name, -1)
        self.status.step, self.status.epoch = 0, 0.0
        # Timing can take seconds, and somebody waits for the first point: the loss as it begins.
        first = slice(VALIDATED_ON)
        self.recent.append(objective.validate(model, images[first], labels[first]))
        self.add_point(model, dataset)
        self._see(model, dataset)
        yield True
        if self.spec.until is None:
            steps = yield from self._steps(model, images, labels)
            self.spec = self.spec.model_copy(update={"steps": steps})
            self._surely(lambda: store.write(self.path / "spec.json", self.spec))
        self.status.message = ""

    def _keep_state(self, step: loop.Step) -> None:
        """Keep the full state, where it is due or shall be there to go back to."""
        assert self.course
        lasting = step.step == self.course.steps or self.now() >= self.keeping.next
        rewind = store.begins_rewind(step.step) and self.now() >= self.rewinding.next
        if not (lasting or rewind):
            return
        began = self.now()
        if lasting:
            self._surely(lambda: store.keep_state(self.name, step.state()))
            self.keeping.done(began, self.now())
        else:
            keep = partial(store.keep_state, self.name, step.state(), lasting=False)
            self._perhaps(keep, "a state to go back to")
        self.rewinding.done(began, self.now())

    def _end_if_flat(self) -> None:
        if self.spec.until and self.spec.steps is None and flat(self.fallen):
            self._follow(self.spec.ending(self.status.step))

    def _say_what_is_left(self, model: Autoencoder) -> None:
        """`finish` can take half a minute, in which nothing else is reported."""
        if type(model).finish is not Autoencoder.finish:
            self.report(message="learning what to draw samples from")

    def _downloading(self, done: float, what: str) -> None:
        self.status.message = f"{what}: {done:.0%}"

    def _steps(
        self, model: Autoencoder, images: np.ndarray, labels: np.ndarray
    ) -> Generator[bool, None, int]:
        if self.spec.steps is not None:
            return self.spec.steps
        if self.spec.epochs:
            return max(round(self.spec.epochs * self._per_epoch), 1)
        assert self.spec.seconds  # a RunSpec has one of the three
        self.status.message = "Timing fifty steps, to know how many fit"
        steps, training = 1, self.spec.seconds * (1 - MEASURING)
        settings: Any = {"batch": self.spec.batch, "lr": self.spec.lr, "labels": labels}
        for estimate in loop.steps_in(training, model, images, **settings):
            steps = estimate
            if self.stopping:
                break
            yield True
        return steps

    def _record(self, model: Autoencoder, dataset: datasets.Dataset) -> None:
        """After a step: a point, a preview, a snapshot, each when it is due."""
        step, last = self.status.step, self.status.step in (self.status.steps, self.hold)
        early = step <= 256 and _is_power(step, 4)
        if early or last or self.now() >= self.validating.next:
            began = self.now()
            self.add_point(model, dataset, last=last)
            self.validating.every = max(0.5, 0.02 * self.now())  # a long run has coarser curves
            self.validating.done(began, self.now())
        if last or self._look_is_due():
            self._see(model, dataset, last=last)
        if _is_power(step, 2) or self._ends_epoch():
            self.keep_snapshot(model)

    @property
    def _per_epoch(self) -> int:
        return -(-self.trained_on // self.spec.batch)

    def _ends_epoch(self) -> bool:
        return film.ends_epoch(self.status.step, self._per_epoch)  # 2 MB each: not all of many

    def _look_is_due(self) -> bool:
        """At every moment that somebody watches, and at each step that the film shall have."""
        now = self.now()
        if now >= self.looking.next:
            return True
        filmed = spacing.begins(self.status.step, film.PER_DOUBLING) or self._ends_epoch()
        return filmed and self.looked < ADVANCE + LOOKING * now

    def add_point(
        self, model: Autoencoder, dataset: datasets.Dataset, *, last: bool = False
    ) -> None:
        """Measure the held-out images, and write a point of the curves.

        A run ends at any moment after a point: the mean of a single batch would stand beside
        means of hundreds, a fall or a rise that is none. So the last point is of as many steps as
        the one before it.
        """
        recent = self.recent
        if last and len(recent) < len(self.before):
            recent = [*self.before, *recent][-len(self.before) :]
        held_out = held_out_set(self.spec, dataset.train_labels)
        loss = objective.validate(
            model, dataset.train_images[held_out], dataset.train_labels[held_out]
        )
        point = curves.Point(
            step=self.status.step,
            epoch=self.status.epoch,
            train=curves.means(recent),
            validation=curves.means([loss]),
        )
        self.before, self.recent = self.recent, []
        self.point = point
        self.fallen.append((point.step, sum(point.validation.terms.values())))
        self._surely(lambda: store.add_point(self.name, point))

    def _see(self, model: Autoencoder, dataset: datasets.Dataset, *, last: bool = False) -> None:
        """Look at the test images: a frame of the film, and a preview now and then."""
        began, frame, point = self.now(), self.frame, self.point
        before = None if frame is None else (frame.step, frame.points)
        seen, plane = preview.see(model, dataset, self.status.step, before)
        self.frame = film.frame(
            model,
            seen,
            plane,
            dataset.test_labels,
            self.status.epoch,
            None if frame is None else frame.extent,
            measured=0 if point is None else point.step,
            train={} if point is None else point.train.terms,
            validation={} if point is None else point.validation.terms,
            metrics={} if point is None else point.validation.metrics,
        )
        self._perhaps(partial(film.add, self.name, self.frame, self._per_epoch), "a frame")
        if self.status.step and (last or began >= self.previewed + PREVIEW or self.previewed < 0):
            shown = partial(store.write, self.path / "preview.npz", preview.to_bytes(seen))
            self._perhaps(shown, "a preview")
            self.previewed = began
        self.looking.done(began, self.now())
        self.looked += self.now() - began

    def _card(self, figures: evaluate.Figures | None = None) -> checkpoint.Card:
        spec, whole = self.spec, self.status.step == self.status.steps
        has_words = spec.classes is None or spec.digit is not None  # for it on the command line
        return checkpoint.Card(
            variant=self.spec.variant,
            config=self._config,
            data=self.spec.data,
            trained_on=self.trained_on,
            digit=spec.digit,
            seed=self.spec.seed,
            steps=self.status.step,
            batch=self.spec.batch,
            lr=self.spec.lr,
            command=command(spec) if whole and has_words and not spec.changes else "",
            device=optim.pick_device().type,
            figures=evaluate.values(figures or {}),
            errors=evaluate.standard_errors(figures or {}),
            curve=curves.to_keep(store.metrics(self.name)) if figures else None,
        )

    @property
    def _config(self) -> BaseConfig:
        """Of the model as it is now: knobs may have been turned."""
        settings = self.course and self.course.settings(max(self.status.step - 1, 0))
        return settings or self.spec.config

    def _rounded(self, model: Autoencoder) -> Autoencoder:
        """A model whose weights are rounded, so that the one that trains goes on with its own."""
        if self.twin is None:
            self.twin = optim.build(type(model), model.config, self.spec.seed)
        self.twin.load_state_dict(model.state_dict())
        self.twin.config = model.config
        checkpoint.round_weights(self.twin)
        return self.twin.eval()

    def keep_snapshot(self, model: Autoencoder) -> None:
        """Keep the weights as they are after this step."""
        target = self.path / "snapshots" / f"{self.status.step}.safetensors"
        content = checkpoint.to_bytes(self._rounded(model), self._card())
        self._surely(lambda: store.write(target, content))

    def _finish(
        self, model: Autoencoder, dataset: datasets.Dataset, images: np.ndarray, labels: np.ndarray
    ) -> Iterator[bool]:
        """Keep the model, with its figures on the test images."""
        stopped = self.status.steps is None or self.status.step < self.status.steps
        if stopped and self.step:
            state = self.step.state()
            self._surely(lambda: store.keep_state(self.name, state))
        self.step = None  # from here on the weights are no longer those of a step
        if stopped:  # who has stopped it wants to see at once what it has become
            if self.recent:
                self.add_point(model, dataset, last=True)
            self._see(model, dataset, last=True)
            self._save(model)
            self.end("stopped", self._why_stopped(), measuring=True)
            yield True
            if type(model).finish is not Autoencoder.finish:  # what fit does after its last step
                model.finish(torch.from_numpy(apply.encode(model, images, labels)).to(model.device))
                yield True
        elif self.status.images_per_second:
            store.note_speed(self.spec.variant, self.status.images_per_second)
        model.cpu()
        checkpoint.round_weights(model)
        squared, entropies = [], []
        for start in range(0, len(dataset.test_images), 1000):
            part = slice(start, start + 1000)
            originals = dataset.test_images[part]
            reconstructions = apply.reconstruct(model, originals, dataset.test_labels[part])
            squared.append(errors.mse(originals, reconstructions))
            entropies.append(errors.bce(originals, reconstructions))
            yield True
        found = errors.Errors(np.concatenate(squared), np.concatenate(entropies))
        self._save(model, found.estimates)
        if stopped:
            self.report(measuring=False)
        else:
            self.end("finished")
        yield True

    def _why_stopped(self) -> str:
        longest = environment.now().longest
        return f"Ended after {longest:g} minutes, as long as a run may take." * self.too_long

    def _save(self, model: Autoencoder, figures: evaluate.Figures | None = None) -> None:
        if not place.is_run(self.name):  # saving would make its folder anew
            raise FileNotFoundError(errno.ENOENT, "Its folder was deleted")
        if figures is None:  # with weights as they will be in the file; this model is still needed
            model = self._rounded(model)
        card = self._card(figures)
        self._surely(lambda: checkpoint.save(model, self.path / "final", card=card))


def _thin(kept: dict[int, Path]) -> None:
    """Remove all of them but the last."""
    for path in list(kept.values())[:-1]:
        files.remove(path)


LOADERS = ThreadPoolExecutor(2)
KNOWN = (FloatingPointError, ValueError, datasets.DataError, place.RunError)
"""Errors that say by themselves what a person may do; of others the log has the traceback."""


def _sentence(error: Exception, step: int) -> str:
    """What ended a run, as one sentence for its person."""
    if isinstance(error, OSError):
        return f"This run ended at step {step:,}, since {files.reason(error)}."
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "t allocate memory" in str(error):
        return f"This run ended at step {step:,}, since there is too little memory for it."
    text = textwrap.shorten(str(error) or type(error).__name__, 400, placeholder=" ...")
    return text if isinstance(error, KNOWN) else f"The run failed: {text.rstrip('.')}."


def flat(fallen: list[tuple[int, float]]) -> bool:
    """True where a run improves no more, by its validation loss after some steps (K, 2)."""
    if len(fallen) < 3:
        return False
    step = fallen[-1][0]
    recent = max(SHARE * step, LEAST)
    before = [loss for at, loss in fallen if at <= step - recent]
    after = [loss for at, loss in fallen if at > step - recent]
    if not before or fallen[0][0] > step - recent or step - recent <= 0:
        return False
    return min(before) - min(after) < FLAT * abs(min(before))


def _is_power(n: int, base: int) -> bool:
    while n % base == 0:
        n //= base
    return n == 1


def command(spec: RunSpec) -> str:
    """The command that trains the same model again."""
    assert spec.steps is not None
    words = ["python", "-m", "aeviz", "train", spec.variant]
    for name, value in spec.config.to_dict().items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    words += [] if spec.digit is None else ["--digit", str(spec.digit)]
    words += ["--data", spec.data, "--steps", str(spec.steps), "--batch", str(spec.batch)]
    words += ["--lr", str(spec.lr), "--seed", str(spec.seed)]
    words += ["--threads", str(torch.get_num_threads()), "--out", f"{spec.variant}-model"]
    return shlex.join(words)
