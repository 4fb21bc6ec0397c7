"""How good the models are, beside what was published: `python -m benchmarks.quality`.

All figures are of the 10,000 test digits. Those of a checkpoint are kept in results/quality.json
and measured again when the file has changed. `--live` trains the recipes of the live column anew,
each for at most 60 s on two threads of the CPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aeviz.analysis import (
    anomaly_score,
    denoising,
    errors,
    evaluate,
    inpainting,
    neighbours,
    pca,
    probe,
    sampling,
)
from aeviz.data import corruption, datasets
from aeviz.models import checkpoint, optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from benchmarks import classifier, machine, one_class

KEPT = machine.RESULTS / "quality.json"
SECONDS, THREADS, SEED = 60, 2, 0
MARGIN = 0.95
"""Share of the time that is planned: a machine that slows down must not overrun it."""


# -- live -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """What a person would set on the train page for a minute's run."""

    variant: str
    settings: dict[str, Any]
    lr: float = 2e-3
    batch: int = 256


WIDE = {"width": 1024, "depth": 1}
LIVE = {
    "2-d": Recipe("vanilla", {"activation": "tanh"}, lr=3e-3),
    "32-d": Recipe("vanilla", {"latent_dim": 32, **WIDE}, lr=4e-3),
    "64-d": Recipe("vanilla", {"latent_dim": 64, **WIDE}, lr=4e-3),
    "32-d, cross-entropy": Recipe(
        "vanilla", {"latent_dim": 32, "reconstruction": "bernoulli", **WIDE}, lr=4e-3
    ),
    "2-d variational": Recipe("variational", {}, lr=4e-3),
    "2-d variational, binarised": Recipe("variational", {"binarise": True}, lr=4e-3),
    "variational, binarised": Recipe(
        "variational", {"latent_dim": 32, "depth": 2, "binarise": True}
    ),
    "sparse": Recipe("sparse", {"latent_dim": 1024, "k": 50, "depth": 0}),
    "denoising": Recipe(
        "denoising", {"latent_dim": 64, "activation": "relu", **WIDE}, lr=3e-3, batch=128
    ),
    "masked": Recipe("masked", {"latent_dim": 128}, lr=4e-3, batch=64),
    "recurrent": Recipe("recurrent", {"cut": 0.0}, lr=4e-3, batch=64),
    "vector-quantised": Recipe("vector_quantised", {}),
}
ONE_CLASS = "one class"


def run(recipe: Recipe, seconds: float, digit: int | None = None) -> tuple[Any, float, int]:
    """A model trained for a time on all digits, or on one; the seconds it took and the steps."""
    digits = datasets.load("mnist")
    images, labels = digits.train_images, digits.train_labels
    if digit is not None:
        images, labels = images[labels == digit], labels[labels == digit]
    model_class = MODELS[recipe.variant]
    model = optim.build(model_class, model_class.Config.from_dict(recipe.settings), SEED)
    how: dict[str, Any] = {"batch": recipe.batch, "lr": recipe.lr, "labels": labels}
    *_, steps = loop.steps_in(MARGIN * seconds, model, images, **how)
    start = time.perf_counter()
    for _ in loop.fit(model, images, steps=steps, seed=SEED, **how):
        pass
    return model.eval(), time.perf_counter() - start, steps


def live(name: str, samples: int) -> dict[str, Any]:
    """Train a recipe and measure it."""
    digits = datasets.load("mnist")
    if name == ONE_CLASS:
        recipe = Recipe(one_class.VARIANT, one_class.SETTINGS, one_class.LR, one_class.BATCH)
        runs = [run(recipe, SECONDS / 10, digit) for digit in range(10)]
        found = [anomaly_score.one_class(model, digits, k) for k, (model, _, _) in enumerate(runs)]
        seconds, steps = (sum(values) for values in list(zip(*runs, strict=True))[1:])
        figures = {"auroc": float(np.mean(found))}
    else:
        model, seconds, steps = run(LIVE[name], SECONDS)
        figures = measure(model, samples)
    return {"seconds": round(seconds, 1), "steps": steps, "figures": figures}


def measure(model: Any, samples: int) -> dict[str, float]:
    """All figures of a model on the test digits."""
    digits = datasets.load("mnist")
    return evaluate.all_figures(
        model,
        digits,
        samples=samples,
        seed=SEED,
        other=anomaly_score.stranger(digits),
        features=classifier.features,
    )


# -- pretrained ----------------------------------------------------------------------------------


