"""Trained models on disk: safetensors plus a validated card; the only reader and writer of weights.

The card travels in the header of the safetensors file, so that one file is a whole model. A copy
lies beside it as readable JSON.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from pathlib import Path

import torch
from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from aeviz import files
from aeviz.models.base import Autoencoder
from aeviz.models.card import Card
from aeviz.models.zoo import MODELS

MAX_BYTES = 100_000_000
MAX_HEADER = 1_000_000
FOLDER = Path(__file__).parents[2] / "checkpoints"


class CheckpointError(Exception):
    """A file is not a checkpoint of a variant known here; the message says what is wrong."""


LARGE = 16_384
"""Matrices of at least so many weights are kept in eight bits."""


def _scales(tensor: Tensor) -> Tensor | None:
    """What one step of eight bits is worth in each row (R,) of a large matrix, else None.

    In bfloat16, so that 127 steps and their 127th part are exact in float32.
    """
    if tensor.dtype != torch.float32 or tensor.ndim < 2 or tensor.numel() < LARGE:
        return None
    return (tensor.flatten(1).abs().amax(1) / 127).bfloat16()


def _to_steps(tensor: Tensor, scale: Tensor) -> Tensor:
    """The nearest whole number of steps for each weight, int8; 0 in a row of zeros."""
    steps = tensor.flatten(1) / scale.float()[:, None]
    return steps.nan_to_num(0).round().clamp(-127, 127).reshape(tensor.shape).to(torch.int8)


def _from_steps(steps: Tensor, scale: Tensor) -> Tensor:
    return (steps.flatten(1).float() * scale.float()[:, None]).reshape(steps.shape)


def rounded(tensor: Tensor) -> Tensor:
    """Weights as `round_weights` leaves them."""
    scale = _scales(tensor)
    if scale is not None:
        return _from_steps(_to_steps(tensor, scale), scale)
    return tensor.half().float() if tensor.dtype == torch.float32 else tensor


def round_weights(model: Autoencoder) -> None:
    """Round the weights to what is kept, so that figures are measured on what is loaded.

    Large matrices to eight bits with a scale for each row, all else to sixteen.
    """
    for tensor in model.state_dict().values():
        tensor.copy_(rounded(tensor))


SCALE = "scale of "
"""Before the name of a matrix in eight bits: the tensor with its scales."""


SPREAD = "likelihood.spread"
"""Older files lack it: their runs minimised that likelihood with the spread that it starts at."""


def _packed(tensor: Tensor) -> tuple[Tensor, Tensor | None]:
    """Weights in as few bits as hold them exactly, and the scales of those in eight bits."""
    scale = _scales(tensor)
    if scale is not None and torch.equal(
        _from_steps(steps := _to_steps(tensor, scale), scale), tensor
    ):
        return steps, scale
    if tensor.dtype == torch.float32 and torch.equal((half := tensor.half()).float(), tensor):
        return half, None
    return tensor, None


def kept_bytes(tensor: Tensor) -> int:
    """Bytes that a checkpoint needs for weights."""
    kept, scale = _packed(tensor.detach().cpu())
    return kept.nbytes + (0 if scale is None else scale.nbytes)


def to_bytes(model: Autoencoder, card: Card) -> bytes:
    """A checkpoint as the bytes of one safetensors file.

    Weights that eight or sixteen bits hold exactly (see `round_weights`) are kept in as many.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        kept, scale = _packed(tensor.detach().cpu())
        if scale is not None:
            tensors[SCALE + name] = scale
        # A copy: safetensors refuses weights that share memory, such as tied ones.
        tensors[name] = kept.clone(memory_format=torch.contiguous_format)
    return save_tensors(tensors, metadata={"card": card.model_dump_json()})


def save(model: Autoencoder, path: Path | str, *, card: Card) -> Path:
    """Write `<path>.safetensors` and a readable copy of its card, `<path>.json`."""
    target = Path(path).with_suffix("") if str(path).endswith(".safetensors") else Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    weights = target.with_name(target.name + ".safetensors")
    files.write(weights, to_bytes(model, card))
    readable = card.model_dump_json(indent=2) + "\n"
    files.write(target.with_name(target.name + ".json"), readable.encode())
    return weights


