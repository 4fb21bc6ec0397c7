"""Ten models of one digit each that find the others odd: `python -m benchmarks.one_class`.

`--contaminated` trains each again with anomalies among its images and keeps in
aeviz/analysis/measured/contamination.json how well it still finds them, which the app shows.
`--choose` compares scores, recipes and widths of PCA on the last 10,000 training digits, which none
of them has seen, and only then scores the test digits.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from aeviz.analysis import anomaly, anomaly_score, errors, pca
from aeviz.analysis.anomaly_score import Scored
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.base import Autoencoder
from aeviz.training import loop
from aeviz.training.spec import RunSpec, training_set
from benchmarks import machine

VARIANT = "denoising"
SETTINGS = {
    "corruption": "masking",
    "level": 0.3,
    "latent_dim": 32,
    "width": 512,
    "depth": 1,
    "activation": "relu",
}
BATCH, LR, EPOCHS = 128, 2e-3, 30
SHARES = (0.02, 0.05, 0.1, 0.2)
"""Of anomalies among the training images."""
PLAIN_SETTINGS = {k: v for k, v in SETTINGS.items() if k not in ("corruption", "level")}
RIVALS: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing masked": ("vanilla", PLAIN_SETTINGS),
    "half of the pixels masked": (VARIANT, SETTINGS | {"level": 0.5}),
    "16 latent dimensions": (VARIANT, SETTINGS | {"latent_dim": 16}),
    "256 units wide": (VARIANT, SETTINGS | {"width": 256}),
}
"""Other recipes than `SETTINGS`, of the same length."""
PRETRAINED = "three tenths of the pixels masked, 32 latent dimensions, 512 units wide (pretrained)"
PCA_WIDTHS = (8, 16, 24, 32, 48, 64)
BLURS = (0.5, 1.0, 1.5, 2.0)
OFFERED = (anomaly_score.PLAIN, anomaly_score.BLURRED)
"""Scores by which recipes are chosen: the mean of their AUROCs, of models and of PCA alike."""


def command(digit: int) -> list[str]:
    """What `python -m aeviz train` is told to make the pretrained model of a digit.

    Not on all training images: the last 10,000 are held out, to set a threshold by.
    """
    settings = [f"--{k.replace('_', '-')}={value}" for k, value in SETTINGS.items()]
    length = f"--epochs {EPOCHS} --batch {BATCH} --lr {LR} --threads 1".split()
    out = f"checkpoints/one-class/{VARIANT}-{SETTINGS['latent_dim']}d-digit{digit}"
    return [VARIANT, *settings, f"--digit={digit}", *length, f"--out={out}"]


Ten = tuple[list[Estimate], Estimate]
"""AUROC of each of ten digits, and their mean."""


def of_ten(scored: Sequence[Scored], kind: str, dataset: datasets.Dataset) -> Ten:
    """AUROC on the test images of what was fitted to one digit each, by a kind of score."""
    scores = {k: anomaly_score.score(kind, of, dataset.test_images) for k, of in enumerate(scored)}
    labels = dataset.test_labels
    each = [anomaly_score.auroc(s[labels == k], s[labels != k]) for k, s in scores.items()]
    return each, anomaly_score.mean_auroc(scores, labels)


def pretrained(kind: str) -> Ten | None:
    """Of each digit's pretrained model; None where one is missing."""
    paths = [
        next(iter(anomaly.FOLDER.glob(f"*-digit{digit}.safetensors")), None) for digit in range(10)
    ]
    if None in paths:
        return None
    models = [checkpoint.load(path) for path in paths if path is not None]
    return of_ten(models, kind, datasets.load("mnist"))


def linear(kind: str) -> Ten:
    """Of PCA, fitted to the training images that the pretrained model of each digit has seen."""
    digits = datasets.load("mnist")
    labels = digits.train_labels[: -digits.held_out]
    fitted = [anomaly.fit_pca(digits, np.flatnonzero(labels == digit)) for digit in range(10)]
    return of_ten(fitted, kind, digits)


