"""How good the models are, beside what was published: `python -m benchmarks.quality`.

All figures are of the test digits, each with its standard error. They are kept in
results/quality.json for each checkpoint in parts (see `evaluate.PARTS`), and a part is measured
again when the weights or its settings have changed. The figures of a card are written into the
checkpoint. `--live` trains the recipes of the live column anew, each for at most 60 s on two
threads of the CPU. `python -m benchmarks.choices` chooses which recipes compete.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aeviz.analysis import (
    anomaly,
    anomaly_score,
    classifier,
    denoising,
    errors,
    estimate,
    evaluate,
    inpainting,
    neighbours,
    pca,
    probe,
)
from aeviz.analysis.anomaly_score import Scored
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.evaluate import Figures
from aeviz.data import corruption, datasets
from aeviz.models import checkpoint, optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from benchmarks import choices, machine, one_class
from benchmarks.bars import BARS, ONE_CLASS, SECONDS, SOURCES, TRIED, UNSOURCED, Bar

KEPT = machine.RESULTS / "quality.json"
THREADS, SEED = 2, 0
MARGIN = 0.95
"""Share of the time that is planned: a machine that slows down must not overrun it."""


# -- kept -------------------------------------------------------------------------------------


def pack(found: Figures) -> dict[str, list[float]]:
    """Figures as JSON has them: value and error."""
    return {name: [one.value, one.error] for name, one in found.items()}


def unpack(kept: dict[str, list[float]]) -> Figures:
    """The same back."""
    return {name: Estimate(*pair) for name, pair in kept.items()}


def keep(kept: dict[str, Any]) -> None:
    """Write what is known."""
    machine.RESULTS.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


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
    if name == ONE_CLASS:
        recipe = Recipe(one_class.VARIANT, one_class.SETTINGS, one_class.LR, one_class.BATCH)
        runs = [run(recipe, SECONDS / 10, digit) for digit in range(10)]
        figures = ten([model for model, _, _ in runs])[1]
        seconds, steps = (sum(values) for values in list(zip(*runs, strict=True))[1:])
    else:
        model, seconds, steps = run(LIVE[name], SECONDS)
        figures = evaluate.measure(measured(model, samples), tuple(evaluate.PARTS))
    today = time.strftime("%Y-%m-%d")
    return {
        "made": today,
        "seconds": round(seconds, 1),
        "steps": steps,
        "figures": evaluate.values(figures),
        "errors": evaluate.standard_errors(figures),
    }


def measured(model: Any, samples: int) -> evaluate.Measured:
    """A model on the test digits."""
    digits = datasets.load("mnist")
    return evaluate.Measured(
        model, digits, samples, SEED, anomaly_score.stranger(digits), classifier.features
    )


# -- pretrained ---------------------------------------------------------------------------------


def missing(
    kept: dict[str, Any], name: str, parts: Iterable[str], samples: int, fashion: bool
) -> list[str]:
    """The parts of a checkpoint that are not known, or not of its weights and these settings."""
    mine, digest = kept.get(name, {}), checkpoint.digest(name)
    return [
        part
        for part in parts
        if (part != "other" or fashion)
        and (mine.get(part, {}).get("digest"), mine.get(part, {}).get("version"))
        != (digest, version(part, samples))
    ]


def version(part: str, samples: int) -> str:
    """What a part depends on besides the weights."""
    draws = f", K = {samples}" if part == "nll" else ""
    return f"{evaluate.PARTS[part].version}{draws}, seed {SEED}"


def pretrained(kept: dict[str, Any], parts: Iterable[str], samples: int) -> None:
    """Measure what is missing of every checkpoint, and keep each part at once."""
    fashion = anomaly_score.stranger(datasets.load("mnist")) is not None
    known = kept["pretrained"]
    for name in checkpoint.pretrained():
        todo = missing(known, name, parts, samples, fashion)
        if not todo:
            continue
        it = measured(checkpoint.load(name), samples)
        for part in todo:
            start = time.process_time()
            found = evaluate.measure(it, (part,))
            known.setdefault(name, {})[part] = {
                "digest": checkpoint.digest(name),
                "version": version(part, samples),
                "figures": pack(found),
            }
            keep(kept)
            print(f"{name}, {part}: {time.process_time() - start:.0f} s of the CPU", flush=True)


def ten(scored: Sequence[Scored]) -> tuple[list[Figures], Figures]:
    """AUROC of what was fitted to each of the ten digits, by two scores, and their means."""
    digits = datasets.load("mnist")
    found = {name: one_class.of_ten(scored, kind, digits) for kind, name in evaluate.SCORES.items()}
    each = [{name: of[0][digit] for name, of in found.items()} for digit in range(len(scored))]
    return each, {name: of[1] for name, of in found.items()}


def ten_pretrained(kept: dict[str, Any]) -> None:
    """Measure the ten models of one digit, unless they are known."""
    names = [anomaly.pretrained(digit) for digit in range(10)]
    digest = [checkpoint.digest(name) for name in names]
    if kept.get(ONE_CLASS, {}).get("digest") != digest:
        each, mean = ten([checkpoint.load(checkpoint.FOLDER / name) for name in names])
        digits = dict(zip(names, map(pack, each), strict=True))
        kept[ONE_CLASS] = {"digest": digest, "figures": pack(mean), "digits": digits}
        keep(kept)


def write_cards(kept: dict[str, Any]) -> None:
    """Put the figures that a card has, with their errors, into the cards; weights stay as is."""
    known = {
        name: unpack(found) for name, found in kept.get(ONE_CLASS, {}).get("digits", {}).items()
    }
    for name, parts in kept["pretrained"].items():
        same = [
            p for p in evaluate.CARD if parts.get(p, {}).get("digest") == checkpoint.digest(name)
        ]
        if len(same) == len(evaluate.CARD):
            mine = [unpack(parts[part]["figures"]) for part in evaluate.CARD]
            known[name] = {key: one for found in mine for key, one in found.items()}
    for name, found in known.items():
        model = checkpoint.load(checkpoint.FOLDER / name)
        new = {"figures": evaluate.values(found), "errors": evaluate.standard_errors(found)}
        if new != {"figures": model.card.figures, "errors": model.card.errors}:
            card = model.card.model_copy(update=new)
            checkpoint.save(model, checkpoint.FOLDER / name, card=card)


README = Path(__file__).parents[1] / "README.md"


def write_readme() -> None:
    """Put the cards' figures into the README's table of pretrained models."""
    before, head, rest = README.read_text(encoding="utf-8").partition("| pretrained model |")
    titles, rule, *_ = (head + rest).splitlines()
    after = (head + rest).partition("\n\n")[2]
    table = "\n".join([titles, rule, *map(readme_line, checkpoint.pretrained().items())])
    README.write_text(f"{before}{table}\n\n{after}", encoding="utf-8")


def readme_line(item: tuple[str, checkpoint.Card]) -> str:
    """A model's line of that table, from its card; a figure of unknown error stands alone."""
    name, card = item

    def text(key: str, how: str) -> str:
        if key not in card.figures:
            return ""
        value, error = abs(card.figures[key]), card.errors.get(key)  # an ELBO is below 0
        return f"{value:{how}}" if error is None else Estimate(value, error).text(how)

    elbo = text("elbo", ".1f")
    cells = [
        f"`{name}`" + (", told the label" if MODELS[card.variant].uses_labels else ""),
        text("mse", ".5f"),
        text("pca_mse_clipped", ".5f") if card.code_dim < math.prod(card.shape) else "nothing lost",
        text("bce", ".4f"),
        text("psnr", ".2f"),
        text("neighbour_accuracy", ".4f"),
        *(("", elbo) if card.config.binarise else (elbo, "")),
    ]
    return f"| {' | '.join(cells)} |"