def pretrained(kept: dict[str, Any], samples: int, keep: Callable[[], None]) -> dict[str, Any]:
    """Figures of every pretrained checkpoint by name; those of an unchanged file are taken over.

    What is new is put into `kept` as well and kept at once: a model takes minutes.
    """
    found = {}
    for name in checkpoint.pretrained():
        content = (checkpoint.FOLDER / f"{name}.safetensors").read_bytes()
        digest = checkpoint.digest(name)
        fashion = anomaly_score.stranger(datasets.load("mnist")) is not None
        before = kept.get(name)
        same = before and (before["sha256"], before["samples"]) == (digest, samples)
        if before and same and ("other_auroc" in before["figures"] or not fashion):
            found[name] = before
            continue
        start = time.perf_counter()
        figures = measure(checkpoint.from_bytes(content), samples)
        found[name] = kept[name] = {"sha256": digest, "samples": samples, "figures": figures}
        keep()
        print(f"{name}: measured in {time.perf_counter() - start:.0f} s", flush=True)
    return found


# -- references -------------------------------------------------------------------------------


def references() -> dict[str, str]:
    """PCA and other linear methods on the same images, by the name of the figure."""
    digits = datasets.load("mnist")
    x, labels = digits.test_images, digits.test_labels
    texts = {}
    for width in (2, 32, 64):
        linear = pca.pca(datasets.load(), width)
        raw = errors.mse(x, linear.decode(linear.encode(x))).mean(dtype=np.float64)
        reconstructions = errors.compare(x, linear.reconstruct(x)).overall
        texts[f"mse {width}"] = f"PCA {raw:.4f}, clipped {reconstructions['mse']:.4f}"
        texts[f"bce {width}"] = f"PCA, clipped {reconstructions['bce']:.4f}"
    floor = errors.bce(x, x).mean(dtype=np.float64)
    texts["bce 32"] += f"; floor {floor:.4f}"
    for width in (2, 32):
        linear = pca.pca(datasets.load(), width)
        codes = linear.encode(digits.train_images), digits.train_labels
        share = neighbours.neighbour_accuracy(*codes, linear.encode(x), labels)
        texts[f"neighbours {width}"] = f"PCA {share:.4f}"
    linear = pca.pca(datasets.load(), 64)
    codes = linear.encode(digits.train_images), digits.train_labels
    share = probe.linear_probe(*codes, linear.encode(x), labels)
    texts["probe"] = f"PCA-64 {share.text()}"
    corrupted = corruption.noisy(x, evaluate.SIGMA, SEED)
    known = corruption.noisy(digits.train_images, evaluate.SIGMA, SEED + 1)
    cleaned = denoising.regressed(corrupted, known, digits.train_images)
    texts["denoised"] = (
        f"Wiener {errors.compare(x, cleaned).overall['psnr']:.2f} dB; "
        f"noisy {errors.compare(x, corrupted).overall['psnr']:.2f} dB"
    )
    visible = inpainting.hide_patches(len(x), seed=SEED)
    filled = inpainting.gaussian_conditional(x, visible, digits.train_images)
    texts["hidden"] = f"Gaussian conditional {inpainting.hidden_mse(x, filled, visible):.4f}"
    residual, scored = one_class.linear()
    texts["one class"] = (
        f"PCA-32 residual {np.mean(residual):.4f}, blurred and for its ink {np.mean(scored):.4f}"
    )
    other = anomaly_score.stranger(digits)
    linear = pca.pca(datasets.load(), 32)
    if other is not None:
        scores = (errors.mse(part, linear.reconstruct(part)) for part in (x, other.test_images))
        texts["other"] = f"PCA-32 residual {anomaly_score.auroc(*scores):.4f}"
    real = classifier.features(digits.train_images[: len(x)])
    distance = sampling.frechet(real, classifier.features(x))
    texts["frechet"] = f"real against real {distance:.2f}"
    return texts


