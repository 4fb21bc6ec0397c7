"""One's own image beside the map: what was drawn on the pad, its code and its reconstruction."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from aeviz.analysis import errors, planes
from aeviz.analysis.planes import Plane
from aeviz.app import session
from aeviz.app.components.latent_map import SENT, Drawn, Input
from aeviz.app.pictures import strokes
from aeviz.app.subject import ModelSubject
from aeviz.data import datasets, digits
from aeviz.models import apply

PARTS = 255
"""In so many parts of the pad's side the browser says where its lines are."""
PEN = 20
"""How wide they are, in these parts."""


def image(subject: ModelSubject, plane: Plane, drawn: Drawn) -> Input:
    """What a model makes of an image of the pad, and where it lies on a plane."""
    if drawn.empty:
        return Input(drawn.number)
    data, labels = subject.data, None
    if drawn.grey is None and drawn.photo is None:
        index = (drawn.index or 0) % len(data.test_images)
        images = datasets.to_float(data.test_images[index : index + 1])
        labels = data.test_labels[index : index + 1]
    else:
        try:
            images = _to_mnist(drawn)[None]
        except digits.BlankError as error:  # of a drawing: it has only just begun
            return Input(drawn.number, trouble=str(error) if drawn.photo else "")
        except digits.ImageError as error:
            return Input(drawn.number, trouble=str(error))
        labels = apply.classify(subject.model, images)
    seen = subject.see(images, labels)
    code = seen.codes[0]
    posterior = apply.posterior(subject.model, images, labels)
    spread = None if posterior is None else planes.ellipse(plane, code, posterior[1][0])
    x, y = plane.project(seen.codes)[0].tolist()
    error = float(seen.errors.mse[0])
    text = f"MSE {error:.4f}, PSNR {errors.psnr(error):.1f} dB"
    return Input(
        drawn.number,
        seen.images[0],
        seen.reconstructions[0],
        (x, y),
        spread,
        text,
        lines=drawn.lines,
    )


def asked() -> Drawn | None:
    """What the address says was on the pad: a drawing, or a test image."""
    if said := session.asked("pad"):
        if lines := strokes.unpack(said):
            image = Image.open(io.BytesIO(strokes.drawn(lines, PARTS + 1, PEN)))
            grey = image.resize((SENT, SENT), Image.Resampling.BOX).tobytes()
            return Drawn(0, grey, lines=[line.ravel().tolist() for line in lines])
        session.refuse("pad", said)
    if index := session.asked_numbers("pad_image", 1):
        return Drawn(0, index=int(index[0]))
    return None


def say(drawn: Drawn | None) -> None:
    """Have the address say what is on the pad; a photo is too large for it."""
    lines = [np.reshape(line, (-1, 2)) for line in drawn.lines if line] if drawn else []
    session.say("pad", strokes.pack(strokes.objects(lines, PEN)) or None)
    session.say("pad_image", drawn.index if drawn else None)


def _to_mnist(drawn: Drawn) -> np.ndarray:
    """The photo or the drawing (28, 28) as MNIST would hold it.

    Raises:
        ImageError: it is blank, no picture, or no drawing of the pad.
    """
    if drawn.photo is not None:
        return digits.to_mnist(drawn.photo)
    if drawn.grey is None or len(drawn.grey) != SENT * SENT:
        raise digits.ImageError("The drawing did not arrive whole; draw it once more.")
    return digits.to_mnist(Image.frombytes("L", (SENT, SENT), drawn.grey), inverted=False)
