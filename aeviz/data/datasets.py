"""Data sets as uint8 arrays: MNIST from inside the package, others from a folder or a download.

`python -m aeviz data pack <raw folder>` makes the embedded file again.
"""

from __future__ import annotations

import argparse
import errno
import functools
import gzip
import hashlib
import math
import shutil
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np

from aeviz import environment, files

EMBEDDED = Path(__file__).parent / "mnist.idx.gz"
EMBEDDED_SHA256 = "321b8257b9a63b35c9af58e00c8964304a3ba44c178baa7f0bc86d422f8c7c25"
VALIDATION = 10_000
"""The last images of the training set: recipes are tuned on them, never on test images. Of a small
data set they are fewer, see `held_out`."""

PARTS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
Progress = Callable[[float, str], None]


class DataError(Exception):
    """A data set cannot be had; the message is one sentence for the person who asked."""


Shape = tuple[int, int, int]
"""Channels, height and width of an image."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: its folder in torchvision's layout and its download."""

    title: str
    classes: tuple[str, ...]
    folder: str
    download_bytes: int = 0
    shape: Shape = (1, 28, 28)


SOURCES = {
    "mnist": Source("MNIST digits", tuple("0123456789"), "MNIST"),
    "fashion": Source(
        "Fashion-MNIST",
        (
            "T-shirt",
            "trousers",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "boot",
        ),
        "FashionMNIST",
        30_878_645,
    ),
    "kmnist": Source(
        "KMNIST (old Japanese)",
        ("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo"),
        "KMNIST",
        21_240_888,
    ),
}


MNIST = SOURCES["mnist"]
"""What a model is made for unless it is told otherwise."""


@dataclass(frozen=True, eq=False)  # two are the same only where they are one: caches rely on it
class Dataset:
    """Images (N, H, W) uint8 with 0 = background, labels (N,) uint8; read-only arrays.

    Images of several channels are (N, C, H, W).
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def title(self) -> str:
        """The name that a person reads."""
        return SOURCES[self.name].title

    @property
    def held_out(self) -> int:
        """How many of the last training images are held out."""
        return held_out(len(self.train_images))

    @property
    def classes(self) -> tuple[str, ...]:
        """What each of the labels means, from 0 on."""
        return SOURCES[self.name].classes

    @property
    def shape(self) -> Shape:
        """Channels, height and width of each image."""
        channels, height, width = (1, *self.train_images.shape[1:])[-3:]
        return channels, height, width


def held_out(n: int) -> int:
    """How many of n training images are held out: the last 10,000, or a sixth of a small set."""
    return min(VALIDATION, max(n // 6, 1))


def read_idx(buffer: bytes, offset: int = 0) -> tuple[np.ndarray, int]:
    """Read one IDX array of unsigned bytes and say where it ends.

    Raises:
        DataError: the bytes are not an IDX array of unsigned bytes, or are cut off.

    Source: the format's description on Y. LeCun's MNIST page.
    """
    if len(buffer) < offset + 4 or buffer[offset : offset + 3] != b"\0\0\x08":
        raise DataError("This is not an IDX file of unsigned bytes.")
    rank = buffer[offset + 3]
    if rank > 4:  # the format has no limit, numpy has
        raise DataError("This is not an IDX file of images or labels.")
    start = offset + 4 + 4 * rank
    if len(buffer) < start:
        raise DataError("This IDX file is cut off.")
    shape = struct.unpack_from(f">{rank}I", buffer, offset + 4)
    end = start + math.prod(shape)
    if len(buffer) < end:
        raise DataError("This IDX file is cut off.")
    return np.frombuffer(buffer, np.uint8, end - start, start).reshape(shape), end


def load(name: str = "mnist", progress: Progress | None = None) -> Dataset:
    """Load a data set by its name in SOURCES; a second call returns the same object.

    MNIST is part of the package. The others are read from `$AEVIZ_DATA` or from an earlier
    download, else downloaded through torchvision.

    Args:
        progress: called with the fraction done and what is being done, during a download.

    Raises:
        DataError: unknown name, damaged or incomplete files, or neither a folder nor a network.
    """
    if name not in SOURCES:
        raise DataError(f"There is no data set {name!r}; there are {', '.join(SOURCES)}.")
    return _mnist() if name == "mnist" else _external(name, progress)


@functools.cache
def _mnist() -> Dataset:
    packed = EMBEDDED.read_bytes() if EMBEDDED.is_file() else b""
    if hashlib.sha256(packed).hexdigest() != EMBEDDED_SHA256:
        raise DataError(
            f"{EMBEDDED.name} is damaged or missing (its SHA-256 differs): clone aeviz again."
        )
    buffer, arrays, offset = gzip.decompress(packed), [], 0
    for _ in PARTS:
        array, offset = read_idx(buffer, offset)
        arrays.append(array)
    return Dataset("mnist", *arrays)


_loaded: dict[str, Dataset] = {}


def _external(name: str, progress: Progress | None) -> Dataset:
    if name not in _loaded:
        folder = find_folder(name)
        if folder is None and environment.now().data:  # never another set in its place
            raise DataError(_what_is_missing(name))
        folder = folder or _download(name, progress or (lambda fraction, what: None))
        arrays = [read_idx(_read_part(folder, part))[0] for part in PARTS]
        _check(folder, SOURCES[name], "training", *arrays[:2])
        _check(folder, SOURCES[name], "test", *arrays[2:])
        _loaded[name] = Dataset(name, *arrays)
    return _loaded[name]


def _check(folder: Path, source: Source, kind: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Refuse images (N, H, W) and labels (N,) that no page could show."""
    _, height, width = source.shape
    if images.shape[1:] != (height, width):
        raise DataError(f"The images in {folder} are not {height} by {width} pixels.")
    if labels.shape != images.shape[:1] or (labels >= len(source.classes)).any():
        raise DataError(f"The labels in {folder} do not fit its images.")
    if len(images) == 0:
        raise DataError(f"There are no {kind} images in {folder}: the pages need some.")


