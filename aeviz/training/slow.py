"""One step of a run in slow motion: what goes through its network, and what moves in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aeviz.charts.diagram import drawn_modules, tensors_in
from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.base import Autoencoder, Loss
from aeviz.models.gaussian import draw
from aeviz.training import loop, place, store
from aeviz.training.spec import training_set

SHOWN, VALUES = 12, 48
"""Images of the batch that are kept, and values of what leaves a layer."""
AGAIN = 200
"""So many steps are done again to come from a full state to a step; a second or two."""


@dataclass(frozen=True)
class Layer:
    """A layer of the network, and what follows it without weights of its own ("Linear, SiLU").

    shape: of what leaves it for one image.
    values: (<= 48,) of those, evenly chosen, for the image that is followed.
    gradient: norm of the loss's gradient by its weights.
    moved: norm of what the step changes its weights by, over their own norm before it.
    """

    text: str
    encodes: bool
    shape: tuple[int, ...]
    values: np.ndarray
    gradient: float
    moved: float


@dataclass(frozen=True)
class Cloud:
    """q(z|x) of an image and the draw from it: z = mu + sigma epsilon, each (D,)."""

    mu: np.ndarray
    sigma: np.ndarray
    epsilon: np.ndarray


@dataclass(frozen=True)
class SlowStep:
    """A step of a run, and how the first image of its batch went through it.

    step: how many there are with this one.
    images: (<= 12, H, W) uint8, the first of the batch.
    seen: (H, W) uint8, what the encoder got of the first one; None where it is the image.
    z: (D,), its code, or the draw of it that was decoded.
    reconstruction, after: (H, W) uint8, what is decoded before and after the step, with the same
        epsilon.
    terms, terms_after: of the loss over the batch before and after, with the same noise.
    """

    step: int
    batch: int
    lr: float
    unit: str
    images: np.ndarray
    seen: np.ndarray | None
    layers: list[Layer]
    cloud: Cloud | None
    z: np.ndarray
    reconstruction: np.ndarray
    after: np.ndarray
    terms: dict[str, float]
    terms_after: dict[str, float]


def slow_step(run: str, before: int) -> SlowStep:
    """Do the step of a run after another one again, as the run did it, bit for bit.

    It starts at the newest full state before, else anew. Where that is far away it is the step
    after that one.

    Raises:
        RunError: the run is not there, or has no such step.
        DataError: its images are not there.
    """
    spec, start = store.spec(run), store.newest_state(run, before)
    dataset = datasets.load(spec.data)
    chosen = training_set(spec, dataset.train_labels)
    images, labels = dataset.train_images[chosen], dataset.train_labels[chosen]
    model = optim.build(spec.model_class, spec.config, spec.seed)
    model.to(optim.pick_device())
    course, seed = spec.course, spec.seed
    if course.steps is not None and before >= course.steps:
        raise place.RunError("This is the last step of the run.")
    fitting = loop.train(
        model, images, course, batch=spec.batch, seed=seed, labels=labels, start=start
    )
    at = 0 if start is None else start.step
    try:
        if before - at <= AGAIN:
            for _ in range(before - at):
                next(fitting)
        watched = _Watched(model, optim.Noise(seed, model.device))
        done = next(fitting)
    except FloatingPointError as error:
        raise place.RunError(str(error)) from error
    after, terms_after = watched.after()
    first = watched.x[:SHOWN].reshape(-1, *dataset.shape[1:]).cpu().numpy()
    shown = np.round(first * 255).astype(np.uint8)
    seen = None if watched.seen is None else _bytes(watched.seen[0])
    return SlowStep(
        step=done.step,
        batch=len(watched.x),
        lr=course.rate(done.step - 1),
        unit=model.unit,
        images=shown,
        seen=None if seen is None or np.array_equal(seen, shown[0]) else seen,
        layers=watched.layers(),
        cloud=watched.cloud,
        z=watched.z[0].cpu().numpy(),
        reconstruction=_bytes(watched.reconstruction),
        after=after,
        terms=_numbers(done.loss),
        terms_after=terms_after,
    )


def _numbers(loss: Loss) -> dict[str, float]:
    return {name: float(value) for name, value in loss.terms.items()}


def _bytes(image: Tensor) -> np.ndarray:
    """The one image (..., H, W) in [0, 1] as uint8 (H, W)."""
    grey = image.detach().clamp(0, 1).reshape(image.shape[-2:]).cpu().numpy()
    return np.round(grey * 255).astype(np.uint8)


Note = Callable[[nn.Module, Any, Any], None]


class _Watched:
    """A model that notes what its next loss does, and can say the same loss after the step."""

    def __init__(self, model: Autoencoder, noise: optim.Noise) -> None:
        """Wait for its loss. Not by a hook: torch has them for `forward`, which no variant has."""
        self.model, self.noise = model, noise
        self.x = self.z = self.reconstruction = torch.empty(0)
        self.seen: Tensor | None = None
        self.cloud: Cloud | None = None
        self.given: dict[str, Tensor] = {}
        self.ran: dict[nn.Module, tuple[list[str], Tensor]] = {}
        """Each layer with weights: its name and those that follow it, and what left them."""
        self.met: set[nn.Module] = set()
        self.encodes: set[nn.Module] = set()
        self.weights: dict[str, Tensor] = {}
        self._loss = model.loss
        vars(model)["loss"] = self._noted

    def _noted(self, x: Tensor, **given: Tensor) -> Loss:
        model = self.model
        self.x, self.given = x, given
        self.noise.own = [source.get_rng_state() for source in self.noise.sources]
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}
        calls: dict[str, tuple[Any, Any]] = {}
        with _noting(model, self._note), _calls(model, calls):
            loss = self._loss(x, **given)
        with self._at_rest():
            first = self._first
            with _noting(model, lambda module, *_: self.encodes.add(module)):
                self.z = model.encode(first, **self._given)
            if "posterior" in calls:
                mu, log_var = (numbers[:1].detach() for numbers in calls["posterior"][1])
                self.z = calls["logits"][0][0][:1].detach()
                sigma = (0.5 * log_var).exp()
                epsilon = (self.z - mu) / sigma
                self.cloud = Cloud(*(t[0].cpu().numpy() for t in (mu, sigma, epsilon)))
            self.reconstruction = model.decode(self.z, **self._given)
        return loss

    def _note(self, module: nn.Module, args: Any, output: Any) -> None:
        if module in self.met:  # once more, as for a derivative of it
            return
        self.met.add(module)
        went_in, left = next(tensors_in(args), None), next(tensors_in(output)).detach()
        if not self.ran and went_in is not None and went_in.shape == self.x.shape:
            self.seen = went_in.detach()
        name = type(module).__name__
        if any(p.requires_grad for p in module.parameters()):
            self.ran[module] = [name], left
        elif self.ran and "latten" not in name:
            last = next(reversed(self.ran))
            self.ran[last] = [*self.ran[last][0], name], left

    @property
    def _first(self) -> Tensor:
        """What the encoder gets of the first image."""
        return (self.x if self.seen is None else self.seen)[:1]

    @property
    def _given(self) -> dict[str, Tensor]:
        return {name: value[:1] for name, value in self.given.items()}

    @contextlib.contextmanager
    def _at_rest(self) -> Iterator[None]:
        """The model without dropout and gradients, for a look."""
        self.model.eval()
        with torch.no_grad():
            yield
        self.model.train()

    def after(self) -> tuple[np.ndarray, dict[str, float]]:
        """What the first image is decoded to after the step, and the terms of the same loss."""
        model = self.model
        with self._at_rest():
            z = model.encode(self._first, **self._given)
            posterior = model.posterior(self._first, **self._given)
            if self.cloud is not None and posterior is not None:
                z = draw(*posterior, torch.from_numpy(self.cloud.epsilon).to(z))
            image = _bytes(model.decode(z, **self._given))
        with torch.no_grad(), self.noise:
            return image, _numbers(self._loss(self.x, **self.given))

    def layers(self) -> list[Layer]:
        """The layers in the order in which they ran, with how their weights moved."""
        weights = {p: self.weights[name] for name, p in self.model.named_parameters()}
        found = []
        for module, (names, left) in self.ran.items():
            own = [p for p in module.parameters() if p.requires_grad]
            moved = _norm([p.detach() - weights[p] for p in own])
            row = left[0].flatten().float().cpu().numpy()
            some = np.linspace(0, len(row) - 1, min(len(row), VALUES)).round().astype(int)
            found.append(
                Layer(
                    text=", ".join(names),
                    encodes=module in self.encodes,
                    shape=tuple(left.shape[1:]),
                    values=row[some],
                    gradient=_norm([p.grad for p in own if p.grad is not None]),
                    moved=moved / max(_norm([weights[p] for p in own]), 1e-12),
                )
            )
        return found


def _norm(parts: list[Tensor]) -> float:
    return torch.stack([part.norm() for part in parts]).norm().item() if parts else 0.0


@contextlib.contextmanager
def _noting(model: nn.Module, note: Note) -> Iterator[None]:
    """Call a function with each layer that runs, what goes in and what comes out."""
    hooks = [module.register_forward_hook(note) for module in drawn_modules(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def _calls(model: Autoencoder, calls: dict[str, tuple[Any, Any]]) -> Iterator[None]:
    """Keep what the posterior and the logits of a model are called with, and what they say."""

    def kept(name: str, method: Any) -> Any:
        def called(*args: Any, **given: Any) -> Any:
            said = method(*args, **given)
            calls.setdefault(name, (args, said))
            return said

        return called

    names = ["posterior", "logits"] if model.has_posterior else []
    for name in names:
        vars(model)[name] = kept(name, getattr(model, name))
    try:
        yield
    finally:
        for name in names:
            del vars(model)[name]
