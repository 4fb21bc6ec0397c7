"""Runs that differ in one thing, from the same seed and data order, to be watched side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aeviz.models.zoo import MODELS, short_title
from aeviz.training.course import DECAY
from aeviz.training.spec import RunSpec

MOST = 4
"""So many runs stand side by side."""
NAMES = {"lr": "learning rate", "latent_dim": "D"}
"""Of settings, where they are not called as in the code."""


def differences(specs: Sequence[RunSpec]) -> list[str]:
    """For each of some specs what it does otherwise than the others, as "beta 10, seed 1".

    Empty for one that only lacks what the others changed on their way.
    """
    flat = [_flat(spec) for spec in specs]
    names = dict.fromkeys(name for one in flat for name in one)
    differ = [n for n in names if any(one.get(n) != flat[0].get(n) for one in flat)]
    turned = [[change for change in spec.changes if change.knob != DECAY] for spec in specs]
    found = []
    for one, changes in zip(flat, turned, strict=True):
        said = [_said(name, one[name]) for name in differ if one.get(name) is not None]
        said += [
            f"{_said(change.knob, change.value)} from step {change.step:,}"
            for change in changes
            if not all(change in others for others in turned)
        ]
        found.append(", ".join(said))
    return found


def _flat(spec: RunSpec) -> dict[str, Any]:
    told = spec.model_dump(include={"variant", "data", "seed", "batch", "lr", "classes"})
    # How long a run lasts says little beside what it does; steps are on the slider.
    return told | spec.config.to_dict()


def _said(name: str, value: Any) -> str:
    if name == "variant":
        return short_title(value)
    if isinstance(value, bool):
        return ("" if value else "no ") + name.replace("_", " ")
    said = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{NAMES.get(name, name.replace('_', ' '))} {said}"


def offered(spec: RunSpec) -> dict[str, list[RunSpec]]:
    """Races that a run of these settings can be part of, by what they are called."""
    values, title = spec.config.to_dict(), short_title(spec.variant)
    found: dict[str, list[RunSpec | None]] = {}
    common = sorted((n for n, c in MODELS.items() if c.common), key=lambda n: MODELS[n].common)
    other = next(name for name in common if name != spec.variant)
    config = MODELS[other].Config.from_dict(_shared(spec, other)).to_dict()
    found[f"{title} against {short_title(other).lower()}"] = [
        spec,
        _with(spec, variant=other, config=config),
    ]
    if "beta" in values:
        found["Beta 0.1, 1, 10"] = [
            _with(spec, config=values | {"beta": beta}) for beta in (0.1, 1.0, 10.0)
        ]
    found["Latent dimension 2, 8, 32"] = [
        _with(spec, config=values | {"latent_dim": wide}) for wide in (2, 8, 32)
    ]
    found["Seeds 0 to 3"] = [_with(spec, seed=seed) for seed in range(MOST)]
    found["Learning rate: a tenth, as it is, ten times"] = [
        _with(spec, lr=min(spec.lr * factor, 1.0)) for factor in (0.1, 1.0, 10.0)
    ]
    possible = {name: [one for one in specs if one] for name, specs in found.items()}
    return {name: specs for name, specs in possible.items() if len(specs) == len(found[name])}


def _shared(spec: RunSpec, variant: str) -> dict[str, Any]:
    """The settings that another variant has as well."""
    known = MODELS[variant].Config().to_dict()
    return {name: value for name, value in spec.config.to_dict().items() if name in known}


def _with(spec: RunSpec, **changes: Any) -> RunSpec | None:
    """The same with other settings; None where the variant does not allow them."""
    try:
        return RunSpec.model_validate(spec.model_dump() | changes)
    except ValueError:
        return None