# -- references -------------------------------------------------------------------------------


def references(kept: dict[str, Any]) -> dict[str, str]:
    """PCA and other linear methods on the same images, by the name of the figure.

    Kept like the parts of a checkpoint.
    """
    digits, known, texts = datasets.load("mnist"), kept.setdefault("references", {}), {}
    for name, (part, measure) in REFERENCES.items():
        version = evaluate.PARTS[part].version
        if known.get(name, {}).get("version") != version:
            found = measure(digits)
            if not found:  # without Fashion-MNIST
                continue
            known[name] = {"version": version, "texts": found}
            keep(kept)
        texts |= known[name]["texts"]
    return texts


def _reconstructed(digits: datasets.Dataset) -> dict[str, str]:
    x, texts = digits.test_images, {}
    for width in (2, 32, 64):
        linear = pca.pca(digits, width)
        raw = estimate.mean(errors.mse(x, linear.decode(linear.encode(x))))
        clipped = errors.compare(x, linear.reconstruct(x)).estimates
        texts[f"mse {width}"] = f"PCA {raw.text('.5f')}, clipped {clipped['mse'].text('.5f')}"
        texts[f"bce {width}"] = f"PCA, clipped {clipped['bce'].text()}"
    texts["bce 32"] += f"; floor {estimate.mean(errors.bce(x, x)).text()}"
    return texts


