"""Ten models of one digit each that find the others odd: `python -m benchmarks.one_class`."""

from __future__ import annotations

import argparse

from aeviz import anomaly, checkpoint, data, evaluate, train

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


def command(digit: int) -> list[str]:
    """What `python -m aeviz.train` is told to make the shipped model of a digit.

    Not on all training pictures: the last 10,000 are held out, to set a threshold by.
    """
    settings = [f"--{k.replace('_', '-')}={value}" for k, value in SETTINGS.items()]
    length = f"--epochs {EPOCHS} --batch {BATCH} --lr {LR} --threads 1".split()
    out = f"checkpoints/one-class/{VARIANT}-{SETTINGS['latent_dim']}d-digit{digit}"
    return [VARIANT, *settings, f"--digit={digit}", *length, f"--out={out}"]


def shipped() -> list[float] | None:
    """AUROC on the test images of each digit's shipped model; None where one is missing."""
    paths = [
        next(iter(anomaly.FOLDER.glob(f"*-digit{digit}.safetensors")), None) for digit in range(10)
    ]
    if None in paths:
        return None
    models = [checkpoint.load(path) for path in paths if path is not None]
    return [
        evaluate.one_class(model, data.load("mnist"), digit) for digit, model in enumerate(models)
    ]


def linear() -> tuple[list[float], list[float]]:
    """The same by PCA, the axes of each digit its own: by its residual, and by the models' score.

    The first is what is published for PCA; the second differs from a model by the copies alone.
    """
    digits = data.load("mnist")
    residual, scored = [], []
    test = digits.test_images
    for digit in range(10):
        pca = anomaly.fit_pca(digits, (digit,))
        copies = pca.decode(pca.encode(test))
        normal = digits.test_labels == digit
        for scores, found in (
            (anomaly.residual(pca, test), residual),
            (evaluate.strangeness(test, copies), scored),
        ):
            found.append(evaluate.auroc(scores[normal], scores[~normal]))
    return residual, scored


def main() -> None:
    """Train the ten models that are shipped and print how well each finds the other digits."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.one_class", description=main.__doc__
    )
    parser.add_argument("--digit", type=int, choices=range(10), help="only this one")
    args = parser.parse_args()
    for digit in range(10) if args.digit is None else [args.digit]:
        print("python -m aeviz.train", *command(digit), flush=True)
        train.main(command(digit))


if __name__ == "__main__":
    main()