def count(name: str) -> int | None:
    """How many training images a data set has; None while it is not here."""
    if name == "mnist" or name in _loaded:
        return len(load(name).train_images)
    folder = find_folder(name)
    path = folder and _part_path(folder, PARTS[1])
    if not path:
        return None
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(8)
    except (OSError, EOFError, zlib.error):  # `load` says what is wrong with it
        return None
    return struct.unpack(">I", header[4:])[0] if len(header) == 8 else None


def cache_folder() -> Path:
    """The folder that keeps what was downloaded or computed, `$AEVIZ_CACHE` or ~/.cache/aeviz."""
    return environment.now().cache


def find_folder(name: str) -> Path | None:
    """The raw folder with all four IDX files of a data set, packed or not; None without one.

    Where `$AEVIZ_DATA` is set, it alone is searched, else what was downloaded before.
    """
    raw = _raw_folder(name)
    return raw if all(_part_path(raw, part) for part in PARTS) else None


def _raw_folder(name: str) -> Path:
    root = environment.now().data or cache_folder() / "data"
    return root / SOURCES[name].folder / "raw"


def _part_names(part: str) -> list[str]:
    """A file's name as its authors, torchvision and Kaggle spell it, packed or not."""
    spelt = (f"{part}-ubyte", f"{'.'.join(part.rsplit('-', 1))}-ubyte")
    return [name + suffix for name in spelt for suffix in ("", ".gz")]


def _part_path(raw: Path, part: str) -> Path | None:
    paths = (raw / name for name in _part_names(part))
    return next((path for path in paths if files.true(path.is_file)), None)


def _what_is_missing(name: str) -> str:
    """The sentence for a named folder without all four files: what it lacks, what it holds."""
    raw = _raw_folder(name)
    looked_for = [f"{part}-ubyte" for part in PARTS if _part_path(raw, part) is None]
    try:
        there = sorted(path.name for path in raw.iterdir())
        holds = f"It holds {', '.join(there[:8]) or 'nothing'}{' and more' if there[8:] else ''}"
    except OSError as error:
        holds = f"It cannot be listed, since {files.reason(error)}"
    return (
        f"AEVIZ_DATA is set, but {raw} has no {' and no '.join(looked_for)} "
        f"(or with .idx in the name, or .gz behind it). {holds}. "
        f"Add what is missing, or unset AEVIZ_DATA to download {SOURCES[name].title}."
    )