def _near(digits: datasets.Dataset) -> dict[str, str]:
    x, texts = digits.test_images, {}
    for width in (2, 32):
        linear = pca.pca(digits, width)
        codes = linear.encode(digits.train_images), digits.train_labels
        near = neighbours.neighbour_accuracy(*codes, linear.encode(x), digits.test_labels)
        texts[f"neighbours {width}"] = f"PCA {evaluate.share(near, len(x)).text()}"
    return texts


def _probed(digits: datasets.Dataset) -> dict[str, str]:
    linear = pca.pca(digits, 64)
    codes = linear.encode(digits.train_images), digits.train_labels
    asked = linear.encode(digits.test_images)
    return {"probe": f"PCA-64 {probe.linear_probe(*codes, asked, digits.test_labels).text()}"}


def _cleaned(digits: datasets.Dataset) -> dict[str, str]:
    """The linear filter that is fitted to noisy training digits, over the seeds of the models."""
    x, seeds = digits.test_images, range(SEED, SEED + evaluate.DRAWS)
    known = corruption.noisy(digits.train_images, evaluate.SIGMA, SEED + evaluate.DRAWS)
    noisy = np.concatenate([corruption.noisy(x, evaluate.SIGMA, seed) for seed in seeds])
    cleaned = denoising.regressed(noisy, known, digits.train_images)  # fitted once
    texts = []
    for name, images in (("linear (LMMSE)", cleaned), ("noisy", noisy)):
        squares = np.stack([errors.mse(x, part) for part in np.split(images, len(seeds))])
        texts.append(f"{name} {estimate.psnr(estimate.of_draws(squares)).text('.2f')} dB")
    return {"denoised": "; ".join(texts)}


def _filled(digits: datasets.Dataset) -> dict[str, str]:
    x, noise = digits.test_images, 1e-4  # of .0001 to .1 the best on held-out digits
    visible = inpainting.hide_patches(len(x), seed=SEED)
    filled = inpainting.gaussian_conditional(x, visible, digits.train_images, noise)
    found = estimate.mean(inpainting.hidden_errors(x, filled, visible))
    return {"hidden": f"Gaussian conditional {found.text('.5f')} (one draw of patches)"}


def _one_class(digits: datasets.Dataset) -> dict[str, str]:
    """PCA by the same scores as the models, fitted to the same digits."""
    width = anomaly.PCA_WIDTH
    return {
        f"one class, {kind}": f"PCA-{width} {one_class.linear(kind)[1].text()}"
        for kind in evaluate.SCORES
    }


def _other(digits: datasets.Dataset) -> dict[str, str]:
    other, linear, texts = anomaly_score.stranger(digits), pca.pca(digits, 32), {}
    if other is not None:
        for kind in evaluate.SCORES:
            sets = (digits.test_images, other.test_images)
            scores = (anomaly_score.score(kind, linear, part) for part in sets)
            texts[f"other, {kind}"] = f"PCA-32 {anomaly_score.auroc(*scores).text('.5f')}"
    return texts


