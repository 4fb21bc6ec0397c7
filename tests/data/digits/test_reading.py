"""Every kind of file, and a sentence on each that is none or that costs too much."""

import gzip
import io
import re
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from aeviz.data.digits import (
    MAX_BYTES,
    reading,
    stages,
    to_mnist,
)
from tests.data.digits.sheets import (
    CASES,
    X,
    encoded,
    paper,
    photo,
    refusal,
    same_digit,
)


def test_a_yellow_pen_is_told_from_white_paper_by_its_colour():
    ink = (255 - np.asarray(paper(), np.float32))[..., None] / 255
    colours = np.uint8(np.array([250, 250, 250]) * (1 - ink) + np.array([255, 225, 20]) * ink)
    y, x = np.mgrid[:280, :280] / 280
    shaded = np.uint8(colours * (1 - 0.4 * x * y)[..., None])
    for picture in (colours, shaded):
        assert same_digit(to_mnist(Image.fromarray(picture)))


MEMORY = """
import resource, sys
from aeviz.data.digits import stages

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak()
stages(sys.stdin.buffer.read())
print((peak() - before) / (1 if sys.platform == "darwin" else 1000))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say the most that was held")
@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGBA", {}), ("LA", {}), ("I;16", {}), ("P", {"transparency": 0})],
    ids=["transparent", "grey and transparent", "16 bits", "palette"],
)
def test_a_large_picture_is_in_memory_once(mode, options):
    large = Image.new("L", (4900, 4900), 255)
    large.paste(paper(side=3000), (900, 900))
    large = (
        Image.fromarray(np.asarray(large, np.uint16) * 257)
        if mode == "I;16"
        else large.convert(mode)
    )
    content = encoded(large, "PNG", compress_level=1, **options)
    run = [sys.executable, "-c", MEMORY]
    said = subprocess.run(run, input=content, capture_output=True, check=True).stdout
    assert float(said) < 150  # megabytes; the pixels of RGBA alone are 96


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16"])
def test_more_pixels_than_can_be_decoded_in_no_time_are_refused(mode, monkeypatch):
    monkeypatch.setattr(reading, "upright", lambda image: pytest.fail("decoded"))
    assert "25 million pixels" in refusal(encoded(Image.new(mode, (5100, 5000)), "PNG"))
    webp = encoded(Image.new("RGB", (4300, 4300)), "WEBP", method=0)
    assert "18 million pixels" in refusal(webp)
    inks = encoded(Image.new("CMYK", (5100, 5000)), "JPEG", progressive=True)
    assert "25 million pixels" in refusal(inks)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {"quality": 85}), ("WEBP", {"quality": 85}), ("GIF", {}), ("BMP", {})],
)
def test_the_five_formats(kind, options):
    assert same_digit(to_mnist(encoded(paper(), kind, **options)))


def test_a_photo_of_an_iphone():
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(photo(shape=(600, 800)).convert("RGB")).save(buffer, quality=80)
    assert buffer.getvalue()[4:12] == b"ftypheic"
    assert same_digit(to_mnist(buffer.getvalue()))
    cut = buffer.getvalue()[: len(buffer.getvalue()) // 2]
    assert "damaged" in refusal(cut)
    assert "damaged" in refusal(CASES / "iphone.heic")  # its photo is not there


def test_without_the_reader_of_heic_its_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, reading.HEIC, raising=False)
    assert "save it as PNG, JPEG" in refusal(CASES / "iphone.heic")


@pytest.mark.parametrize("name", ["model.pt", "model.h5"])
def test_a_model_is_no_picture(name):
    found = refusal(CASES / name)
    assert "model" in found
    assert "PNG, JPEG" in found


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"]
)
def test_the_modes_of_a_pil_image(mode):
    image = paper()
    image = image.convert("RGB").convert(mode) if mode in ("CMYK", "HSV") else image.convert(mode)
    before = image.tobytes()
    assert same_digit(to_mnist(image))
    assert image.tobytes() == before  # the caller's picture is not touched


def test_path_bytes_and_image_agree(tmp_path):
    path = tmp_path / "seven.png"
    paper().save(path)
    expected = to_mnist(paper())
    for picture in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(to_mnist(picture), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture(orientation):
    undo = {  # how a camera held so stores an upright scene
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = paper() if undo is None else paper().transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert same_digit(to_mnist(encoded(stored, "JPEG", exif=exif, quality=95)))


def test_cmyk_jpeg():
    assert same_digit(to_mnist(encoded(paper().convert("RGB").convert("CMYK"), "JPEG")))


def test_palette_with_a_transparent_colour():
    image = paper().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    index = image.getpixel((0, 0))
    assert same_digit(to_mnist(encoded(image, "PNG", transparency=index)))


@pytest.mark.parametrize("white", [65535, 900])
def test_sixteen_bits(white):
    values = np.asarray(paper(), np.float32) / 255 * white
    assert same_digit(to_mnist(encoded(Image.fromarray(values.astype(np.uint16)), "PNG")))


def test_transparent_paper_is_white():
    rgba = np.zeros((280, 280, 4), np.uint8)  # black everywhere, and only the digit is opaque
    rgba[..., 3] = 255 - np.asarray(paper())
    assert same_digit(to_mnist(encoded(Image.fromarray(rgba), "PNG")))


def test_red_pen_and_chalk():
    ink = (255 - np.asarray(paper(), np.float32))[..., None] / 255
    for sheet, pen in (((250, 250, 245), (200, 30, 30)), ((30, 60, 45), (230, 230, 220))):
        colours = np.uint8(np.array(sheet) * (1 - ink) + np.array(pen) * ink)
        assert same_digit(to_mnist(Image.fromarray(colours)))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(kind):
    frames = [paper(X[i]).convert("RGB") for i in (0, 1, 2)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert same_digit(to_mnist(content), X[0])


def test_a_twelve_megapixel_photo_is_made_small_before_it_is_looked_at(monkeypatch):
    content = encoded(photo(), "JPEG", quality=80)
    decoded = []
    upright = reading.upright
    monkeypatch.setattr(reading, "upright", lambda x: decoded.append(x.size) or upright(x))
    found = stages(content)
    assert same_digit(found.result)
    assert decoded == [(1000, 750)]  # a quarter of each side, by the JPEG decoder itself
    assert max(found.grey.shape) < 1024


def bomb(width: int, height: int) -> bytes:
    """A PNG of black pixels, written without ever holding them."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("seven.png", encoded(paper(), "PNG"))
    return buffer.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><path d="M5 5h9"/></svg>'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (SVG, "SVG.*export it"),
        (b"<?xml version='1.0'?>\n" + SVG, "SVG.*export it"),
        (archive(), "archive: unpack it"),
        (gzip.compress(encoded(paper(), "PNG")), "archive: unpack it"),
        (encoded(paper(), "PDF"), "PDF: save"),
        (b"\0\0\0\x18ftypavif" + bytes(100), "AVIF.*save it"),
        (b"hello", "not a picture"),
        (bytes(1000), "not a picture"),
        (encoded(paper(), "TIFF"), "not a picture"),
        (encoded(paper(), "ICO"), "not a picture"),
    ],
    ids=["svg", "xml", "zip", "gzip", "pdf", "avif", "text", "zeros", "tiff", "ico"],
)
def test_what_is_not_one_of_the_formats(content, sentence):
    found = refusal(content)
    assert re.search(sentence, found)
    assert "PNG, JPEG" in found