def read_card(content: bytes) -> Card:
    """The card in a safetensors file's header.

    Raises:
        CheckpointError: there is none, or it is not valid.
    """
    for start, kind in OTHERS.items():
        if content.startswith(start):
            raise CheckpointError(f"This is {kind}, not a safetensors file saved by aeviz.")
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, MAX_HEADER):
        raise CheckpointError("This is not a safetensors file.")
    try:
        header = _Header.model_validate_json(content[8 : 8 + length])
        return Card.model_validate_json(header.metadata.card, context=MODELS)
    except ValidationError as error:
        raise CheckpointError(_not_a_card(error)) from error


OTHERS = {
    b"PK\x03\x04": "a file of PyTorch or another zip file",
    b"\x80\x02": "an older file of PyTorch",
    b"\x89HDF": "an HDF5 file, such as Keras writes",
}
"""How files that people take for a checkpoint begin, and what they are."""


def _not_a_card(error: ValidationError) -> str:
    """What is wrong with a header or the card in it."""
    unfit = [
        str(e["ctx"]["error"]) for e in error.errors() if e["loc"] == ("config",) and "ctx" in e
    ]
    unknown = [str(e["loc"][-1]) for e in error.errors() if e["type"] == "extra_forbidden"]
    if unfit and error.error_count() == 1:
        return unfit[0]
    if unknown and len(unknown + unfit) == error.error_count():  # all else is as this one knows it
        return (
            f"This checkpoint was saved by a newer aeviz: its card has {_short(', '.join(unknown))}"
            ", which this one does not know. Update aeviz to load it."
        )
    return (
        "This safetensors file has no valid aeviz card: it was not saved by aeviz, or is damaged."
    )


class _HeaderMetadata(BaseModel):
    card: str


class _Header(BaseModel):
    metadata: _HeaderMetadata = Field(alias="__metadata__")


def from_bytes(content: bytes) -> Autoencoder:
    """A model from the bytes of a checkpoint, in eval mode on the CPU, with `.card`.

    Raises:
        CheckpointError: not a checkpoint, an unknown variant, settings out of range, or weights
            that do not fit.
    """
    if len(content) > MAX_BYTES:
        raise CheckpointError(f"A checkpoint has at most {MAX_BYTES // 1_000_000} MB.")
    card = read_card(content)
    try:
        model = MODELS[card.variant](card.config, shape=card.shape, classes=card.classes)
    except ValueError as error:
        reason = f"This checkpoint does not fit {card.variant}: {_short(error)}."
        raise CheckpointError(reason) from error
    model.load_state_dict(_weights(content, model))
    model.card = card
    return model.eval()


def _weights(content: bytes, model: Autoencoder) -> dict[str, Tensor]:
    """The weights in a checkpoint, where they are just those that the model has."""
    try:
        tensors = load_tensors(content)
    except (SafetensorError, KeyError, RuntimeError) as error:  # KeyError: a dtype unknown to torch
        raise CheckpointError(
            f"This checkpoint is damaged or cut off ({_short(error)}): copy it again."
        ) from error
    wanted = model.state_dict()
    for name in [name for name in tensors if name.startswith(SCALE)]:
        scale, of = tensors.pop(name), name.removeprefix(SCALE)
        steps, shape = tensors.get(of), getattr(wanted.get(of), "shape", ())
        if (
            steps is None
            or steps.dtype != torch.int8
            or len(shape) < 2
            or steps.shape != shape
            or scale.shape != shape[:1]
        ):
            raise CheckpointError(
                f"This checkpoint does not fit {model.variant} with its settings: "
                f"the scale of {_short(of)} belongs to other weights."
            )
        tensors[of] = _from_steps(steps, scale)
    if SPREAD in wanted:
        tensors.setdefault(SPREAD, wanted[SPREAD])
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in wanted:
            reason = "unknown"
        elif name not in tensors:
            reason = "missing"
        elif tensors[name].shape != wanted[name].shape:
            reason = "of another size"
        elif tensors[name].dtype not in (wanted[name].dtype, torch.float16):
            reason = "of another kind"
        elif not torch.isfinite(tensors[name]).all():
            reason = "not finite"
        else:
            continue
        raise CheckpointError(
            f"This checkpoint does not fit {model.variant} with its settings: "
            f"the weights {_short(name)} are {reason}."
        )
    return {name: tensor.to(wanted[name].dtype) for name, tensor in tensors.items()}