def _real(digits: datasets.Dataset) -> dict[str, str]:
    n = len(digits.test_images)
    real, other = (
        classifier.features(part) for part in (digits.test_images, digits.train_images[:n])
    )
    found = evaluate.frechet([other], real)
    return {"frechet": f"real against real {found.text('.2f')}"}


REFERENCES = {
    "reconstructed": ("errors", _reconstructed),
    "near": ("neighbours", _near),
    "probed": ("probe", _probed),
    "cleaned": ("denoised", _cleaned),
    "filled": ("hidden", _filled),
    "one class": ("other", _one_class),
    "other": ("other", _other),
    "real": ("frechet", _real),
}
"""The part of `evaluate.PARTS` that each is beside, and what measures it."""


# -- the table --------------------------------------------------------------------------------


def figures_of(kept: dict[str, Any], name: str) -> Figures:
    """All that is known of a pretrained model as it is, or of the ten of one digit each."""
    if name == ONE_CLASS:
        return unpack(kept.get(ONE_CLASS, {}).get("figures", {}))
    parts, digest = kept["pretrained"].get(name, {}).values(), checkpoint.digest(name)
    same = [unpack(part["figures"]) for part in parts if part["digest"] == digest]
    return {key: one for found in same for key, one in found.items()}


def competitor(bar: Bar) -> tuple[str, str]:
    """The pretrained model that competes in a row, and what it was chosen by."""
    if bar.choice is None:
        return bar.competitor, bar.why
    chosen = choices.best(*bar.choice, choices.kept())
    return (chosen, bar.why) if chosen else (bar.competitor, f"{bar.why}, which is not made yet")


HEAD = (
    "figure",
    "reference",
    "published",
    "live",
    "target",
    "pretrained",
    "target",
    "result",
)


def rows(kept: dict[str, Any], texts: dict[str, str]) -> list[list[str]]:
    """The table's lines, see `HEAD`."""
    lines = []
    for bar in BARS:
        how, results = f".{bar.digits}f", []
        name, _ = competitor(bar)
        best = bar.estimate(figures_of(kept, name))
        mine = kept["live"].get(bar.recipe, {})
        ours, lived = "-", lived_figure(bar.key, bar.sign, mine, best)
        if lived is not None:
            about = "" if bar.key in mine.get("errors", {}) else "about "
            apart = "" if math.isnan(lived.error) else f" ± {about}{lived.error:{how}}"
            ours = f"{lived.value:{how}}{apart} ({mine['steps']} steps, {mine['seconds']:.0f} s)"
            if bar.live is not None:
                results.append(f"live {bar.verdict(lived, bar.live, mine['seconds'])}")
        if best is not None and bar.target is not None:
            results.append(f"pretrained {bar.verdict(best, bar.target)}")
        lines.append(
            [
                bar.what,
                texts.get(bar.reference, "-"),
                bar.published,
                ours,
                bar.must(bar.live),
                f"{best.text(how)} (`{name}`)" if best else "-",
                bar.must(bar.target),
                ", ".join(results) or "-",
            ]
        )
    return lines


def lived_figure(
    key: str, sign: int, run: dict[str, Any], pretrained: Estimate | None
) -> Estimate | None:
    """The figure of a live run; of one whose errors were not kept, with the pretrained model's."""
    if key not in run.get("figures", {}):
        return None
    error = run.get("errors", {}).get(key)
    if error is None:
        error = pretrained.error if pretrained else float("nan")
    return Estimate(sign * run["figures"][key], error)


COLUMNS = {
    "mse": ("MSE", ".5f"),
    "bce": ("BCE, nats a pixel", ".4f"),
    "neighbour_accuracy": ("5-NN", ".4f"),
    "probe_accuracy": ("probe", ".4f"),
    "grey_elbo": ("ELBO of grey pixels, nats", ".1f"),
    "elbo": ("ELBO of binarised pixels, nats", ".1f"),
    "grey_nll": ("IW bound of grey pixels, nats", ".1f"),
    "nll": ("IW NLL of binarised pixels, nats", ".1f"),
    "denoised_psnr": ("denoised, dB", ".2f"),
    "hidden_mse": ("hidden MSE", ".4f"),
    "other_mse_auroc": ("Fashion AUROC, squared error", ".4f"),
    "other_auroc": ("Fashion AUROC, blurred error", ".4f"),
    "prior_frechet": ("Frechet, prior", ".1f"),
    "mixture_frechet": ("Frechet, mixture", ".1f"),
}
USUAL = {*COLUMNS, "psnr", "pca_mse_clipped"}