def _read_part(raw: Path, part: str) -> bytes:
    path = _part_path(raw, part)
    if path is None:
        raise DataError(f"There is no {part}-ubyte in {raw}, packed or not.")
    try:
        content = files.read(path)
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        read_idx(content)
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {files.reason(error)}.") from error
    except (OSError, EOFError, zlib.error, DataError) as error:
        reason = str(error).rstrip(".")
        raise DataError(f"{path} is damaged ({reason}); delete it and try again.") from error
    return content


_downloads: dict[str, tuple[Future[None], Path]] = {}
"""Name -> the latest download and the folder that it fills."""
_asking = threading.Lock()
_pool = ThreadPoolExecutor(len(SOURCES), "download")


UNWRITABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST),
}
"""What a system says of a folder that cannot be written; of a network it says other things."""


def _download(name: str, progress: Progress) -> Path:
    # In a thread of its own, shared by all who ask: it goes on when one of them leaves, which in
    # Streamlit is an exception out of `progress`.
    source = SOURCES[name]
    target = cache_folder() / "data" / source.folder / "raw"
    try:
        with _asking:
            if name not in _downloads or _downloads[name][0].done():
                target.parent.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(dir=target.parent))
                _downloads[name] = _pool.submit(_fetch, name, partial, target), partial
            future, partial = _downloads[name]
        done = 0
        while not future.done():
            with suppress(FileNotFoundError):  # at the end files move to where they belong
                done = sum(path.stat().st_size for path in partial.glob("*"))
            progress(min(done / source.download_bytes, 1.0), f"Downloading {source.title}")
            time.sleep(0.1)
        future.result()
    except (OSError, RuntimeError, HTTPException) as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise DataError(files.refused(source.title, target, error)) from error
        raise DataError(
            f"{source.title} could not be downloaded: connect to the internet, or set "
            f"AEVIZ_DATA to a folder that contains {source.folder}/raw with its four IDX files."
        ) from error
    return target


def _fetch(name: str, partial: Path, target: Path) -> None:
    from torchvision import datasets  # costs start-up time, so only where it is needed
    from torchvision.datasets.utils import download_url

    torchvision_class = getattr(datasets, SOURCES[name].folder)
    try:
        for filename, md5 in torchvision_class.resources:
            errors: list[Exception] = []
            for mirror in torchvision_class.mirrors:
                try:
                    download_url(mirror + filename, partial, filename, md5)
                    break
                except (OSError, RuntimeError, HTTPException) as error:
                    errors.append(error)
            else:
                raise errors[-1]
        # Now only: a download cut off is never taken for a whole one.
        target.mkdir(exist_ok=True)
        for path in partial.iterdir():
            files.again(functools.partial(path.replace, target / path.name))
    finally:
        shutil.rmtree(partial)


def pack(raw: Path, out: Path = EMBEDDED) -> str:
    """Pack the four IDX files of a raw folder into one gzip file; returns its SHA-256."""
    content = b"".join(_read_part(raw, part) for part in PARTS)
    packed = gzip.compress(content, compresslevel=9, mtime=0)  # no time stamp: the same bytes again
    files.write(out, packed)
    return hashlib.sha256(packed).hexdigest()


def to_float(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]; uint8 is divided by 255."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    return np.asarray(images, np.float32)


def main(arguments: list[str] | None = None) -> None:
    """Make the file of images that aeviz carries from four IDX files."""
    parser = argparse.ArgumentParser(prog="python -m aeviz data", description=main.__doc__)
    commands = parser.add_subparsers(required=True)
    packer = commands.add_parser("pack", help="pack four IDX files into the embedded file")
    packer.add_argument("raw", type=Path, help="a folder such as data/MNIST/raw")
    packer.add_argument("--out", type=Path, default=EMBEDDED)
    options = parser.parse_args(arguments)
    try:
        digest = pack(options.raw, options.out)
    except DataError as error:
        parser.error(str(error))
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, SHA-256 {digest}")