def train(spec: RunSpec, seen: np.ndarray, dataset: datasets.Dataset) -> Autoencoder:
    """A model trained as a run of the app is, on the training images that it sees: indices (N,)."""
    images, labels = dataset.train_images[seen], dataset.train_labels[seen]
    model = optim.build(spec.model_class, spec.config, spec.seed)
    assert spec.epochs is not None
    steps = round(spec.epochs * -(-len(images) // spec.batch))
    for _ in loop.fit(
        model,
        images,
        steps=steps,
        batch=spec.batch,
        lr=spec.lr,
        seed=spec.seed,
        labels=labels,
    ):
        pass
    return model.eval()


def contaminated(digit: int, share: float) -> dict[str, dict[str, Estimate]]:
    """AUROC of a model of a digit that was trained as on the page, once, and of PCA in its place.

    Returns:
        "model" and "pca" -> kind of score -> AUROC, both fitted to the same images.
    """
    digits, name = datasets.load("mnist"), anomaly.pretrained(digit)
    card = checkpoint.load(checkpoint.FOLDER / name).card
    spec = RunSpec.model_validate(anomaly.recipe(card, (digit,), share))
    seen = np.arange(len(digits.train_labels))[training_set(spec, digits.train_labels)]
    model = train(spec, seen, digits)
    both: dict[str, Scored] = {"model": model, "pca": anomaly.fit_pca(digits, seen)}
    images = [of(digits, (digit,)).images for of in (anomaly.normal_images, anomaly.odd_images)]
    found = {}
    for who, of in both.items():
        found[who] = {}
        for kind in anomaly.offered(model):
            against = anomaly.reference(kind, of, digits, (digit,), seen)
            scores = (anomaly.score(kind, of, part, against) for part in images)
            found[who][kind] = anomaly_score.auroc(*scores)
    return found


def keep_contaminated() -> None:
    """Measure what is missing and keep it after each model."""
    for digit in range(10):
        sha256 = checkpoint.digest(anomaly.pretrained(digit))
        for share in SHARES:
            kept = (
                json.loads(anomaly.KEPT.read_text(encoding="utf-8"))
                if anomaly.KEPT.exists()
                else {}
            )
            entry = kept.get(str(digit), {})
            if entry.get("sha256") != sha256:
                entry = {"sha256": sha256, "auroc": {}}
            if f"{share:g}" in entry["auroc"]:
                continue
            found = contaminated(digit, share)
            print(digit, share, found, flush=True)
            entry["auroc"][f"{share:g}"] = {
                who: {kind: [round(it.value, 4), round(it.error, 4)] for kind, it in kinds.items()}
                for who, kinds in found.items()
            }
            anomaly.KEPT.write_text(
                json.dumps(kept | {str(digit): entry}, indent=1) + "\n", encoding="utf-8"
            )


# -- what was chosen ----------------------------------------------------------------------------


def unseen(dataset: datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The last 10,000 training images and their labels."""
    held_out = slice(-dataset.held_out, None)
    return dataset.train_images[held_out], dataset.train_labels[held_out]


def errors_of(
    x: np.ndarray, reconstructions: np.ndarray, blur: float = anomaly_score.BLUR
) -> dict[str, np.ndarray]:
    """Scores (N,) that compare images (N, H, W) with reconstructions, by name."""
    from scipy.ndimage import gaussian_filter

    ink, difference = anomaly_score.ink(x), datasets.to_float(x) - reconstructions
    blurred = np.square(gaussian_filter(difference, (0, blur, blur))).mean((1, 2))
    plain = errors.mse(x, reconstructions)
    return {
        "MSE": plain,
        "MSE per ink": plain / ink,
        "blurred": blurred,
        "blurred, per ink": blurred / ink,
    }


def mean_of_corrupted(model: Autoencoder, of: Scored, x: np.ndarray, draws: int) -> np.ndarray:
    """Mean of the reconstructions of some versions of images, corrupted as a model does it."""
    total = np.zeros(x.shape, np.float32)
    with optim.Noise(0, model.device):
        for _ in range(draws):
            corrupted = model.corrupt(apply.pixels(model, x)).numpy().reshape(x.shape)
            total += anomaly_score.reconstruct(of, corrupted) / draws
    return total


def in_turn(
    scored: Iterable[Scored], labels: np.ndarray, score: Callable[[int, Scored], dict[str, Any]]
) -> dict[str, Estimate]:
    """Mean AUROC of the ten digits by each score that a function gives of a digit's model."""
    found: dict[str, dict[int, np.ndarray]] = {}
    for digit, of in enumerate(scored):
        for name, scores in score(digit, of).items():
            found.setdefault(name, {})[digit] = scores
    return {name: anomaly_score.mean_auroc(scores, labels) for name, scores in found.items()}


def rival(name: str, dataset: datasets.Dataset) -> Iterable[Autoencoder]:
    """Models of the ten digits by another recipe."""
    variant, settings = RIVALS[name]
    for digit in range(10):
        spec = RunSpec.model_validate(
            {"variant": variant, "config": settings, "classes": (digit,)}
            | {"batch": BATCH, "lr": LR, "epochs": EPOCHS}
        )
        yield train(spec, _seen(dataset, digit), dataset)


def _seen(dataset: datasets.Dataset, digit: int) -> np.ndarray:
    """Training images of a digit that are not held out: indices (N,)."""
    return np.flatnonzero(dataset.train_labels[: -dataset.held_out] == digit)


def _recipe_line(name: str, found: dict[str, Estimate], began: float) -> list[str]:
    each = [found[kind] for kind in OFFERED]
    mean = f"{np.mean([it.value for it in each]):.4f}"
    line = [name, *(it.text() for it in each), mean, f"{time.process_time() - began:.0f}"]
    print(line, flush=True)
    return line


def choose() -> None:
    """Compare on held-out digits, say what is best, then score the test digits once."""
    digits, start = datasets.load("mnist"), time.process_time()
    x, labels = unseen(digits)

    def offered(_: int, of: Scored) -> dict[str, np.ndarray]:
        return {kind: anomaly_score.score(kind, of, x) for kind in OFFERED}

    pca_lines = []
    widest = [pca.fit(digits.train_images[_seen(digits, k)], max(PCA_WIDTHS)) for k in range(10)]
    for width in PCA_WIDTHS:
        began = time.process_time()
        narrow = [pca.PCA(it.mean, it.components[:width], it.shape) for it in widest]
        pca_lines.append(_recipe_line(f"PCA, {width}", in_turn(narrow, labels, offered), began))
    linear = [anomaly.fit_pca(digits, _seen(digits, k)) for k in range(10)]
    models = [checkpoint.load(checkpoint.FOLDER / anomaly.pretrained(k)) for k in range(10)]

    began = time.process_time()
    blurs: dict[str, dict[int, np.ndarray]] = {}

    def every(digit: int, of: Scored) -> dict[str, np.ndarray]:
        model, found = models[digit], {}
        one, mean = anomaly_score.reconstruct(of, x), mean_of_corrupted(model, of, x, 24)
        found |= {f"one: {name}": scores for name, scores in errors_of(x, one).items()}
        found |= {f"mean: {name}": scores for name, scores in errors_of(x, mean).items()}
        against = anomaly.reference("latent", of, digits, (digit,), _seen(digits, digit))
        found["one: latent distance"] = anomaly.score("latent", of, x, against)
        if of is model:
            for blur in BLURS:
                it = errors_of(x, mean, blur)["blurred, per ink"]
                blurs.setdefault(f"blur of {blur:g} pixels", {})[digit] = it
        return found

    scores = {"model": in_turn(models, labels, every), "PCA": in_turn(linear, labels, every)}
    kinds = ["MSE", "MSE per ink", "blurred", "blurred, per ink", "latent distance"]
    score_lines = [
        [
            f"{who}, {how} reconstruction{'s, corrupted' if how != 'one' else ''}",
            *(found[key].text() if (key := f"{start}: {kind}") in found else "" for kind in kinds),
        ]
        for who, found in scores.items()
        for how, start in (("one", "one"), ("mean of 24", "mean"))
    ]
    print(*score_lines, sep="\n", flush=True)
    blur_lines = [
        [name, anomaly_score.mean_auroc(found, labels).text()] for name, found in blurs.items()
    ]
    print(*blur_lines, sep="\n", flush=True)
    ours = {
        "mse": scores["model"]["one: MSE"],
        "blurred": scores["model"]["mean: blurred, per ink"],
    }
    lines = [_recipe_line(PRETRAINED, ours, began)]
    for name in RIVALS:
        began = time.process_time()
        lines.append(_recipe_line(name, in_turn(rival(name, digits), labels, offered), began))
    spent = time.process_time() - start
    test_lines = [
        [who, *(of_ten(each, kind, digits)[1].text() for kind in OFFERED)]
        for who, each in (("models", models), (f"PCA, {anomaly.PCA_WIDTH}", linear))
    ]
    print(*test_lines, sep="\n", flush=True)
    _write(pca_lines, kinds, score_lines, blur_lines, lines, test_lines, spent)


def _best(lines: list[list[str]]) -> str:
    """The name in the line with the highest mean."""
    return max(lines, key=lambda line: float(line[3]))[0]


def _write(
    pca_lines: list[list[str]],
    kinds: list[str],
    score_lines: list[list[str]],
    blur_lines: list[list[str]],
    lines: list[list[str]],
    test_lines: list[list[str]],
    spent: float,
) -> None:
    head = ["recipe", "plain MSE", "blurred error per ink", "mean of both", "CPU seconds"]
    parts = [
        "# one_class",
        f"`python -m benchmarks.one_class --choose`, {time.strftime('%Y-%m-%d')}, seed 0",
        machine.line(),
        "AUROC of one digit against the nine others, mean of the ten digits, with the standard "
        "error over images (DeLong; all digits are judged on the same images). All but the last "
        "table is of the last 10,000 training digits, which neither models nor PCA have seen.",
        "## Scores",
        "By the pretrained models, and by PCA fitted to the same images. A score compares the "
        "image with its reconstruction, or with the mean of those of 24 versions of it, a part of "
        "their pixels masked.",
        machine.table(["of", *kinds], score_lines),
        machine.table(["mean of 24, blurred, per ink", "AUROC"], blur_lines),
        "## Recipes",
        "Chosen by the mean of both scores that the app offers first; models and PCA alike. "
        f"Chosen: {_best(lines)}; {_best(pca_lines)} components. {spent:.0f} CPU seconds in all.",
        machine.table(head, lines),
        machine.table(["components", *head[1:]], pca_lines),
        "## Test digits",
        "Measured once, after the choice.",
        machine.table(["of", "plain MSE", "blurred error per ink"], test_lines),
    ]
    (machine.RESULTS / "one_class.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Train the ten models that are kept and print how well each finds the other digits."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.one_class", description=main.__doc__
    )
    parser.add_argument("--digit", type=int, choices=range(10), help="only this one")
    parser.add_argument("--contaminated", action="store_true", help="with anomalies instead")
    parser.add_argument("--choose", action="store_true", help="compare scores and recipes instead")
    args = parser.parse_args()
    if args.contaminated or args.choose:
        torch.set_num_threads(1)
        keep_contaminated() if args.contaminated else choose()
        return
    for digit in range(10) if args.digit is None else [args.digit]:
        print("python -m aeviz train", *command(digit), flush=True)
        loop.main(command(digit))


if __name__ == "__main__":
    main()