def by_pixels(card: checkpoint.Card, found: Figures) -> Figures:
    """Likelihoods of grey pixels under a name of their own."""
    if card.config.binarise:
        return found
    return {f"grey_{k}" if k in ("elbo", "nll") else k: v for k, v in found.items()}


def every_checkpoint(kept: dict[str, Any]) -> str:
    """A line for each checkpoint: its figures, those that its variant reports; its command."""
    head = ["checkpoint", *(title for title, _ in COLUMNS.values()), "also"]
    lines, commands = [], []
    for name, card in checkpoint.pretrained().items():
        found = by_pixels(card, figures_of(kept, name))
        cells = [found[k].text(how) if k in found else "" for k, (_, how) in COLUMNS.items()]
        kl = [one.value for key, one in found.items() if key.startswith("kl_of_z")]
        also = [f"{sum(value > 0.01 for value in kl)} of {len(kl)} dimensions active"] if kl else []
        also += [
            f"{key.replace('_', ' ')} {one.text('.4g')}"
            for key, one in found.items()
            if key not in USUAL and not key.startswith("kl_of_z")
        ]
        told = ", told the label" if MODELS[card.variant].uses_labels else ""
        lines.append([f"`{name}`{told}", *cells, ", ".join(also)])
        where = "" if card.device == "cpu" else f", on a GPU ({card.device})"
        commands.append(f"- `{name}`: `{card.command}`, seed {card.seed}{where}")
    return "\n\n".join(["## Every checkpoint", machine.table(head, lines), "\n".join(commands)])


NOTES = [
    "± is one standard error over the test digits; that of an AUROC is by DeLong et al. 1988, that "
    f"of a Frechet distance the spread of {evaluate.FRECHET_DRAWS} bootstraps. Where a figure is "
    'nearer to its target than that, the result is "within the error": other test digits could '
    "have said both.",
    "Reconstructions are clipped to [0, 1]. No model was trained on test digits, and which model "
    "competes in a row was decided without them, as said below. Targets are the project's own.",
    "No model of the first table is told labels. In the last one, conditional models are: 3.3 bits "
    "more than the others and PCA know.",
    "Live: {seconds} s at most, on {threads} threads of the CPU, the schedule set beforehand from "
    '50 timed steps, measured once on a quiet machine ({made}). Errors marked "about" are those '
    "of the pretrained column: these runs were measured before errors were kept, by one draw of "
    "noise or patches, and the sparse one before the columns of its decoder had length 1.",
    "Noise, hidden patches and the codes of an ELBO are drawn {draws} times, images from a prior "
    "or a mixture {sets} times, 10,000 each, and averaged.",
    "IW NLL: importance-weighted bound (Burda et al. 2015) with {samples} draws for each of "
    "{some:,} test digits, evenly spread. Pixels of models trained with `binarise` are made black "
    "or white once, with seed {seed}. Grey pixels have columns of their own: the bound of a "
    "Bernoulli likelihood on them is of no density [3].",
    "Linear probe: {probe}.",
    "Hidden pixels: 37 of 49 patches of every digit; models whose encoder cannot be told what is "
    "hidden see black there.",
    "Blurred error for the ink: the mean square of the difference between a digit and its "
    "reconstruction, blurred by one pixel, divided by the digit's mean brightness; a denoising "
    "model reconstructs 24 corrupted versions, and the mean of these counts. It was made for "
    "strokes; the squared error is the textbook's. Models and PCA are compared by the same score. "
    "The ten models of one digit did not see the last 10,000 training digits, by which their "
    "thresholds are set.",
    "Linear (LMMSE): the linear filter with the least squared error on noisy training digits. The "
    "Wiener filter of the page Denoise knows the noise but no digits, and is worse.",
    "Frechet: squared distance in 64 features of `aeviz/analysis/classifier.safetensors`, 10,000 "
    "images against the test digits; real against real: the first 10,000 training digits.",
    "What a variant reports itself is a mean over ten parts of 1,000 digits: a count of dead units "
    "of fewer digits than on the page Loss, which asks all at once. A perplexity is of all digits.",
]


