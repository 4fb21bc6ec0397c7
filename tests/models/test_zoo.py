"""What every variant must do, unasked, and how they are found; formulas are in tests/models/.

CONTRIBUTING.md's example goes through this too (tests/test_contributing.py): it asks a class what
it can do and knows no variant by name.
"""

from __future__ import annotations

import importlib
import json
import re
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aeviz.data import datasets
from aeviz.models import checkpoint, objective, optim, variants, zoo
from aeviz.models.base import Autoencoder
from aeviz.models.settings import RECONSTRUCTION_UNITS as UNITS
from aeviz.models.settings import BaseConfig, Knob, knobs
from aeviz.models.zoo import MODELS
from aeviz.training import loop


@pytest.fixture(scope="module")
def digits() -> Tensor:
    """64 test digits, (64, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(datasets.load().test_images[:64] / np.float32(255))[:, None]


@pytest.fixture(params=MODELS)
def model_class(request: pytest.FixtureRequest) -> type[Autoencoder]:
    return MODELS[request.param]


@pytest.fixture
def model(model_class: type[Autoencoder]) -> Autoencoder:
    return optim.build(model_class, model_class.Config(), 0)


def labels_for(model: Autoencoder, n: int) -> dict[str, Tensor]:
    """Labels where the variant wants them."""
    return {"labels": torch.arange(n) % 10} if model.uses_labels else {}


def loss_of(model: Autoencoder, x: Tensor, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return model.loss(x, **labels_for(model, len(x)))


def encode(model: Autoencoder, x: Tensor) -> Tensor:
    return model.encode(x, **labels_for(model, len(x)))


def decode(model: Autoencoder, z: Tensor) -> Tensor:
    return model.decode(z, **labels_for(model, len(z)))


# -- every variant ----------------------------------------------------------------------------


def test_it_tells_a_student_what_it_is(model_class: type[Autoencoder]) -> None:
    for words in (model_class.idea, model_class.when, model_class.fails, model_class.no_prior):
        assert re.fullmatch(r"[A-Z].{20,}\.", words), words
        assert len(words) < 160
    for name in (model_class.title, model_class.source, model_class.formula):
        assert name == name.strip() != ""
    assert 1980 <= model_class.year <= 2030
    assert str(model_class.year) in model_class.source
    assert model_class.formula.count("{") == model_class.formula.count("}")
    assert [other.title for other in MODELS.values()].count(model_class.title) == 1


def test_its_knobs_say_what_they_are(model_class: type[Autoencoder]) -> None:
    for name, (setting, default) in knobs(model_class.Config).items():
        assert setting.label == setting.label.strip() != "", name
        assert re.fullmatch(r"[A-Z].{10,}\.", setting.help), name
        assert setting.check(name, default, type(default)) == default
        if type(default) in (int, float):
            assert -1e6 < setting.low < setting.high < 1e6, f"{name}: a slider has two ends"


def test_its_presets_are_settings_of_its_own(
    model_class: type[Autoencoder], digits: Tensor
) -> None:
    assert len(model_class.presets) >= 1
    assert len(set(model_class.presets.values())) == len(model_class.presets)
    for name, config in model_class.presets.items():
        assert name.strip()
        assert type(config) is model_class.Config
        model = model_class(config)
        assert model.config is config
        assert encode(model, digits[:2]).shape == (2, model.code_dim)


def test_a_config_goes_through_json(model_class: type[Autoencoder]) -> None:
    for config in [model_class.Config(), *model_class.presets.values()]:
        again = model_class.Config.from_dict(json.loads(json.dumps(config.to_dict())))
        assert again == config


def test_a_config_out_of_range_names_its_knob(model_class: type[Autoencoder]) -> None:
    for name, (setting, default) in knobs(model_class.Config).items():
        bad: list[Any] = [None, "selu"]
        if type(default) in (int, float):
            bad += [setting.low - 1, setting.high + 1, float("nan")]
        for value in bad:
            with pytest.raises(ValueError, match=f"^{name} must be"):
                model_class.Config.from_dict({name: value})


def another(setting: Knob, value: Any) -> Any:
    """A value that a knob may have besides this one."""
    if setting.choices:
        return next(choice for choice in setting.choices if choice != value)
    if isinstance(value, bool):
        return not value
    return type(value)(setting.high if value < (setting.low + setting.high) / 2 else setting.low)


def all_that_it_does(
    model_class: type[Autoencoder], config: BaseConfig, x: Tensor
) -> dict[str, Tensor | str]:
    """The loss of a step, its gradients, and all weights after the model is finished."""
    model = optim.build(model_class, config, 0)
    loss = loss_of(model, x)
    loss.total.backward()
    found: dict[str, Tensor | str] = {"unit": model.unit, **loss.terms}
    found |= {f"slope of {n}": p.grad for n, p in model.named_parameters() if p.grad is not None}
    with torch.no_grad():
        model.eval().finish(encode(model, x))
    return found | model.state_dict()


def same(a: dict[str, Tensor | str], b: dict[str, Tensor | str]) -> bool:
    return a.keys() == b.keys() and all(
        torch.equal(one, other)
        if isinstance(one, Tensor) and isinstance(other, Tensor)
        else one == other
        for one, other in zip(a.values(), b.values(), strict=True)
    )


def test_a_setting_is_hidden_where_it_changes_nothing_and_nowhere_else(
    model_class: type[Autoencoder], digits: Tensor
) -> None:
    for config in {model_class.Config(), *model_class.presets.values()}:
        values = config.to_dict()
        small = {"width": 16, "hidden": 16, "latent_dim": min(config.latent_dim, 60)}
        values |= {name: value for name, value in small.items() if name in values}
        now = all_that_it_does(model_class, model_class.Config.from_dict(values), digits[:16])
        for name, (setting, _) in knobs(model_class.Config).items():
            changed = model_class.Config.from_dict(values | {name: another(setting, values[name])})
            idle = same(all_that_it_does(model_class, changed, digits[:16]), now)
            assert idle != setting.counts(values), f"{config}: {name}"


@pytest.mark.parametrize("batch", [1, 5])
def test_shapes_and_ranges(model: Autoencoder, digits: Tensor, batch: int) -> None:
    z = encode(model, digits[:batch])
    assert z.shape == (batch, model.code_dim)
    assert z.dtype == torch.float32
    far = torch.cat([z, 100 * torch.randn(batch, model.code_dim)])
    x_hat = decode(model, far)
    assert x_hat.shape == (2 * batch, 1, 28, 28)
    assert x_hat.min() >= 0
    assert x_hat.max() <= 1


def test_code_dim_follows_the_latent_dimension(
    model_class: type[Autoencoder], digits: Tensor
) -> None:
    for latent_dim in (1, 7):
        model = model_class(model_class.Config(latent_dim=latent_dim))
        assert encode(model, digits[:2]).shape == (2, model.code_dim)
        assert model.code_dim % latent_dim == 0


def test_the_loss_is_finite_and_made_of_named_terms(model: Autoencoder, digits: Tensor) -> None:
    loss = loss_of(model, digits)
    assert "reconstruction" in loss.terms
    for name, term in loss.terms.items():
        assert term.shape == (), name
        assert term.requires_grad, name
    for name, metric in loss.metrics.items():
        assert metric.ndim <= 1, name
        assert torch.isfinite(metric).all(), name
    assert not set(loss.terms) & set(loss.metrics)
    assert torch.isfinite(loss.total)
    assert loss.total.item() == pytest.approx(sum(t.item() for t in loss.terms.values()), rel=1e-5)
    assert model.unit.strip()


def test_every_reconstruction_loss_works(model_class: type[Autoencoder], digits: Tensor) -> None:
    if "reconstruction" not in knobs(model_class.Config):
        pytest.skip("its theory allows one reconstruction loss")
    units, setting = set(), knobs(model_class.Config)["reconstruction"][0]
    others = {name: tuple(those)[-1] for name, those in setting.when.items()}  # so that it counts
    for kind in setting.choices or ():
        config = model_class.Config.from_dict({"reconstruction": kind, **others})
        model = optim.build(model_class, config, 0)
        assert torch.isfinite(loss_of(model, digits).total)
        units.add(model.unit)
    assert units == ({"nats per image"} if model_class.has_posterior else set(UNITS.values()))


def test_a_gradient_reaches_every_parameter(model: Autoencoder, digits: Tensor) -> None:
    loss_of(model, digits).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_the_loss_falls_on_a_small_batch(model: Autoencoder, digits: Tensor) -> None:
    few = (255 * digits[:32, 0]).round().to(torch.uint8).numpy()
    labels = np.arange(32) % 10
    before = objective.validate(model, few, labels).total
    for _ in loop.fit(model, few, steps=60, batch=32, lr=3e-3, seed=0, labels=labels):
        pass
    assert objective.validate(model, few, labels).total < 0.6 * before


def test_the_seed_decides_the_weights(model_class: type[Autoencoder]) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first, again, other = (optim.build(model_class, model_class.Config(), s) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


def test_codes_and_images_are_the_same_each_time(model: Autoencoder, digits: Tensor) -> None:
    model.eval()
    with torch.no_grad():
        z = encode(model, digits)
        assert torch.equal(encode(model, digits), z)
        assert torch.equal(decode(model, z), decode(model, z))
        # and one image's code does not depend on its neighbours in the batch
        assert torch.allclose(encode(model, digits)[:3], encode(model, digits[:3]), atol=1e-5)


def test_a_checkpoint_gives_bit_equal_outputs(
    model: Autoencoder, digits: Tensor, tmp_path: Path
) -> None:
    checkpoint.round_weights(model)
    card = checkpoint.Card(
        variant=model.variant,
        config=model.config,
        trained_on=0,
        seed=0,
        steps=0,
        batch=1,
        lr=1e-3,
    )
    again = checkpoint.load(checkpoint.save(model, tmp_path / "it", card=card))
    assert type(again) is type(model)
    assert again.config == model.config
    assert not again.training
    model.eval()
    with torch.no_grad():
        z = encode(model, digits)
        assert torch.equal(encode(again, digits), z)
        assert torch.equal(decode(again, z), decode(model, z))


def test_the_prior_or_why_there_is_none(model: Autoencoder, digits: Tensor) -> None:
    with torch.no_grad():
        model.finish(encode(model, digits))

    def draw(n: int, temperature: float = 1.0, seed: int = 0) -> Tensor:
        codes = model.sample_prior(
            n, temperature=temperature, generator=torch.Generator().manual_seed(seed)
        )
        assert codes is not None
        return codes

    # Either a prior, or a reason of its own for having none.
    without = model.sample_prior(3) is None
    assert without == (model.no_prior != Autoencoder.no_prior)
    if without:
        return
    few = draw(50)  # some draw number by number, which takes a while
    assert torch.equal(draw(50), few)
    assert not torch.equal(draw(50, seed=1), few)
    codes = draw(500)
    assert codes.shape == (500, model.code_dim)
    assert draw(500, temperature=0.5).std(0).mean() < codes.std(0).mean()  # each around its mean
    state = torch.get_rng_state()
    draw(10)
    assert torch.equal(torch.get_rng_state(), state)  # the generator was used, nothing else
    assert decode(model, codes[:10]).shape == (10, 1, 28, 28)


def test_it_can_be_read_in_one_file(model_class: type[Autoencoder]) -> None:
    assert model_class.__mro__[1] is Autoencoder  # inheritance is one deep


# -- discovery --------------------------------------------------------------------------------

VARIANT = """
from aeviz.models.base import Autoencoder, Loss

