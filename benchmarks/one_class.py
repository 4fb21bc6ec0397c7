"""Ten models of one digit each that find the others odd: `python -m benchmarks.one_class`.

`--contaminated` trains each again with anomalies among its images and keeps in
aeviz/contamination.json how well it still finds them, which the app shows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np
import torch

from aeviz.analysis import anomaly, anomaly_score
from aeviz.analysis.anomaly_score import Scored
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.models import checkpoint, optim
from aeviz.training import loop
from aeviz.training.spec import RunSpec, training_set

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


def contaminated(digit: int, share: float) -> dict[str, dict[str, Estimate]]:
    """AUROC of a model of a digit that was trained as on the page, once, and of PCA in its place.

    Returns:
        "model" and "pca" -> kind of score -> AUROC, both fitted to the same images.
    """
    digits, name = datasets.load("mnist"), anomaly.pretrained(digit)
    card = checkpoint.load(checkpoint.FOLDER / name).card
    spec = RunSpec.model_validate(anomaly.recipe(card, (digit,), share))
    seen = np.arange(len(digits.train_labels))[training_set(spec, digits.train_labels)]
    images, labels = digits.train_images[seen], digits.train_labels[seen]
    model = optim.build(spec.model_class, spec.config, spec.seed)
    assert spec.epochs is not None  # of up to three digits
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
    model.eval()
    both: dict[str, Scored] = {"model": model, "pca": anomaly.fit_pca(digits, seen)}
    return {
        who: {
            kind: anomaly.measure(kind, of, card, digits, (digit,), seen).curves.auroc
            for kind in anomaly.offered(model)
        }
        for who, of in both.items()
    }


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


def main() -> None:
    """Train the ten models that are kept and print how well each finds the other digits."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.one_class", description=main.__doc__
    )
    parser.add_argument("--digit", type=int, choices=range(10), help="only this one")
    parser.add_argument("--contaminated", action="store_true", help="with anomalies instead")
    args = parser.parse_args()
    if args.contaminated:
        torch.set_num_threads(1)
        keep_contaminated()
        return
    for digit in range(10) if args.digit is None else [args.digit]:
        print("python -m aeviz train", *command(digit), flush=True)
        loop.main(command(digit))


if __name__ == "__main__":
    main()
