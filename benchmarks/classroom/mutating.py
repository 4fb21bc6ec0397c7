"""Files and addresses that nobody should hand in."""

from __future__ import annotations

import gc
import hashlib
import json
import re
import tempfile
import time
import urllib.parse
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from aeviz.data import datasets
from aeviz.models import checkpoint, optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop, state
from benchmarks import strangers
from benchmarks.classroom import serving
from benchmarks.classroom.bars import Found, Options
from benchmarks.visitor import Visitor

FILES, PICTURES, QUERIES = 2_000, 2_000, 500
WARM = 100
"""Files after which the readers have loaded what they need."""
MOST_MEMORY = 50
"""Megabytes that a process may grow by."""


@dataclass
class Mutants:
    """What became of mutated files or addresses."""

    good: int = 0
    refused: int = 0
    uncaught: list[str] = field(default_factory=list)
    longest: float = 0.0
    seconds: float = 0.0
    growth: float = 0.0

    def found(self, name: str, most: float) -> Found:
        """The row."""
        number = self.good + self.refused + len(self.uncaught)
        said = (
            f"{number:,}: {len(self.uncaught)} uncaught ({self.refused:,} refused), longest "
            f"{1000 * self.longest:.0f} ms (mean {1000 * self.seconds / max(number, 1):.0f}), "
            f"{self.growth:+.0f} MB"
        )
        said += "".join(f"; {text}" for text in self.uncaught[:3])
        held = not self.uncaught and self.longest <= most and self.growth <= MOST_MEMORY
        return Found(name, said, held, held and number >= 10_000)


# -- files ------------------------------------------------------------------------------------

VALUES = ("0", "-1", "7", "1e9", "99999999999999999999", "null", "[]", '"F32"', "true", "2.5", "{}")
"""What is put in the place of a number or of a word in a header."""


def mutated(content: bytes, random: np.random.Generator, header: int) -> bytes:
    """A safetensors file with bytes changed, left out, doubled or cut off, or with another header.

    Args:
        header: where the length of its header stands.
    """
    start = header + 8
    end = start + int.from_bytes(content[header:start], "little")
    if random.random() < 0.3:  # JSON that is valid gets further than bytes that are not
        text = content[start:end].decode()
        places = list(re.finditer(r'(?<=[:\[,])\s*(\d[\d.e-]*|"[A-Z]\w*"|null|true|false)', text))
        for place in [places[int(random.integers(len(places)))]]:
            text = text[: place.start()] + str(random.choice(VALUES)) + text[place.end() :]
        changed = text.encode()
        return content[:header] + len(changed).to_bytes(8, "little") + changed + content[end:]
    damaged = bytearray(content)
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(end if random.random() < 0.7 else max(len(damaged), 1)))
        length = int(2 ** random.uniform(0, 8))
        match random.integers(5):
            case 0:
                damaged[at : at + 1] = bytes([int(random.integers(256))])
            case 1:
                del damaged[at : at + length]
            case 2:
                damaged[at:at] = damaged[at : at + length]
            case 3:
                damaged[at : at + length] = random.bytes(length)
            case _:
                if random.random() < 0.3:
                    del damaged[at:]
                else:
                    damaged[at : at + length] = bytes(length)
    return bytes(damaged)


def _states() -> list[bytes]:
    """States of short runs of a few variants."""
    mnist, kept = datasets.load("mnist"), []
    for variant in ("vanilla", "variational", "convolutional"):
        config = MODELS[variant].Config.from_dict({})
        model = optim.build(MODELS[variant], config, 0)
        labels = mnist.train_labels[:64]
        steps = loop.fit(
            model, mnist.train_images[:64], steps=2, batch=16, lr=1e-3, seed=0, labels=labels
        )
        kept.append(state.to_bytes([step.state() for step in steps][-1]))
    return kept


def take_state(content: bytes, signed: bool, originals: list[bytes]) -> bool:
    """Read a state as a run does that goes on; False where it is refused.

    Args:
        signed: its digest is made to fit, as of another version's file that is whole.

    Raises:
        RuntimeError: it is not whole, and is taken.
    """
    if signed:
        start = len(state.MAGIC) + state.DIGEST
        content = state.MAGIC + hashlib.sha256(content[start:]).digest() + content[start:]
    try:
        state.from_bytes(content)
    except state.StateError:
        return False
    if not signed and content not in originals:
        raise RuntimeError("a state that is not whole is taken")
    return True


def take_checkpoint(content: bytes) -> bool:
    """Read a checkpoint as an upload is; False where it is refused."""
    try:
        checkpoint.from_bytes(content)
    except checkpoint.CheckpointError:
        return False
    return True