# -- the table --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A row of the table: a figure, whose checkpoints count, and the bars."""

    what: str
    key: str
    reference: str
    """Key of `references`."""
    published: str
    suits: Callable[[checkpoint.Card, int], bool]
    """Whether a card with a code so wide counts."""
    recipe: str | None = None
    live: float | None = None
    pretrained: float | None = None
    more: bool = False
    """True where more is better."""
    digits: int = 4
    sign: int = 1

    def value(self, figures: dict[str, float]) -> float | None:
        """The figure of a model, None without it."""
        return self.sign * figures[self.key] if self.key in figures else None

    def holds(self, value: float, must: float) -> bool:
        """True where the figure, unrounded, meets the bar."""
        return value >= must if self.more else value <= must

    def verdict(self, value: float, must: float, seconds: float = 0.0) -> str:
        """Held, or by how much it was missed; what took longer than it may does not count."""
        if seconds > SECONDS:
            return f"missed: {seconds:.0f} s"
        return (
            "held" if self.holds(value, must) else f"missed by {100 * abs(value / must - 1):.2g}%"
        )

    def best(self, found: dict[str, Any]) -> tuple[str, float] | None:
        """Name and figure of the best of the models that count."""
        values = [(name, self.value(entry["figures"])) for name, entry in found.items()]
        known = [(name, value) for name, value in values if value is not None]
        pick = max if self.more else min
        return pick(known, key=lambda pair: pair[1]) if known else None


def _takes_no_labels(card: checkpoint.Card) -> bool:
    return not MODELS[card.variant].uses_labels


def _plain(*widths: int) -> Callable[[checkpoint.Card, int], bool]:
    """Any variant without labels and with a code of one of these widths."""
    return lambda card, width: width in widths and _takes_no_labels(card)


def _binarised(*widths: int) -> Callable[[checkpoint.Card, int], bool]:
    def suits(card: checkpoint.Card, width: int) -> bool:
        binary = card.config.binarise and _takes_no_labels(card)
        return binary and (not widths or width in widths)

    return suits


def _grey_variational(card: checkpoint.Card, width: int) -> bool:
    return width == 2 and not card.config.binarise and _takes_no_labels(card)


def _one_of(*variants: str, width: int | None = None) -> Callable[[checkpoint.Card, int], bool]:
    return lambda card, wide: card.variant in variants and width in (None, wide)


def _any(card: checkpoint.Card, width: int) -> bool:
    return _takes_no_labels(card)


def _gaussian_prior(card: checkpoint.Card, width: int) -> bool:
    return _takes_no_labels(card) and MODELS[card.variant].has_posterior


BARS = [
    Bar(
        "MSE, 2-d code",
        "mse",
        "mse 2",
        "UMAP/AE .0360, conv AE .0369",
        _plain(2),
        "2-d",
        0.0335,
        0.0305,
        digits=5,
    ),
    Bar(
        "MSE, 32-d code",
        "mse",
        "mse 32",
        "Hinton 2006, 30-d: .0038",
        _plain(32),
        "32-d",
        0.0040,
        0.0028,
        digits=5,
    ),
    Bar(
        "MSE, 64-d code",
        "mse",
        "mse 64",
        "conv AE .0016",
        _plain(64),
        "64-d",
        0.0024,
        0.0015,
        digits=5,
    ),
    Bar(
        "binary cross-entropy per pixel, 32-d code, nats",
        "bce",
        "bce 32",
        "Keras .0920",
        _plain(32),
        "32-d, cross-entropy",
        0.0735,
        0.0690,
    ),
    Bar(
        "negative ELBO on grey pixels, 2-d VAE, nats",
        "elbo",
        "",
        "Keras example 146.95",
        _grey_variational,
        "2-d variational",
        137,
        133,
        digits=2,
        sign=-1,
    ),
    Bar(
        "IW NLL, binarised digits, 2-d VAE, nats",
        "nll",
        "",
        "vMF 132.5, Gaussian 135.7",
        _binarised(2),
        "2-d variational, binarised",
        None,
        130,
        digits=2,
    ),
    Bar(
        "IW NLL, binarised digits, VAE of any size, nats",
        "nll",
        "",
        "84.6",
        _binarised(),
        "variational, binarised",
        None,
        88,
        digits=2,
    ),
    Bar(
        "5-NN accuracy, 2-d code",
        "neighbour_accuracy",
        "neighbours 2",
        "AE .793, VAE .765",
        _plain(2),
        "2-d",
        0.82,
        0.91,
        more=True,
    ),
    Bar(
        "5-NN accuracy, 32- or 64-d code",
        "neighbour_accuracy",
        "neighbours 32",
        ".979",
        _plain(32, 64),
        "32-d",
        0.978,
        0.984,
        more=True,
    ),
    Bar(
        "linear probe, sparse or contractive codes",
        "probe_accuracy",
        "probe",
        "-",
        _one_of("sparse", "contractive"),
        "sparse",
        0.965,
        0.985,
        more=True,
    ),
    Bar(
        "denoising, Gaussian noise 0.5, PSNR of mean MSE, dB",
        "denoised_psnr",
        "denoised",
        "-",
        _any,
        "denoising",
        19.5,
        21,
        more=True,
        digits=2,
    ),
    Bar(
        "MSE on hidden pixels, 75 % of 4x4 patches hidden",
        "hidden_mse",
        "hidden",
        "-",
        _any,
        "masked",
        0.032,
        0.024,
    ),
    Bar(
        "MSE, recurrent, 32-d code",
        "mse",
        "mse 32",
        "-",
        _one_of("recurrent", width=32),
        "recurrent",
        0.012,
        0.006,
    ),
    Bar(
        "one-class AUROC, mean of ten digits",
        "auroc",
        "one class",
        "Deep SVDD .948, OCGAN .975, best .991",
        _any,
        ONE_CLASS,
        0.960,
        0.977,
        more=True,
    ),
    Bar(
        "MNIST against Fashion-MNIST, AUROC",
        "other_auroc",
        "other",
        "none",
        _any,
        "32-d",
        0.99,
        0.998,
        more=True,
    ),
    Bar(
        "Frechet distance, VAE prior N(0, I)",
        "prior_frechet",
        "frechet",
        "-",
        _gaussian_prior,
        "variational, binarised",
        digits=2,
    ),
    Bar(
        "Frechet distance, mixture fitted after training",
        "mixture_frechet",
        "frechet",
        "-",
        _any,
        "variational, binarised",
        digits=2,
    ),
    Bar(
        "Frechet distance, vector-quantised prior",
        "prior_frechet",
        "frechet",
        "-",
        _one_of("vector_quantised"),
        "vector-quantised",
        digits=2,
    ),
]


