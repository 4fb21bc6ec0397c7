"""What pretrained codes are good for, kept for the app: `python -m benchmarks.uses`.

Writes uses.json and few_labels.json of aeviz/analysis/measured and keeps each model, so that it can
be interrupted; a checkpoint is measured again when its file has changed. `--choose` prints what the
settings of aeviz/analysis/few_labels.py were chosen by, on held-out training digits.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import json
import math
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aeviz.analysis import baselines, estimate, few_labels, supervised, uses
from aeviz.analysis.codec import of_model
from aeviz.analysis.few_labels import Learned, Learner, Settings
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.base import Autoencoder
from aeviz.training import loop
from benchmarks import choices, machine

FEW = ("vanilla-32d", "convolutional-32d", "variational-32d")
"""Models that are tried with few labels, all of 60,000 digits included."""
COUNTS = few_labels.FEW + few_labels.ALL
CHOSEN_WITH = "vanilla-32d"
"""Settings are chosen with a model of this recipe that never saw the held-out digits."""
EPOCHS = "15"
"""A quarter of the recipe's."""
GRIDS = {
    "floor": (0.03, 0.1, 0.3, 1.0),
    "strength": tuple(10.0**k for k in range(-5, 6)),
    "lr": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "steps": (5, 15, 50, 150, 500, 1500, 4000),
}
"""What is tried of each setting. With all labels more steps take longer than a page may."""
GAIN = 0.002
"""A step must raise the share of right digits by as much to be taken: less may be chance."""
FIRST = 100
"""Seed of the first draw that settings are chosen with; scored are others."""
TRIES = {10: 5, 100: 3, 1000: 2, 60_000: 1}
"""How many labelled images -> how many draws settings are chosen with."""


def rounded(value: Any) -> Any:
    """The same with six digits for each number: more are chance."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list) else value


def write(path: Path, content: Any) -> None:
    """Keep as JSON."""
    path.write_text(json.dumps(rounded(content), indent=1) + "\n", encoding="utf-8")


def missing(kept: dict[str, Any], names: list[str]) -> list[str]:
    """Names without an entry of the file as it is now."""
    return [n for n in names if kept.get(n, {}).get("sha256") != checkpoint.digest(n)]


def codes(again: bool) -> None:
    """Measure pixels, PCA, files and every pretrained code."""
    digits = datasets.load("mnist")
    fresh = again or not baselines.KEPT.exists()
    kept = {"models": {}} if fresh else json.loads(baselines.KEPT.read_text(encoding="utf-8"))
    names = list(checkpoint.pretrained())
    kept["models"] = {name: kept["models"][name] for name in names if name in kept["models"]}
    if "references" not in kept:
        found = timed("references", lambda: baselines.references(digits))
        kept["references"] = found.model_dump(mode="json")
        write(baselines.KEPT, kept)
    for name in missing(kept["models"], names):
        codec = of_model(checkpoint.load(checkpoint.FOLDER / name))
        use = timed(name, lambda codec=codec: uses.measure(codec, digits))
        kept["models"][name] = {"sha256": checkpoint.digest(name), "use": use.model_dump()}
        write(baselines.KEPT, kept)


def labels(again: bool, names: tuple[str, ...]) -> None:
    """Measure accuracy with few labels and with all, number by number."""
    digits = datasets.load("mnist")
    fresh = again or not few_labels.KEPT.exists()
    kept = {} if fresh else json.loads(few_labels.KEPT.read_text(encoding="utf-8"))
    for name in missing(kept, list(names)):
        kept.pop(name, None)
    for name, count in itertools.product(names, COUNTS):
        found = Learned.model_validate(kept[name]["learned"]) if name in kept else None
        if found is not None and count in found.accuracy["code"]:
            continue
        model = checkpoint.load(checkpoint.FOLDER / name)
        work = functools.partial(few_labels.measure, model, digits, (count,))
        learned = timed(f"{name}, {count:,} labels", work).join(found).model_dump(mode="json")
        kept[name] = {"sha256": checkpoint.digest(name), "learned": learned}
        write(few_labels.KEPT, {name: kept[name] for name in names if name in kept})


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do it and say how long it took."""
    start = time.perf_counter()
    found = work()
    print(f"{what}: measured in {time.perf_counter() - start:.0f} s", flush=True)
    return found


def unseen() -> Autoencoder:
    """A model of the recipe of CHOSEN_WITH that learned from the digits that are not held out.

    It is trained once, in a few minutes, for a quarter of the epochs, and kept in the cache
    folder.
    """
    card = checkpoint.pretrained()[CHOSEN_WITH]
    path = datasets.cache_folder() / "chosen" / f"{CHOSEN_WITH}-not-held-out"
    if not path.with_name(path.name + ".safetensors").exists():
        recipe = shlex.split(card.command)[3:]  # python -m aeviz.train ...
        recipe.remove("--all")
        recipe[recipe.index("--out") + 1] = str(path)
        recipe[recipe.index("--epochs") + 1] = EPOCHS
        loop.main(recipe)
    return checkpoint.load(path)


def choose(counts: list[int], methods: list[str]) -> None:
    """Print accuracy on held-out digits for each setting that is tried, and what is chosen."""
    inside = choices.split(datasets.load("mnist"))
    model = unseen()
    for count in counts:
        some = inside.train_images[: few_labels.pool(count)]
        learner = Learner(model, some, inside.test_images, inside)
        settings = few_labels.SETTINGS[count]
        for method in methods:
            names = ("floor", "strength") if method in learner.raw else ("lr", "steps")
            start = tuple(getattr(settings, name)[method] for name in names)
            score = functools.partial(tried, learner, inside, count, settings, method, names)
            best = climb(score, start, [GRIDS[name] for name in names])
            settings = changed(settings, method, names, best)
        print(settings, flush=True)