def _short(reason: object) -> str:
    """One line without a full stop, whatever a file holds."""
    return textwrap.shorten(str(reason), 160, placeholder=" ...").rstrip(".")


def load(path: Path | str) -> Autoencoder:
    """A model from a checkpoint file, in eval mode on the CPU; `.variant`, `.config`, `.card`.

    Args:
        path: with or without the suffix .safetensors; or the name of a pretrained model.

    Raises:
        CheckpointError: no such file, or see `from_bytes`.
    """
    weights = Path(path)
    if weights.suffix != ".safetensors":
        weights = Path(f"{path}.safetensors")
    if not weights.is_file() and (FOLDER / weights.name).is_file() and weights.parent == Path():
        weights = FOLDER / weights
    return from_bytes(read(weights))


def read(path: Path) -> bytes:
    """The bytes of a checkpoint file, no more than it may have and one.

    Raises:
        CheckpointError: no such file, or it cannot be read.
    """

    def first() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    try:
        return files.again(first, files.READING)
    except files.MISSING as error:
        raise CheckpointError(f"There is no checkpoint {path}.") from error
    except OSError as error:
        said = files.reason(error)
        raise CheckpointError(f"The checkpoint {path} cannot be read: {said}.") from error


def digest(name: str) -> str:
    """SHA-256 of what a pretrained checkpoint computes; empty without one of that name.

    Of its variant, its weights and the settings that are not the default, so that neither a figure
    on its card nor a new knob changes it.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        return ""
    content = path.read_bytes()
    card = read_card(content)
    start = 8 + int.from_bytes(content[:8], "little")
    usual = type(card.config)().to_dict() | card.config.before
    own = {name: value for name, value in card.config.to_dict().items() if value != usual[name]}
    found = hashlib.sha256(json.dumps([card.variant, own]).encode())
    found.update(content[start:])
    return found.hexdigest()


def pretrained(folder: Path = FOLDER) -> dict[str, Card]:
    """The checkpoints of a folder by name, each with its card.

    Raises:
        CheckpointError: a file is not a checkpoint; the message names it.
    """
    cards = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:  # the header is enough, the weights are not read
            start = file.read(8)
            length = min(int.from_bytes(start, "little"), MAX_HEADER)
            try:
                cards[path.stem] = read_card(start + file.read(length))
            except CheckpointError as error:
                raise CheckpointError(f"{path.name}: {error}") from error
    # From simple to involved, as the picker has them; the plain one before those with a tag.
    return dict(
        sorted(
            cards.items(),
            key=lambda item: (
                MODELS[item[1].variant].order,
                item[1].latent_dim,
                item[0],
            ),
        )
    )


def ladder(cards: dict[str, Card]) -> dict[int, str]:
    """The largest group of checkpoints that differ in the width of their code alone.

    Seeds and lengths of training may differ as well.

    Args:
        cards: by name, as from `pretrained`.

    Returns:
        Name by latent dimension, narrow first; empty without cards.
    """
    groups: dict[str, dict[int, str]] = {}
    for name, card in cards.items():
        same = card.model_dump(
            exclude={
                *("seed", "steps", "command", "device", "figures", "errors", "curve", "home"),
            }
        )
        del same["config"]["latent_dim"]
        groups.setdefault(json.dumps(same), {}).setdefault(card.latent_dim, name)
    return dict(sorted(max(groups.values(), key=len, default={}).items()))