def widths() -> dict[str, tuple[checkpoint.Card, int]]:
    """Card and width of the code of every pretrained checkpoint."""
    cards = checkpoint.pretrained()
    return {name: (card, card.code_dim) for name, card in cards.items()}


def rows(found: dict[str, Any], lived: dict[str, Any], texts: dict[str, str]) -> list[list[str]]:
    """The table's lines: figure, reference, published, live, must, pretrained, must, result."""
    cards = widths()
    each = {name: entry for name, entry in found.items() if name in cards}
    lines = []
    n01 = next(bar for bar in BARS if bar.suits is _gaussian_prior)
    best_n01 = n01.best({k: v for k, v in each.items() if n01.suits(*cards[k])})
    for bar in BARS:
        results = []
        compare = "at least" if bar.more else "at most"
        pretrained_must, sign = bar.pretrained, f".{bar.digits}f"
        if bar.key == "mixture_frechet" and best_n01:
            pretrained_must = best_n01[1] / 2
        mine = lived.get(bar.recipe or "")
        value = bar.value(mine["figures"]) if mine else None
        ours = "-"
        if mine and value is not None:
            ours = f"{value:{sign}} ({mine['steps']} steps, {mine['seconds']:.0f} s)"
            if bar.live is not None:
                results.append(f"live {bar.verdict(value, bar.live, mine['seconds'])}")
        if bar.key == "auroc":
            ten = found.get("one-class")
            best = ("ten models", ten["figures"]["auroc"]) if ten else None
        else:
            fit = {k: v for k, v in each.items() if bar.suits(*cards[k])}
            best = bar.best(fit)
        if best and pretrained_must is not None:
            results.append(f"shipped {bar.verdict(best[1], pretrained_must)}")
        lines.append(
            [
                bar.what,
                texts.get(bar.reference, "-"),
                bar.published,
                ours,
                "-" if bar.live is None else f"{compare} {bar.live:g}",
                f"{best[1]:{sign}} (`{best[0]}`)" if best else "-",
                "-" if pretrained_must is None else f"{compare} {pretrained_must:.4g}",
                ", ".join(results) or "-",
            ]
        )
    return lines


COLUMNS = {
    "mse": ("MSE", ".4f"),
    "bce": ("BCE, nats a pixel", ".4f"),
    "neighbour_accuracy": ("5-NN", ".4f"),
    "probe_accuracy": ("probe", ".4f"),
    "elbo": ("ELBO, nats", ".2f"),
    "nll": ("IW NLL, nats", ".2f"),
    "denoised_psnr": ("denoised, dB", ".2f"),
    "hidden_mse": ("hidden MSE", ".4f"),
    "other_auroc": ("Fashion AUROC", ".4f"),
    "prior_frechet": ("Frechet, prior", ".2f"),
    "mixture_frechet": ("Frechet, mixture", ".2f"),
}