def tried(
    learner: Learner,
    inside: datasets.Dataset,
    count: int,
    settings: Settings,
    method: str,
    names: tuple[str, ...],
    values: tuple[float, ...],
) -> float:
    """Accuracy on held-out digits, mean over draws, with other values for one method."""
    labels, shares = inside.train_labels[: len(learner.images)], []
    for seed in range(FIRST, FIRST + TRIES[count]):
        chosen = supervised.draw(labels, count, seed)
        other = changed(settings, method, names, values)
        found = learner.predict(method, chosen, labels[chosen], other, seed)
        shares.append(float((found == inside.test_labels).mean()))
    what = ", ".join(f"{name} {value:g}" for name, value in zip(names, values, strict=True))
    print(f"{count:>6} {method:>8} {what}: {np.mean(shares):.4f}", flush=True)
    return float(np.mean(shares))


def changed(
    settings: Settings, method: str, names: tuple[str, ...], values: tuple[float, ...]
) -> Settings:
    """The same with other values for one method."""
    pairs = zip(names, values, strict=True)
    return dataclasses.replace(
        settings, **{name: getattr(settings, name) | {method: value} for name, value in pairs}
    )


def climb(
    score: Callable[[tuple[float, ...]], float],
    start: tuple[float, ...],
    grids: list[tuple[float, ...]],
) -> tuple[float, ...]:
    """From a start, one step along one of the grids at a time, to where none gains by GAIN."""
    known, best = {start: score(start)}, start
    while True:
        near = [
            (*best[:k], value, *best[k + 1 :])
            for k, grid in enumerate(grids)
            for value in beside(grid, best[k])
        ]
        known |= {values: score(values) for values in near if values not in known}
        top = max(near, key=known.__getitem__)
        if known[top] < known[best] + GAIN:
            return best
        best = top


def beside(grid: tuple[float, ...], value: float) -> tuple[float, ...]:
    """What stands beside a value in a grid."""
    at = grid.index(value)
    return grid[max(at - 1, 0) : at] + grid[at + 1 : at + 2]


def report() -> str:
    """What is kept as markdown tables."""
    found, digits = baselines.kept(), datasets.load("mnist")
    figures = list(found.references.pixels)
    head = ["code", "numbers", "bytes", "PSNR, dB", "bytes of PCA", "decoder, kB", *figures]
    pixels = math.prod(digits.shape)
    apart = [value.brief() for value in found.references.pixels.values()]
    lines = [["pixels", str(pixels), str(pixels), "-", "-", "-", *apart]]
    best = [point for _, point in found.references.best_linear]
    linear = {f"PCA, {width}": use for width, use in found.references.linear.items()}
    for name, use in (linear | found.models).items():
        point = use.point
        price = baselines.price_for(point.mse.value, best)
        cells = [name, str(use.numbers), point.size.brief(), estimate.psnr(point.mse).brief()]
        cells += [price.size.brief() if price else "-", f"{point.decoder / 1000:.0f}"]
        lines.append([*cells, *(value.brief() for value in use.figures.values())])
    parts = [
        "# uses",
        f"`python -m benchmarks.uses`, {time.strftime('%Y-%m-%d')}, seed {uses.SEED}",
        machine.line(),
        machine.table(head, lines),
        f"- Probe, 5-NN, k-means and the entropy code are fitted to {uses.CODES:,} training codes "
        f"and scored on the {len(digits.test_images):,} test digits, trustworthiness on "
        f"{uses.PARTS} disjoint samples of {uses.SAMPLE:,} of them. ± is one standard error.",
        "- Bytes: all dimensions rounded with one step, the largest with which the MSE of "
        f"{uses.SAMPLE:,} of the last {digits.held_out:,} training digits rises by at most 5 %; "
        "the cross-entropy of the test codes under frequencies counted on training codes. PCA and "
        "all models have learned from those digits, nothing from the test digits.",
        "- Bytes of PCA: for the same MSE, with the number of components that is best on held-out "
        "digits. Decoder: weights as stored, and the frequencies.",
    ]
    for name, learned in few_labels.kept().items():
        rows = [
            [
                few_labels.METHODS[m],
                *(few_labels.points(learned.mean(m, n)) for n in learned.counts),
            ]
            for m in learned.accuracy
        ]
        head = ["accuracy in %", *(f"{n:,} labels" for n in learned.counts)]
        parts += [f"## {name}, few labels", machine.table(head, rows), few_labels.finding(learned)]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure what is new, print the tables and write results/uses.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uses", description=__doc__)
    parser.add_argument("--again", action="store_true", help="measure unchanged checkpoints too")
    parser.add_argument("--choose", type=int, nargs="+", metavar="N", help="numbers of labels")
    parser.add_argument(
        "--methods", nargs="+", default=list(few_labels.METHODS), help="tried by --choose"
    )
    parser.add_argument("--few", nargs="+", default=FEW, help="models tried with few labels")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.choose:
        choose(args.choose, args.methods)
        return
    codes(args.again)
    labels(args.again, tuple(args.few))
    text = report()
    print(text)
    (machine.RESULTS / "uses.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
