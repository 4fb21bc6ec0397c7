"""One's own image beside the map: what was drawn on the pad, its code and its reconstruction."""

from __future__ import annotations

import numpy as np
from PIL import Image

from aeviz.analysis import errors, planes
from aeviz.analysis.planes import Plane
from aeviz.app.components.latent_map import SENT, Drawn, Input
from aeviz.app.subject import ModelSubject
from aeviz.data import datasets, digits
from aeviz.models import apply


def image(subject: ModelSubject, plane: Plane, drawn: Drawn) -> Input:
    """What a model makes of an image of the pad, and where it lies on a plane."""
    data, labels = subject.data, None
    if drawn.grey is None and drawn.photo is None:
        index = (drawn.index or 0) % len(data.test_images)
        images = datasets.to_float(data.test_images[index : index + 1])
        labels = data.test_labels[index : index + 1]
    else:
        try:
            images = _to_mnist(drawn)[None]
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
    return Input(drawn.number, seen.images[0], seen.reconstructions[0], (x, y), spread, text)


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