def every_checkpoint(found: dict[str, Any]) -> str:
    """A line for each checkpoint: its figures, those that its variant reports; its command."""
    head = ["checkpoint", *(title for title, _ in COLUMNS.values()), "also"]
    usual = {*COLUMNS, "psnr", "pca_mse_clipped"}
    lines, commands = [], []
    for name, card in checkpoint.pretrained().items():
        figures = dict(found[name]["figures"])
        if not card.config.binarise:
            figures.pop("nll", None)  # of grey pixels it is no likelihood
        cells = [f"{figures[k]:{how}}" if k in figures else "" for k, (_, how) in COLUMNS.items()]
        kl = [value for key, value in figures.items() if key.startswith("kl_of_z")]
        also = [f"{sum(value > 0.01 for value in kl)} of {len(kl)} numbers in use"] if kl else []
        also += [
            f"{key.replace('_', ' ')} {value:.4g}"
            for key, value in figures.items()
            if key not in usual and not key.startswith("kl_of_z")
        ]
        lines.append([f"`{name}`", *cells, ", ".join(also)])
        where = "" if card.device == "cpu" else f", on a GPU ({card.device})"
        commands.append(f"- `{name}`: `{card.command}`, seed {card.seed}{where}")
    return "\n\n".join(["## Every checkpoint", machine.table(head, lines), "\n".join(commands)])


NOTES = [
    "Copies are clipped to [0, 1]. Nothing was trained or chosen on test images.",
    "Shipped: the best checkpoint that fits the row. Labels are not used in the rows of the first "
    "table.",
    "Live: {seconds} s at most, on {threads} threads of the CPU, the schedule set beforehand from "
    "50 timed steps. The recipes stand below.",
    "IW NLL: importance-weighted bound (Burda et al. 2015) with {samples} draws for each digit, of "
    "checkpoints that were trained with `binarise`; each test digit was made black or white once, "
    "with seed {seed}.",
    "Linear probe: scikit-learn's logistic regression (C = 1) on 60,000 standardised codes.",
    "Hidden pixels: the same {seed}-seeded pattern of 37 of 49 patches for every model and the "
    "Gaussian; models whose encoder cannot be told what is hidden see black there.",
    "One class, and MNIST against Fashion-MNIST: the mean square of the difference between a "
    "picture and its copy, blurred by one pixel, divided by the picture's mean brightness; a "
    "denoising model copies 24 spoilt versions, and the mean of these copies counts. The PCA "
    "residual is the plain one. The ten shipped models of one digit did not see the last 10,000 "
    "training digits, by which their thresholds are set.",
    "Wiener: the linear filter with the least squared error on noisy training digits.",
    "Frechet: squared distance in 64 features of `benchmarks/classifier.safetensors`, 10,000 "
    "pictures against the test digits; real against real: the first 10,000 training digits.",
]


TRIED = {
    "MSE, 2-d code": "Live, on validation digits: tanh at a learning rate of .003 .0329 and at "
    ".004 .0332 (5,650 steps), GELU .0329 with fewer neighbours right, SiLU .0342 and with batch "
    "normalisation .0365 (3,400 steps).",
    "MSE, 32-d code": "Shipped: fully connected .0036 (.0025 on training digits: it learns by "
    "heart), with pixels blacked out .0044 on validation digits after 30 epochs; convolutional "
    "for 20 epochs .0039, for 80 .00282, for 153 .0030 (on a GPU: learned by heart), by "
    "cross-entropy for 100 .0029, with a twentieth of the pixels blacked out in training for 100 "
    ".0029. Rounding to eight bits costs .00002 of it.",
    "binary cross-entropy per pixel, 32-d code, nats": "Fully connected .0719; convolutional with "
    "the squared error for 80 epochs .0694, with cross-entropy for 100 epochs .0691, for 153 "
    ".0697.",
    "linear probe, sparse or contractive codes": "Shipped: 1,024 units of which 50 are active, 25 "
    "epochs .976; with a hidden layer of 2,048, 100 active, half of the layer dropped in training, "
    "170 epochs on a GPU .982; contractive with 32 numbers .92. On validation digits after 40 to "
    "274 epochs: no hidden layer, 25 or 100 active .969 and .971; a layer of 2,048 without "
    "dropout, 50 or 150 active .973 and .975; L1 .924; a layer of 1,024 with dropout .3 or .5 "
    ".977 and .978, of 2,048 .978 and .979.",
    "denoising, Gaussian noise 0.5, PSNR of mean MSE, dB": "Shipped: a code of 32 numbers, two "
    "layers of 1,024, 25 epochs 19.5; of 64 numbers, 60 epochs, batches of 128 19.8; "
    "convolutional, 128 numbers, 145 epochs on a GPU 20.6, and 21.2 on training digits. On "
    "validation digits after 36 to 84 epochs: 16 feature maps 19.98, 32 20.48, 64 20.42, a code "
    "of 256 numbers 20.33, dropout 20.10, two more convolutions 20.38, pictures turned, stretched "
    "and moved a little 20.06 to 20.30 against 20.36 without.",
    "MSE on hidden pixels, 75 % of 4x4 patches hidden": "Live, on validation digits: batches of "
    "128 at a learning rate of .003 .036 (1,700 steps), of 64 at .004 .0325, of 32 at .003 .0327 "
    "(in 65 s), "
    "one transformer layer .0366. Shipped: a code of 128 numbers, two layers of four heads, a "
    "decoder of 1,024 units, 40 epochs .0280, .0270 on training digits, so that it had not learned "
    "them by heart; twice of each .0241.",
}
"""What was tried for a bar that was missed, by the name of its row."""


