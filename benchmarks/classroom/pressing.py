"""Forty people who press Train: the same run, and ten different ones."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from aeviz.models.zoo import MODELS
from benchmarks.classroom import serving
from benchmarks.classroom.bars import Found, Options
from benchmarks.visitor import Visitor

WITHIN = 1.0
"""Seconds within which all press."""
TOLD = re.compile(
    r"\bRunning\b|\bStep [\d,]+|\babout .*\b(second|minute)s?\b|\bfinished\b", re.DOTALL
)
"""What tells a person how long it takes: it trains, or how many are before it and for how long."""
FIRST, TOLD_WITHIN, ABOUT = 3.0, 1.0, 1.3
SPECS = 10
EPOCHS = 3.0
NEVER = float("inf")
"""Seconds of what did not happen while anybody looked."""


@dataclass
class Press:
    """What one person saw; seconds from the press on."""

    visitor: Visitor
    pressed: float = 0.0
    told: float = NEVER
    point: float = NEVER
    texts: list[str] = field(default_factory=list)

    async def press(self, after: float) -> None:
        """Press Train after a while."""
        await asyncio.sleep(after)
        self.pressed = time.perf_counter()
        await self.visitor.click("Train")

    def look(self) -> None:
        """See what the page shows now."""
        told = self.visitor.run()
        if not told:
            return
        now = time.perf_counter() - self.pressed
        if not self.texts or self.texts[-1] != told["text"]:
            self.texts.append(told["text"])
        if TOLD.search(told["text"]):
            self.told = min(self.told, now)
        if any(self.visitor.frames.values()):  # each has a point of the curves
            self.point = min(self.point, now)


async def _press(presses: list[Press], seconds: float, enough: str) -> None:
    """All press within a second, and look until all have seen enough of it, or time is over."""
    work = [
        asyncio.create_task(press.press(WITHIN * number / len(presses)))
        for number, press in enumerate(presses)
    ]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        await asyncio.sleep(0.05)
        for press in presses:
            if press.pressed:
                press.look()
        if all(getattr(press, enough) < NEVER for press in presses):
            break
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)


async def same(options: Options) -> AsyncIterator[Found]:
    """All press Train as the page is: one run for all."""
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        await serving.warm(server, "train")
        visitors = await serving.come(server, options.people, "train", "variant=vanilla")
        presses = [Press(visitor) for visitor in visitors]
        await _press(presses, options.seconds(60, 20), "point")
        runs = serving.runs_of(server.folder / "runs")
        errors = sum(bool(visitor.troubles()) for visitor in visitors)
        await serving.leave(visitors)
    late, told = _longest([p.point for p in presses]), _longest([p.told for p in presses])
    said = f"{len(runs)} runs; first point seen {late}, told {told}; {errors} errors"
    first = max(press.point for press in presses)
    yield Found("train-same", said, len(runs) == 1 and first <= FIRST and not errors)


def _longest(seconds: list[float]) -> str:
    """How late the last one was, or how many never saw it."""
    never = sum(value == NEVER for value in seconds)
    longest = max((value for value in seconds if value < NEVER), default=NEVER)
    parts = [f"after at most {longest:.1f} s"] if longest < NEVER else []
    parts += [f"by {never} of {len(seconds)} not at all"] if never else []
    return ", ".join(parts)


def proposed() -> dict[str, object]:
    """A vanilla run as the page proposes it, but for its length."""
    model, recipe = MODELS["vanilla"], MODELS["vanilla"].recipe
    config = next(iter(model.presets.values()))
    return {"variant": "vanilla", "config": config, "batch": recipe.batch, "lr": recipe.lr}


async def ten(options: Options) -> AsyncIterator[Found]:
    """Ten specs, each pressed by a tenth of the class, beside the time of the ten by themselves."""
    specs = options.count(SPECS, 2)
    epochs = options.seconds(EPOCHS, 0.5)
    with tempfile.TemporaryDirectory() as folder:
        with serving.host(Path(folder) / "alone" / "runs") as _:
            first = serving.create(variant="vanilla", epochs=0.01)  # until the worker is warm
            serving.wait(lambda: serving.stands(first).ended, 60)
            began = time.perf_counter()
            alone = [serving.create(**proposed(), epochs=epochs, seed=k) for k in range(specs)]
            # `all` looks at the first one alone while that trains.
            serving.wait(lambda: all(serving.stands(run).ended for run in alone), 120, 0.05)
            reference = time.perf_counter() - began
        (Path(folder) / "class").mkdir()
        with serving.app(Path(folder) / "class") as server:
            await serving.warm(server, "train")
            visitors = await serving.come(server, options.people, "train", "variant=vanilla")
            for start in range(0, len(visitors), 8):
                few = range(start, min(start + 8, len(visitors)))
                await asyncio.gather(*(_set(visitors[k], epochs, k % specs) for k in few))
            presses = [Press(visitor) for visitor in visitors]
            began = time.perf_counter()
            await _press(presses, 5, "told")
            runs = serving.runs_of(server.folder / "runs")
            limit = 3 * reference + 20

            async def ended() -> bool:
                return all(serving.stands(run).ended for run in runs)

            await serving.until(ended, limit)
            took = time.perf_counter() - began
            left = sum(serving.stands(run).state != "finished" for run in runs)
            errors = sum(bool(visitor.troubles()) for visitor in visitors)
            await serving.leave(visitors)
    told = max(press.told for press in presses)
    said = f"{len(runs)} runs of {specs} specs; all ended in {took:.1f} s, {took / reference:.2f} "
    said += f"times the {reference:.1f} s of {specs} by themselves"
    said += f" ({left} did not finish)" if left else ""
    said += f"; told {_longest([p.told for p in presses])}; {errors} errors"
    held = len(runs) == specs and not left and took <= ABOUT * reference and told <= TOLD_WITHIN
    yield Found("train-ten", said, held and not errors)


async def _set(visitor: Visitor, epochs: float, seed: int) -> None:
    """Fill in the form."""
    await visitor.choose("Length in", "epochs")
    await visitor.put("number_input", "Epochs", double_value=epochs)
    await visitor.put("number_input", "Seed", double_value=seed)