def test_empty():
    assert "empty" in refusal(b"")


def test_no_such_file(tmp_path):
    assert "nothing.png" in refusal(tmp_path / "nothing.png")
    assert tmp_path.name in refusal(tmp_path)


def test_too_many_bytes(tmp_path):
    assert "15 MB" in refusal(bytes(MAX_BYTES + 1))
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(10**10)  # takes no room on the disk, and must not be read whole
    assert "15 MB" in refusal(path)


@pytest.mark.parametrize("size", [(8000, 8000), (12000, 12000), (30000, 30000)])
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_a_bomb_is_refused_before_it_is_decoded(size, action):
    content = bomb(size[0], 8)  # the pixels need not be there: they are never asked for
    content = content[:16] + struct.pack(">II", *size) + content[24:]
    content = content[:29] + struct.pack(">I", zlib.crc32(content[12:29])) + content[33:]
    with warnings.catch_warnings():
        warnings.simplefilter(action, Image.DecompressionBombWarning)
        assert "million pixels" in refusal(content)


def test_a_huge_pil_image():
    assert "million pixels" in refusal(Image.new("1", (8000, 8000)))


def test_no_pixels():
    assert "no pixels" in refusal(Image.new("L", (0, 5)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_cut_off_files(kind, kept):
    content = encoded(photo(shape=(300, 400)), kind)
    assert refusal(content[: int(kept * len(content))])
