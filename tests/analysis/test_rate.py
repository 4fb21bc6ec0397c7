"""Entropy codes and one step for all dimensions, against entropies and rates worked out by hand."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from aeviz.analysis import baselines, rate
from aeviz.analysis.codec import Codec, PixelsCodec, of_model, of_pca
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.base import Autoencoder

MNIST = datasets.load()
INSIDE = MNIST.train_images[:-10_000]
PRETRAINED = checkpoint.pretrained()
CHANCES = np.array([[0.5, 0.25, 0.125, 0.125], [0.9, 0.06, 0.03, 0.01]])
RNG = np.random.default_rng(0)


def drawn(n: int) -> np.ndarray:
    """Symbols (n, 2) of two sources, the second one from -2 on."""
    return np.stack([RNG.choice(4, n, p=p) - 2 * k for k, p in enumerate(CHANCES)], 1)


# -- the entropy code ---------------------------------------------------------------------------


def test_symbols_of_a_known_source_cost_its_entropy() -> None:
    code = rate.fit(drawn(100_000))
    bits = rate.ideal_bits(code, drawn(100_000))
    assert bits.mean() == pytest.approx(entropy(CHANCES.T, base=2).sum(), rel=0.01)
    assert rate.ideal_bits(code, np.array([[0, -2], [3, 1]])) == pytest.approx(
        -np.log2(CHANCES[:, [0, 3]]).sum(0), rel=0.02
    )


@pytest.mark.parametrize("alphabet", [0, 8])
def test_what_was_never_seen_costs_finite_bits_of_chances_that_sum_to_one(alphabet: int) -> None:
    (place,) = rate.fit(np.array([[0], [0], [0], [5], [2]]), alphabet)
    every = np.arange(8) if alphabet else np.arange(-1_000_000, 1_000_000)
    chances = place.chance(every)
    assert chances.min() > 0
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    unseen = 1 / 8 if alphabet else 1 / (2 * 8 * 9)
    assert place.chance(np.array([7])) == pytest.approx(3 / 8 * unseen)  # three kinds among five
    assert place.chance(np.array([5])) > 3 * place.chance(np.array([6]))
    assert np.isfinite(rate.ideal_bits([place], np.array([[7]]))).all()


def test_an_arithmetic_coder_needs_no_more_than_two_bits_above_the_ideal() -> None:
    code, symbols = rate.fit(drawn(2_000)), drawn(100)
    tables = []
    for place, known in zip(code, (range(-1, 5), range(-3, 3)), strict=True):
        chances = [Fraction(float(place.chance(np.array([k]))[0])) for k in known]
        total = sum(chances)  # a little less than 1: the rest are never sent here
        tables.append([(k, chance / total) for k, chance in zip(known, chances, strict=True)])
    start, width = Fraction(0), Fraction(1)
    for row in symbols:
        for symbol, table in zip(row, tables, strict=True):
            start += width * sum((p for k, p in table if k < symbol), Fraction(0))
            width *= dict(table)[int(symbol)]
    length = math.ceil(-(math.log2(width.numerator) - math.log2(width.denominator))) + 1
    message = math.ceil(start * 2**length)  # a number of so many bits that lies in the interval
    assert start <= Fraction(message, 2**length) < start + width
    assert length <= rate.ideal_bits(code, symbols).sum() + 2
    place, read = Fraction(message, 2**length), []
    start, width = Fraction(0), Fraction(1)
    for _ in symbols:
        for table in tables:
            for k, p in table:
                if place < start + width * p:
                    read.append(k)
                    width *= p
                    break
                start += width * p
    assert np.array_equal(np.reshape(read, symbols.shape), symbols)


def test_zeros_of_a_sparse_code_cost_little_by_themselves() -> None:
    def sparse(n: int) -> np.ndarray:
        return np.where(RNG.random((n, 64)) < 0.05, RNG.integers(1, 9, (n, 64)), 0)

    bits = rate.ideal_bits(rate.fit(sparse(20_000)), sparse(2_000)).mean()
    by_hand = 64 * (entropy([0.05, 0.95], base=2) + 0.05 * math.log2(8))
    assert bits == pytest.approx(by_hand, rel=0.01)  # 28 bits, where three for each are 192


# -- one step -----------------------------------------------------------------------------------


def test_codes_are_rounded_to_multiples_of_one_step_from_the_middle() -> None:
    way = rate.Rounding(np.array([0.0, 1.0]), 0.5)
    codes = np.array([[0.2, 1.0], [0.3, 1.3], [-7.6, 0.1]])
    assert np.array_equal(way.symbols(codes), [[0, 0], [1, 1], [-15, -2]])
    assert np.allclose(way.codes(way.symbols(codes)), [[0, 1], [0.5, 1.5], [-7.5, 0]])


class Still(PixelsCodec):
    """Pixels as they are, not clipped: the code of a source that is known."""

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        return codes.reshape(-1, *self.shape)


def water_filling(variances: np.ndarray, distortion: float) -> float:
    """Bits of Gaussian components at a sum of squared errors: Cover & Thomas 2006, 10.3.3."""
    low, high = 0.0, float(variances.max())
    for _ in range(100):
        level = (low + high) / 2
        low, high = (
            (low, level) if np.minimum(level, variances).sum() > distortion else (level, high)
        )
    return float(np.maximum(np.log2(variances / high) / 2, 0).sum())


def test_a_gaussian_source_is_a_quarter_of_a_bit_above_reverse_water_filling() -> None:
    spreads = np.array([8.0, 3.0, 1.0, 0.02])
    codec = Still((1, 4))

    def images(n: int) -> np.ndarray:
        return (RNG.normal(size=(n, 1, 4)) * spreads).astype(np.float32)

    train = codec.encode(images(200_000))
    held_out, test = (rate.look(codec, images(n)) for n in (5_000, 200_000))
    points, chosen = rate.rate_distortion(codec, train, held_out, test, 10)
    assert points[chosen].step == min(p.step or 0 for p in points)  # unrounded it has no error
    quarter, compared = math.log2(2 * math.pi * math.e / 12) / 2, 0
    for point in points:
        if point.step and 0.15 < point.step < 1.5:  # below all spreads but the last, which is free
            bits, theory = 8 * point.size.value, water_filling(spreads**2, 4 * point.mse.value)
            # The middle of a cell is not its centroid: log2(1 + step^2 / (12 spread^2)) / 2 more.
            coarse = np.log2(1 + (point.step / spreads[:3]) ** 2 / 12).mean() / 2
            assert (bits - theory) / 3 == pytest.approx(quarter + coarse, abs=0.006)
            compared += 1
    assert compared >= 6
    assert quarter == pytest.approx(0.254, abs=1e-3)


def looked(codec: Codec, n: int = 400) -> tuple[np.ndarray, rate.Coded, rate.Coded]:
    """Training codes, and what a codec makes of some held-out and test images."""
    held_out, test = MNIST.train_images[-n:], MNIST.test_images[:n]
    return codec.encode(INSIDE[:2_000]), rate.look(codec, held_out), rate.look(codec, test)


def test_pca_needs_much_less_than_with_as_many_bits_for_each_component() -> None:
    codec = of_pca(MNIST, 64)
    train, held_out, test = looked(codec)
    points, _ = rate.rate_distortion(codec, train, held_out, test, 10)
    low, high = train.min(0), train.max(0)
    for bits in (3, 4, 5):
        steps = (high - low) / 2**bits
        index = np.floor((test.codes - low) / steps).clip(0, 2**bits - 1)
        even = codec.decode((low + (index + 0.5) * steps).astype(np.float32))
        mse = float(np.square(even - MNIST.test_images[:400] / 255).mean())
        price = baselines.price_for(mse, points)
        assert price is not None
        assert price.size.value < 0.8 * 64 * bits / 8


def test_the_step_is_the_largest_within_five_percent_on_held_out_images_not_on_test_images() -> (
    None
):
    codec = of_pca(MNIST, 4)
    train, held_out, test = looked(codec)
    points, chosen = rate.rate_distortion(codec, train, held_out, test, 10)
    noise = RNG.integers(0, 256, test.images.shape).astype(np.uint8)
    noisy, again = rate.rate_distortion(codec, train, held_out, rate.look(codec, noise), 10)
    assert again == chosen
    assert noisy[chosen].mse.value > 2 * points[chosen].mse.value
    assert [p.size.value for p in points] == sorted(p.size.value for p in points)
    middle, flat = np.median(train, 0), held_out.images.reshape(400, -1) / 255

    def error(codes: np.ndarray) -> float:
        back = codes @ codec.linear.components + codec.linear.mean
        return float(np.square(back.clip(0, 1) - flat).mean())

    exact = codec.encode(held_out.images)
    step = points[chosen].step or 0

    def rounded(step: float) -> np.ndarray:
        return middle + step * np.rint((exact - middle) / step)

    assert error(rounded(step)) <= 1.05 * error(exact) < error(rounded(step * rate.RATIO))


def test_a_point_has_the_means_over_test_images_and_their_errors() -> None:
    codec = of_pca(MNIST, 4)
    train, held_out, test = looked(codec)
    points, chosen = rate.rate_distortion(codec, train, held_out, test, 10)
    point, middle = points[chosen], np.median(train, 0)
    step = point.step or 0
    symbols = np.rint((test.codes - middle) / step).astype(int)
    counted = np.rint((train - middle) / step).astype(int)
    sizes = np.zeros(400)
    for column, known in zip(symbols.T, counted.T, strict=True):
        kinds = len(set(known.tolist()))
        for i, k in enumerate(column):
            unseen = 0.5 if k == 0 else 1 / (2 * (abs(k) + 1) * (abs(k) + 2))
            sizes[i] -= math.log2(((known == k).sum() + kinds * unseen) / (2_000 + kinds)) / 8
    assert point.size.value == pytest.approx(sizes.mean(), rel=1e-4)
    assert point.size.error == pytest.approx(sizes.std(ddof=1) / 20, rel=1e-3)
    back = np.clip((middle + step * symbols) @ codec.linear.components + codec.linear.mean, 0, 1)
    mses = np.square(back - test.images.reshape(400, -1) / 255).mean(1)
    assert point.mse.value == pytest.approx(mses.mean(), rel=1e-4)
    assert point.mse.error == pytest.approx(mses.std(ddof=1) / 20, rel=1e-3)


# -- labels and symbols -------------------------------------------------------------------------


def pretrained(**wanted: object) -> Autoencoder:
    """The first pretrained model whose variant says so."""
    from aeviz.models.zoo import MODELS

    for name, card in PRETRAINED.items():
        if all(getattr(MODELS[card.variant], key) == value for key, value in wanted.items()):
            return checkpoint.load(name)
    raise LookupError(wanted)


def test_labels_that_a_model_is_told_are_paid() -> None:
    codec = of_model(pretrained(uses_labels=True))
    train, held_out, test = looked(codec, 50)
    assert test.labels is not None
    assert (test.labels == MNIST.test_labels[:50]).mean() > 0.5  # found, not given
    paid, _ = rate.rate_distortion(codec, train, held_out, test, 10)
    free, _ = rate.rate_distortion(codec, train, held_out, test, 1)
    differences = [a.size.value - b.size.value for a, b in zip(paid, free, strict=True)]
    assert differences == pytest.approx([math.log2(10) / 8] * len(paid))


def quantised() -> Any:
    """The first pretrained model with a codebook."""
    return checkpoint.load(next(n for n, card in PRETRAINED.items() if card.config.codebook_size))


def test_codebook_entries_are_paid_under_the_prior_that_was_learned() -> None:
    model = quantised()
    codec = of_model(model)
    train, held_out, test = looked(codec, 60)
    (point,), chosen = rate.rate_distortion(codec, train, held_out, test, 10)
    assert (point.step, chosen) == (None, 0)
    with torch.no_grad():
        entries = model.entries(torch.from_numpy(test.codes))
        assert entries is not None
        nats = np.zeros(60)
        for place in range(entries.shape[1]):  # one after the other, as they are drawn
            logits = model.prior(entries[:, :place])[:, -1].double().numpy()
            chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            nats -= np.log(chances[np.arange(60), entries[:, place]])
    assert point.size.value == pytest.approx(nats.mean() / math.log(2) / 8, rel=1e-4)
    assert point.size.value < 49 * 6 / 8 / 2  # log2 of 64 entries at 49 places


def test_without_a_useful_prior_entries_are_paid_by_their_frequencies_at_each_place() -> None:
    model = quantised()
    for weight in model.prior.buffers():
        weight.normal_(generator=torch.Generator().manual_seed(0))
    codec = of_model(model)
    train, held_out, test = looked(codec, 60)
    (point,), _ = rate.rate_distortion(codec, train, held_out, test, 10)
    known, symbols = codec.symbols(train), codec.symbols(test.codes)
    assert known is not None
    assert symbols is not None
    bits = 0.0
    for column, seen in zip(symbols.T, known.T, strict=True):
        counts = np.bincount(seen, minlength=64)
        kinds = np.count_nonzero(counts)
        bits -= np.log2((counts[column] + kinds / 64) / (2_000 + kinds)).mean()
    assert point.size.value == pytest.approx(bits / 8, rel=1e-6)
    assert point.decoder == codec.decoder_bytes() + sum(2 * len(set(c)) + 4 for c in known.T)


# -- what the receiver needs --------------------------------------------------------------------


def stored(name: str, *starts: str) -> int:
    """Bytes of tensors in a checkpoint's file whose names begin so."""
    content = (checkpoint.FOLDER / f"{name}.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    del header["__metadata__"]
    return sum(
        end - start
        for key, entry in header.items()
        for start, end in [entry["data_offsets"]]
        if key.removeprefix(checkpoint.SCALE).startswith(starts)
    )


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("linear-2d", ["decoder"]),
        ("vanilla-32d", ["decoder"]),
        ("convolutional-32d", ["decoder"]),
        ("recurrent-32d", ["to_state", "clock", "writer", "to_row"]),
    ],
)
def test_the_receiver_needs_the_weights_of_the_decoder_as_they_are_stored(
    name: str, parts: list[str]
) -> None:
    model = checkpoint.load(name)
    codec = of_model(model)
    assert codec.decoder_bytes() == codec.decoder_bytes(prior=True) == stored(name, *parts)
    assert of_model(model).key == codec.key  # as it was


def test_the_receiver_of_entries_needs_the_codebook_and_for_the_prior_its_weights() -> None:
    name = next(n for n, card in PRETRAINED.items() if card.config.codebook_size)
    codec = of_model(checkpoint.load(name))
    assert codec.decoder_bytes() == stored(name, "decoder", "codebook")
    assert codec.decoder_bytes(prior=True) == stored(name, "decoder", "codebook", "prior")


def test_the_receiver_of_pca_needs_its_components_in_eight_bits_which_do_it_no_harm() -> None:
    assert of_pca(MNIST, 2).decoder_bytes() == 784 * 2 + 2 * 784 * 2
    codec = of_pca(MNIST, 64)
    assert codec.decoder_bytes() == 784 * 2 + 64 * 784 + 64 * 2
    components, images = codec.linear.components, MNIST.test_images[:500]
    scale = np.abs(components).max(1, keepdims=True) / 127
    rounded = scale * np.rint(components / scale)
    codes, flat = codec.encode(images), images.reshape(500, -1) / 255
    errors = [
        np.square(np.clip(codes @ axes + codec.linear.mean, 0, 1) - flat).mean()
        for axes in (components, rounded)
    ]
    assert errors[1] < 1.002 * errors[0]
