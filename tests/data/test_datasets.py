"""Data sets: the embedded MNIST, IDX files from a folder, downloads, and every way they fail."""

from __future__ import annotations

import errno
import gc
import gzip
import hashlib
import http.server
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torchvision

from aeviz.data import datasets

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parents[1] / "cases"


def idx(array: np.ndarray) -> bytes:
    """An IDX file as its description says: two zeros, 8 for unsigned bytes, rank, sizes, bytes."""
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def small(seed: int = 0) -> list[np.ndarray]:
    """The four arrays of a data set with 20 training and 10 test images, of all ten classes."""
    draw = np.random.default_rng(seed)
    return [
        draw.integers(0, 3, (20, 28, 28), np.uint8),
        draw.permutation(np.arange(20, dtype=np.uint8) % 10),
        draw.integers(0, 3, (10, 28, 28), np.uint8),
        draw.permutation(np.arange(10, dtype=np.uint8)),
    ]


def write(raw: Path, arrays: list[np.ndarray], packed: bool = False) -> Path:
    raw.mkdir(parents=True, exist_ok=True)
    for part, array in zip(datasets.PARTS, arrays, strict=True):
        name = f"{part}-ubyte" + (".gz" if packed else "")
        (raw / name).write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return raw


def arrays_of(dataset: datasets.Dataset) -> list[np.ndarray]:
    return [
        dataset.train_images,
        dataset.train_labels,
        dataset.test_images,
        dataset.test_labels,
    ]


def same(dataset: datasets.Dataset, arrays: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, arrays_of(dataset), arrays))


