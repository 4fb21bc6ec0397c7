"""A data set that cannot be had: the page says why and shows the embedded MNIST."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from aeviz.charts import pixels
from aeviz.data import datasets
from tests.pages.opening import opened

MNIST = datasets.load()
ARRAYS = (*((MNIST.train_images[:60], MNIST.train_labels[:60]) * 2),)


def put(folder: Path) -> Path:
    """A whole folder of a small Fashion-MNIST; returns where its files lie."""
    raw = folder / datasets.SOURCES["fashion"].folder / "raw"
    raw.mkdir(parents=True)
    for part, array in zip(datasets.PARTS, ARRAYS, strict=True):
        head = b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)
        (raw / f"{part}-ubyte").write_bytes(head + array.tobytes())
    return raw


def half(raw: Path) -> None:
    (raw / f"{datasets.PARTS[2]}-ubyte").unlink()


def cut(raw: Path) -> None:
    file = raw / f"{datasets.PARTS[0]}-ubyte"
    file.write_bytes(file.read_bytes()[:9000])


def damaged(raw: Path) -> None:
    (raw / f"{datasets.PARTS[1]}-ubyte").write_bytes(bytes(range(256)))


def missing(raw: Path) -> None:
    for file in raw.iterdir():
        file.unlink()
    raw.rmdir()


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (missing, "cannot be listed"),
    "half": (half, "has no t10k-images-idx3-ubyte"),
    "cut": (cut, "cut off"),
    "damaged": (damaged, "not an IDX file"),
}


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh server; another test's Fashion-MNIST is not the one of this folder."""
    monkeypatch.setattr(datasets, "_loaded", {})


def shows_mnist(page: str) -> str:
    """What the page warns of, once it is sure that its first image is MNIST's."""
    app = opened(page, data="fashion")
    bodies = "".join(element.proto.body for element in app.get("html"))
    assert pixels.data_uri(datasets.to_float(MNIST.test_images[1])) in bodies
    (warning,) = app.warning
    assert warning.value.endswith("Until then the pages show MNIST.")
    return warning.value


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_no_data_set_is_said_and_mnist_shown(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it, said = FAULTS[fault]
    break_it(put(tmp_path))
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path))
    assert said in shows_mnist("denoise")


def test_without_folder_and_network_mnist_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*where: object, **how: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    assert "AEVIZ_DATA" in shows_mnist("denoise")