def files(options: Options) -> Iterator[Found]:
    """Hand in mutated states, checkpoints and pictures."""
    torch.set_num_threads(1)
    yield _tensors(options).found("mutated-files", 0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about what it repairs
        result = strangers.fuzz(options.count(PICTURES, 50), options.seed)
    uncaught = ["see above"] * result.uncaught
    found = Mutants(
        result.read, result.refused, uncaught, result.longest, result.seconds, result.growth
    )
    yield found.found("pictures", 0.5)


def _tensors(options: Options) -> Mutants:
    random = np.random.default_rng(options.seed)
    states = _states()
    paths = sorted(checkpoint.FOLDER.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    models = [path.read_bytes() for path in paths[:12]]
    many, before, found = options.count(FILES, 50), 0.0, Mutants()
    for k in range(many + WARM):
        if k == WARM:
            gc.collect()
            found, before = Mutants(), strangers.megabytes()
        signed = random.random() < 1 / 3
        of = states if k % 2 else models
        original = of[int(random.integers(len(of)))]
        header = len(state.MAGIC) + state.DIGEST if k % 2 else 0
        content = mutated(original, random, header)
        take: Callable[[], bool] = (
            (lambda c=content, s=signed: take_state(c, s, states))
            if k % 2
            else (lambda c=content: take_checkpoint(c))
        )
        began = time.process_time()
        try:
            good = take()
        except Exception as error:  # what is counted here
            found.uncaught.append(
                f"{'state' if k % 2 else 'model'}: {type(error).__name__}: {error}"
            )
        else:
            found.good += good
            found.refused += not good
        took = time.process_time() - began
        found.longest = max(found.longest, took)
        found.seconds += took
    gc.collect()
    found.growth = strangers.megabytes() - before
    return found


# -- addresses --------------------------------------------------------------------------------

PAGES = (
    "",
    "map",
    "sample",
    "train",
    "compare",
    "loss",
    "denoise",
    "interpolate",
    "holes",
    "chooser",
)
"""Those whose answer needs no long computation."""
KEYS = (
    "model", "data", "run", "variant", "picture", "probe", "view", "threshold", "seed", "noise",
    "noise_seed", "level", "present", "embed", "large", "via", "followed", "rung", "painted",
    "background", "moved", "moved_way", "odd_runs",
)  # fmt: skip
WORDS = (
    "", "vanilla-2d", "variational-2d", "mnist", "0", "-1", "7", "1e999", "nan", "inf", "true",
    "a,b", "0.5,0.5", "0.5,0.5,1,1", "run-20260101-000000-" + "0" * 32, "../../etc/passwd", "%00",
    "run-20260101-000000-0000@99999999", "<script>alert(1)</script>", "' OR 1=1 --", "{}", "[]",
    "x" * 3000, "\u202e\u0000\ufffd", "\U0001f600" * 50, "${7*7}", "{{7*7}}", "None", "9" * 400,
    ",,,,", "\\", "%",
)  # fmt: skip


def query(random: np.random.Generator) -> str:
    """What nobody would write behind a question mark."""
    parts = []
    for _ in range(random.integers(1, 6)):
        word = WORDS[int(random.integers(len(WORDS)))]
        if random.random() < 0.3:
            at = int(random.integers(len(word) + 1))
            word = word[:at] + chr(int(random.integers(1, 0xD800))) + word[at:]
        key = KEYS[int(random.integers(len(KEYS)))]
        quoted = urllib.parse.quote(word) if random.random() < 0.9 else word.replace("#", "")
        parts.append(f"{key}={quoted}")
    return "&".join(parts)


async def queries(options: Options) -> AsyncIterator[Found]:
    """Open pages by addresses that nobody would write."""
    random, found = np.random.default_rng(options.seed), Mutants()
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        await serving.warm(server, *PAGES)
        for model in ("vanilla-2d", "variational-2d"):  # a model's first map takes a second
            for page in PAGES:
                visitor = Visitor(server.address, page, f"model={model}")
                await visitor.come()
                await visitor.close()
        before = server.memory()
        for _ in range(options.count(QUERIES, 20)):
            page = PAGES[int(random.integers(len(PAGES)))]
            visitor = Visitor(server.address, page, query(random))
            address = f"/{page}?{visitor.query}"[:300]
            took = await visitor.come()
            if troubles := visitor.troubles():
                found.uncaught.append(f"{json.dumps(address)}: {troubles[0]}")
            else:
                found.good += 1
            found.longest = max(found.longest, took)
            found.seconds += took
            await visitor.close()
        found.growth = server.memory() - before
    yield found.found("queries", 0.25)