class {name}(Autoencoder):
    order = {order}
    def encode(self, x): ...
    def decode(self, z): ...
    def loss(self, x): ...
"""

_numbers = count()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An empty package; what is written into its folder can be discovered."""
    name = f"zoo{next(_numbers)}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


def drop(shelf: ModuleType, name: str, text: str) -> None:
    Path(shelf.__path__[0], f"{name}.py").write_text(text, encoding="utf-8")
    importlib.invalidate_caches()


def test_all_files_are_found_from_simple_to_involved() -> None:
    folder = Path(variants.__path__[0])
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert set(MODELS) == files
    assert {"vanilla", "denoising", "convolutional", "variational"} <= files
    orders = [model_class.order for model_class in MODELS.values()]
    assert orders == sorted(orders)
    for name, model_class in MODELS.items():
        assert model_class().variant == name


def test_a_file_dropped_in_is_found(shelf: ModuleType) -> None:
    drop(shelf, "last", VARIANT.format(name="Last", order=99))
    drop(shelf, "first", VARIANT.format(name="First", order=1))
    drop(shelf, "_helper", "raise RuntimeError('not a variant, not imported')")
    found = zoo.discover(shelf)
    assert list(found) == ["first", "last"]
    assert found["last"].__name__ == "Last"
    drop(shelf, "middle", VARIANT.format(name="Middle", order=50))
    assert list(zoo.discover(shelf)) == ["first", "middle", "last"]


def test_an_imported_variant_is_not_one_of_the_files_own(shelf: ModuleType) -> None:
    imported = "from aeviz.models.variants.vanilla import Vanilla\n"
    drop(shelf, "mine", imported + VARIANT.format(name="Mine", order=1))
    assert zoo.discover(shelf)["mine"].__name__ == "Mine"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("from aeviz.models.variants.vanilla import Vanilla", 0),
        (VARIANT.format(name="A", order=1) + VARIANT.format(name="B", order=2), 2),
    ],
)
def test_a_file_without_exactly_one_variant_is_an_error(
    shelf: ModuleType, text: str, number: int
) -> None:
    drop(shelf, "odd", text)
    with pytest.raises(TypeError, match=rf"\.odd defines {number} variants; one is wanted\."):
        zoo.discover(shelf)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import a_package_that_nobody_has", ModuleNotFoundError),
        ("from aeviz.models.base import Autoencodre", ImportError),
        ("def encode(:", SyntaxError),
        ("1 / 0", ZeroDivisionError),
    ],
)
def test_an_error_in_a_file_is_not_swallowed(
    shelf: ModuleType, text: str, error: type[Exception]
) -> None:
    drop(shelf, "broken", text)
    with pytest.raises(error):
        zoo.discover(shelf)