def missed(lines: list[list[str]]) -> str:
    """The rows of the table that miss a target, each with what was tried."""
    told = [
        f"- {what}: {result}. {TRIED.get(what, 'Nothing else was tried.')}"
        for what, *_, result in lines
        if "missed" in result
    ]
    return "\n".join(["## Missed, and what was tried", "", *told]) if told else ""


def chosen() -> str:
    """How the models of the first table were chosen."""
    why = [f"- {bar.what}: `{name}` ({by})" for bar in BARS for name, by in [competitor(bar)]]
    text = (
        "By what a model was made for, or by digits that no test saw: recipes of pretrained models "
        "were trained anew on the first 50,000 training digits, equally long, and measured on the "
        "last 10,000 (`python -m benchmarks.choices`). Behind: the mean difference to the best on "
        "the same digits, with its own error. Four recipes were once chosen among two to four "
        "after a look at test figures: `denoising-2d-masking`, which is in the first choice, and "
        "those of the last three, which compete in no row. Here all are chosen anew."
    )
    return "\n\n".join(
        ["## How the competitors were chosen", text, choices.table(), "\n".join(why)]
    )


def published() -> str:
    """What exactly was published."""
    numbered = [f"{k}. {source}" for k, source in enumerate(SOURCES, 1)]
    return "\n\n".join(["## Published", "\n".join(numbered), UNSOURCED])


def report(kept: dict[str, Any], samples: int, fashion: bool) -> str:
    """The whole page as markdown."""
    made = sorted({run.get("made", "2026-11-26") for run in kept["live"].values()})
    notes = [
        note.format(
            seconds=SECONDS,
            threads=THREADS,
            samples=samples,
            seed=SEED,
            draws=evaluate.DRAWS,
            sets=evaluate.SETS,
            some=evaluate.LIKELIHOOD_ON,
            probe=evaluate.EXPLAINED["probe_accuracy"],
            made=", ".join(made),
        )
        for note in NOTES
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
    lines = rows(kept, references(kept))
    parts = [
        "# quality",
        f"`python -m benchmarks.quality`, {time.strftime('%Y-%m-%d')}, seed {SEED}",
        machine.line(),
        machine.table(HEAD, lines),
        "\n".join(f"- {note}" for note in notes),
        published(),
        chosen(),
        missed(lines),
        every_checkpoint(kept),
        "## Live recipes",
        "\n".join(recipes),
    ]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Measure what is missing, print the tables and write results/quality.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--live", action="store_true", help="train the live recipes anew")
    parser.add_argument("--only", choices=[*LIVE, ONE_CLASS], help="of the live recipes")
    parser.add_argument("--again", action="store_true", help="measure unchanged checkpoints too")
    parser.add_argument("--samples", type=int, default=500, help="K of the likelihood")
    parser.add_argument("--threads", type=int, default=THREADS, help="of the CPU")
    parser.add_argument(
        "--parts", nargs="+", choices=evaluate.PARTS, help="measure these alone, write nothing"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    kept = {"pretrained": {}, "live": {}} | kept
    if args.live or args.only:
        for name in [args.only] if args.only else [*LIVE, ONE_CLASS]:
            kept["live"][name] = live(name, args.samples)
            print(name, kept["live"][name], flush=True)
            keep(kept)
    if args.again:
        kept["pretrained"] = {}
    pretrained(kept, args.parts or evaluate.PARTS, args.samples)
    if args.parts:
        return
    ten_pretrained(kept)
    write_cards(kept)
    write_readme()
    fashion = anomaly_score.stranger(datasets.load("mnist")) is not None
    text = report(kept, args.samples, fashion) + "\n"
    print(text)
    (machine.RESULTS / "quality.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