def missed(lines: list[list[str]]) -> str:
    """The rows of the table that miss a bar, each with what was tried."""
    told = [
        f"- {what}: {result}. {TRIED.get(what, 'Nothing else was tried.')}"
        for what, *_, result in lines
        if "missed" in result
    ]
    return "\n".join(["## Missed, and what was tried", "", *told]) if told else ""


def report(found: dict[str, Any], lived: dict[str, Any], samples: int, fashion: bool) -> str:
    """The whole page as markdown."""
    head = ["figure", "reference", "published", "live", "must", "shipped", "must", "result"]
    notes = [
        note.format(seconds=SECONDS, threads=THREADS, samples=samples, seed=SEED) for note in NOTES
    ]
    if not fashion:
        notes.append("Fashion-MNIST was not at hand (AEVIZ_DATA): its row was not measured anew.")
    recipes = [
        f"- {name}: {recipe.variant}, {recipe.settings or 'as it comes'}, batch {recipe.batch}, "
        f"learning rate {recipe.lr:g}, seed {SEED}"
        for name, recipe in LIVE.items()
    ]
    recipes.append(
        f"- {ONE_CLASS}: {one_class.VARIANT}, {one_class.SETTINGS}, batch {one_class.BATCH}, "
        f"learning rate {one_class.LR:g}, seed {SEED}, {SECONDS // 10} s for each digit"
    )
    lines = rows(found, lived, references())
    parts = [
        "# quality",
        f"`python -m benchmarks.quality`, {time.strftime('%Y-%m-%d')}, seed {SEED}",
        machine.line(),
        machine.table(head, lines),
        "\n".join(f"- {note}" for note in notes),
        missed(lines),
        every_checkpoint(found),
        "## Live recipes",
        "\n".join(recipes),
    ]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Measure what is new, print the tables and write results/quality.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--live", action="store_true", help="train the live recipes anew")
    parser.add_argument("--only", choices=[*LIVE, ONE_CLASS], help="of the live recipes")
    parser.add_argument("--again", action="store_true", help="measure unchanged checkpoints too")
    parser.add_argument("--samples", type=int, default=500, help="K of the likelihood")
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    kept = (
        json.loads(KEPT.read_text(encoding="utf-8"))
        if KEPT.exists()
        else {"shipped": {}, "live": {}}
    )

    def keep() -> None:
        machine.RESULTS.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    if args.live or args.only:
        for name in [args.only] if args.only else [*LIVE, ONE_CLASS]:
            kept["live"][name] = live(name, args.samples)
            print(name, kept["live"][name], flush=True)
            keep()
    if args.again:
        kept["shipped"] = {}
    kept["shipped"] = pretrained(kept["shipped"], args.samples, keep)
    ten = one_class.pretrained()
    if ten:
        kept["shipped"]["one-class"] = {"figures": {"auroc": float(np.mean(ten))}, "digits": ten}
    keep()
    fashion = anomaly_score.stranger(datasets.load("mnist")) is not None
    text = report(kept["shipped"], kept["live"], args.samples, fashion) + "\n"
    print(text)
    (machine.RESULTS / "quality.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