def sentence(error: pytest.ExceptionInfo[datasets.DataError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, no AEVIZ_DATA, and nothing loaded but MNIST."""
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AEVIZ_DATA", raising=False)
    monkeypatch.setattr(datasets, "_loaded", {})
    monkeypatch.setattr(datasets, "_downloads", {})


# -- MNIST ------------------------------------------------------------------------------------


def test_mnist_is_whole() -> None:
    mnist = datasets.load()
    for images, labels, count in (
        (mnist.train_images, mnist.train_labels, 60_000),
        (mnist.test_images, mnist.test_labels, 10_000),
    ):
        assert images.shape == (count, 28, 28)
        assert labels.shape == (count,)
        assert images.dtype == labels.dtype == np.uint8
        assert (images.min(), images.max()) == (0, 255)
    # Counts, mean and standard deviation as the field knows them.
    assert np.bincount(mnist.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(mnist.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    parts = np.split(mnist.train_images, 12)
    counts = sum(np.bincount(part.ravel(), minlength=256) for part in parts)
    grey = np.arange(256) / 255
    mean = np.average(grey, weights=counts)
    assert mean == pytest.approx(0.1307, abs=5e-5)
    deviation = np.sqrt(np.average((grey - mean) ** 2, weights=counts))
    assert deviation == pytest.approx(0.3081, abs=5e-5)


def test_mnist_is_the_four_original_files_bit_for_bit() -> None:
    # SHA-256 of the files that Y. LeCun's page offered, unpacked, as other projects print them.
    assert [hashlib.sha256(idx(array)).hexdigest() for array in arrays_of(datasets.load())] == [
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ]


def test_mnist_is_one_small_file_that_is_loaded_once() -> None:
    assert datasets.EMBEDDED.stat().st_size <= 12_000_000
    assert hashlib.sha256(datasets.EMBEDDED.read_bytes()).hexdigest() == datasets.EMBEDDED_SHA256
    assert datasets.load() is datasets.load("mnist")


def test_nobody_changes_the_images_of_everybody() -> None:
    with pytest.raises(ValueError, match="read-only"):
        datasets.load().train_images[0, 0, 0] = 1


@pytest.mark.parametrize("damage", ["one bit", "cut off", "gone"])
def test_a_damaged_mnist_is_not_loaded(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(datasets.EMBEDDED.read_bytes())
    content[len(content) // 2] ^= 1
    copy = tmp_path / "mnist.idx.gz"
    if damage != "gone":
        copy.write_bytes(content if damage == "one bit" else content[:1000])
    monkeypatch.setattr(datasets, "EMBEDDED", copy)
    with pytest.raises(datasets.DataError, match=r"mnist\.idx\.gz is damaged or missing") as error:
        datasets._mnist.__wrapped__()
    assert "again" in sentence(error)


def test_pack_makes_the_same_bytes_from_packed_and_unpacked_files(tmp_path: Path) -> None:
    arrays, made = small(), []
    for packed in (False, True):
        raw = write(tmp_path / f"raw{packed}", arrays, packed)
        out = tmp_path / f"{packed}.gz"
        command = [sys.executable, "-m", "aeviz", "data", "pack", str(raw), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, check=True)
        made.append(out.read_bytes())
        assert hashlib.sha256(made[-1]).hexdigest() in done.stdout
        assert f"{len(made[-1]):,} bytes" in done.stdout
    assert made[0] == made[1]
    assert gzip.decompress(made[0]) == b"".join(map(idx, arrays))
    assert made[0][4:8] == bytes(4)  # no time stamp
    assert made[0][3] == 0  # no file name


def test_the_embedded_file_is_what_pack_makes_of_the_originals() -> None:
    packed = datasets.EMBEDDED.read_bytes()
    assert gzip.decompress(packed) == b"".join(map(idx, arrays_of(datasets.load())))
    assert packed[3:8] == bytes(5)


def test_pack_says_what_is_missing_or_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, out = write(tmp_path / "raw", small()), tmp_path / "out.gz"
    monkeypatch.setattr(sys, "argv", ["data", "pack", str(raw), "--out", str(out)])
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"not IDX")
    with pytest.raises(SystemExit):
        datasets.main()
    assert "t10k-labels-idx1-ubyte is damaged" in capsys.readouterr().err
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(SystemExit):
        datasets.main()
    assert "There is no t10k-labels-idx1-ubyte in" in capsys.readouterr().err
    assert not out.exists()


# -- IDX --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (0,), (3, 28, 28), (2, 3, 4, 5)])
def test_idx_arrays_are_read_one_after_the_other(shape: tuple[int, ...]) -> None:
    first = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    second = np.arange(5, dtype=np.uint8)
    array, end = datasets.read_idx(idx(first) + idx(second))
    assert np.array_equal(array, first)
    assert array.shape == shape
    array, end = datasets.read_idx(idx(first) + idx(second), end)
    assert np.array_equal(array, second)
    assert end == len(idx(first) + idx(second))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not an IDX"),
        (b"\0\0\x0d\x01\0\0\0\0", "not an IDX"),  # floats
        (b"PK\x03\x04 a zip file", "not an IDX"),
        (b"\0\0\x08\x03\0\0\0\x05", "cut off"),  # two sizes are missing
        (b"\0\0\x08\x01\0\0\0\x05abcd", "cut off"),
        # Sizes whose product is 2**64, 2**64 - 1 and 2**63: it must not wrap around.
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff", "cut off"),
        (b"\0\0\x08\x04" + b"\0\x01\0\0" * 4, "cut off"),
        (b"\0\0\x08\x03\xff\xff\xff\xff\0\x01\0\x01\0\x01\0\0abc", "cut off"),
        (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"a", "not an IDX"),  # 255 axes
    ],
)
def test_what_is_not_idx_is_refused(content: bytes, match: str) -> None:
    with pytest.raises(datasets.DataError, match=match) as error:
        datasets.read_idx(content)
    sentence(error)


# -- folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["fashion", "kmnist"])
def test_a_folder_is_read_directly(
    name: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = small()
    write(tmp_path / datasets.SOURCES[name].folder / "raw", arrays, packed)
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path))
    dataset = datasets.load(name)
    assert same(dataset, arrays)
    assert (dataset.name, dataset.title) == (name, datasets.SOURCES[name].title)
    assert len(dataset.classes) == 10
    assert datasets.load(name) is dataset


def test_the_named_folder_comes_before_an_earlier_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, earlier = small(1), small(2)
    write(tmp_path / "cache" / "data" / "FashionMNIST" / "raw", earlier, packed=True)
    write(tmp_path / "mine" / "FashionMNIST" / "raw", mine)
    assert same(datasets.load("fashion"), earlier)
    monkeypatch.setattr(datasets, "_loaded", {})
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path / "mine"))
    assert same(datasets.load("fashion"), mine)


def unpack(name: str, folder: Path) -> Path:
    """The raw folder of a data set that somebody brought."""
    with zipfile.ZipFile(CASES / name) as archive:
        archive.extractall(folder)
    return folder / "FashionMNIST" / "raw"


@pytest.mark.parametrize("packed", [False, True])
def test_files_are_found_as_kaggle_spells_them(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = unpack("idx-kaggle-spelling.zip", tmp_path)
    for path in [*raw.iterdir()] if packed else []:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path))
    assert datasets.count("fashion") == 200  # without reading the images
    dataset = datasets.load("fashion")
    assert (len(dataset.train_images), len(dataset.test_images)) == (200, 50)
    assert datasets.count("fashion") == 200


@pytest.mark.parametrize("left", [(), ("train-images-idx3-ubyte", "notes.txt"), None])
def test_a_named_folder_without_all_files_says_so_and_nothing_takes_its_place(
    left: tuple[str, ...] | None,
    mirror: Mirror,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "cache" / "data" / "FashionMNIST" / "raw", small())  # downloaded before
    raw = write(tmp_path / "mine" / "FashionMNIST" / "raw", small(1))
    (raw / "notes.txt").touch()
    for path in raw.iterdir():
        if path.name not in (left or ()):
            path.unlink()
    if left is None:
        raw.rmdir()
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path / "mine"))
    assert datasets.find_folder("fashion") is None
    assert datasets.count("fashion") is None
    with pytest.raises(datasets.DataError) as error:
        datasets.load("fashion")
    text = sentence(error)
    assert f"{raw} has no " in text
    for part in datasets.PARTS:
        assert (f"{part}-ubyte" in text) == (part != "train-images-idx3" or not left) or left
    assert "unset AEVIZ_DATA" in text
    holds = {None: "cannot be listed", (): "holds nothing"}
    assert holds.get(left, "holds notes.txt, train-images-idx3-ubyte.") in text
    assert mirror.asked == []


@pytest.mark.parametrize("part", range(4))
def test_a_set_without_images_is_refused(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = small()
    both = part // 2 * 2
    arrays[both], arrays[both + 1] = arrays[both][:0], arrays[both + 1][:0]
    raw = write(tmp_path / "FashionMNIST" / "raw", arrays)
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path))
    kind = ("training", "test")[part // 2]
    with pytest.raises(datasets.DataError, match=f"There are no {kind} images in {raw}") as error:
        datasets.load("fashion")
    sentence(error)


def test_of_a_small_set_a_sixth_is_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert datasets.load().held_out == datasets.VALIDATION == datasets.held_out(100_000)
    unpack("idx-five-per-class.zip", tmp_path)
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path))
    assert datasets.load("fashion").held_out == 8
    assert datasets.held_out(2) == 1


def spoil_bits(content: bytes) -> bytes:
    return content[:40] + bytes(byte ^ 255 for byte in content[40:60]) + content[60:]


@pytest.mark.parametrize(
    ("part", "packed", "spoil"),
    [
        (0, True, lambda content: content[: len(content) // 2]),
        (0, True, spoil_bits),
        (0, True, lambda content: b"<html>Please log in</html>"),
        (0, False, lambda content: content[:-1]),
        (1, False, lambda content: content[:-1]),
        (3, False, lambda content: b""),
        (2, False, lambda content: idx(np.zeros((10, 32, 32), np.uint8))),
        (2, False, lambda content: idx(np.zeros(10 * 784, np.uint8))),
        (1, False, lambda content: idx(np.zeros(19, np.uint8))),
        (1, False, lambda content: idx(np.zeros((20, 1), np.uint8))),
        (3, False, lambda content: idx(np.full(10, 10, np.uint8))),
    ],
)
def test_a_damaged_folder_is_refused_with_its_name(
    part: int,
    packed: bool,
    spoil: Callable[[bytes], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = write(tmp_path / "FashionMNIST" / "raw", small(), packed)
    path = raw / (f"{datasets.PARTS[part]}-ubyte" + (".gz" if packed else ""))
    path.write_bytes(spoil(path.read_bytes()))
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path))
    with pytest.raises(datasets.DataError, match=re.escape(str(raw))) as error:
        datasets.load("fashion")
    sentence(error)


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(datasets.DataError, match=r"cifar.*mnist, fashion, kmnist") as error:
        datasets.load("cifar")
    sentence(error)


# -- downloads --------------------------------------------------------------------------------


class Mirror(http.server.ThreadingHTTPServer):
    """A web server on this machine with the four packed files of a data set.

    `gate` closed: it stops in the middle of the last file. `answer`: given instead of a file.
    """

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.files = {
            f"{part}-ubyte.gz": gzip.compress(idx(array), mtime=0)
            for part, array in zip(datasets.PARTS, arrays, strict=True)
        }
        self.gate = threading.Event()
        self.gate.set()
        self.answer: bytes | None = None
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Files)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Mirror)
        name = self.path[1:]
        # torchvision asks for every file twice, first to follow redirections.
        self.server.asked.append(name)
        if self.server.answer is not None:
            self.wfile.write(self.server.answer)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if name == "t10k-labels-idx1-ubyte.gz":
            self.server.gate.wait(30)
        self.wfile.write(content[half:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def arrays() -> list[np.ndarray]:
    return small(3)


@pytest.fixture
def mirror(arrays: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    with Mirror(arrays) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [server.url])
        resources = [
            (name, hashlib.md5(content).hexdigest()) for name, content in server.files.items()
        ]
        monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
        yield server
        server.gate.set()
        for future, _ in datasets._downloads.values():
            future.exception(30)
        server.shutdown()
        thread.join(10)


def kept(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache" / "data" / "FashionMNIST"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_download_shows_its_progress_and_is_kept(
    mirror: Mirror, arrays: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(map(len, mirror.files.values()))
    source = datasets.Source("Fashion-MNIST", tuple("0123456789"), "FashionMNIST", size)
    monkeypatch.setitem(datasets.SOURCES, "fashion", source)
    mirror.gate.clear()
    seen: list[tuple[float, str]] = []

    def progress(fraction: float, what: str) -> None:
        seen.append((fraction, what))
        if 0.9 < fraction < 1 or len(seen) > 200:
            mirror.gate.set()

    assert same(datasets.load("fashion", progress), arrays)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert any(0.9 < fraction < 1 for fraction in fractions)
    assert max(fractions) <= 1
    assert {what for _, what in seen} == {"Downloading Fashion-MNIST"}
    assert kept(tmp_path) == sorted(f"raw/{name}" for name in mirror.files)
    assert len(list((tmp_path / "cache" / "data" / "FashionMNIST").iterdir())) == 1

    asked = len(mirror.asked)
    monkeypatch.setattr(datasets, "_loaded", {})
    assert same(datasets.load("fashion"), arrays)  # from the disk
    assert len(mirror.asked) == asked


def test_a_download_goes_on_when_the_one_who_watches_leaves(
    mirror: Mirror, arrays: list[np.ndarray]
) -> None:
    class Left(Exception):
        pass

    def leave(fraction: float, what: str) -> None:
        raise Left

    mirror.gate.clear()
    with pytest.raises(Left):
        datasets.load("fashion", leave)
    deadline = time.monotonic() + 30
    while "t10k-labels-idx1-ubyte.gz" not in mirror.asked:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    mirror.gate.set()
    assert same(datasets.load("fashion"), arrays)
    assert mirror.asked.count("train-images-idx3-ubyte.gz") == 2  # one download: HEAD, then GET


def test_a_file_that_moves_while_its_size_is_asked_is_no_failed_download(
    mirror: Mirror, arrays: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "glob", lambda folder, _pattern: iter([folder / "moved away"]))
    assert same(datasets.load("fashion", lambda _fraction, _what: None), arrays)


def test_another_mirror_is_asked_when_the_first_fails(
    mirror: Mirror, arrays: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torchvision.datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/", mirror.url]
    )
    assert same(datasets.load("fashion"), arrays)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n<html>Please log in</html>",  # a hotel's network
        b"nonsense\r\n\r\n",
        b"",
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # urllib's, of the nonsense
def test_a_server_that_answers_something_else_is_no_network(
    answer: bytes, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.answer = answer
    with pytest.raises(datasets.DataError, match="could not be downloaded") as error:
        datasets.load("fashion")
    sentence(error)
    assert kept(tmp_path) == []
    del error
    datasets._downloads.clear()
    gc.collect()


def test_without_network_and_folder_one_sentence_says_both_ways(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(torchvision.datasets.KMNIST, "mirrors", ["http://127.0.0.1:9/"])
    for _ in range(2):  # asked again, it tries again
        with pytest.raises(datasets.DataError) as error:
            datasets.load("kmnist")
        text = sentence(error)
        assert "connect to the internet" in text
        assert "AEVIZ_DATA" in text
        assert "KMNIST/raw" in text
        assert text.count(".") == 1
    assert datasets.load() is datasets.load("mnist")  # the app goes on with MNIST
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_cache_that_cannot_be_written_is_one_sentence_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path / "file"))
    with pytest.raises(datasets.DataError, match="set AEVIZ_CACHE to a folder") as error:
        datasets.load("kmnist")
    sentence(error)


def test_a_disk_that_fills_up_during_a_download_is_named(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(
        datasets.DataError, match="since the disk is full: make room there"
    ) as error:
        datasets.load("fashion")
    assert "AEVIZ_CACHE" in sentence(error)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("name", ["fashion", "kmnist"])
def test_the_sources_agree_with_torchvision(name: str) -> None:
    files = getattr(torchvision.datasets, datasets.SOURCES[name].folder).resources
    assert {file for file, _ in files} == {f"{part}-ubyte.gz" for part in datasets.PARTS}
