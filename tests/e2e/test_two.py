"""Two people at one server: each sees what they chose, whatever the other does meanwhile."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from aeviz.app import library
from aeviz.charts import pixels
from aeviz.data import corruption, datasets
from tests.e2e.conftest import choose_model, go_to, settled, start_app
from tests.e2e.test_map import digit

CHOSEN = (  # by each of the two
    {"model": "vanilla-2d", "data": "fashion", "noise": "blur"},
    {"model": "linear-2d", "data": "kmnist", "noise": "masking"},
)
TURNED = {"fashion": np.s_[:, ::-1], "kmnist": np.s_[:, :, ::-1]}


@pytest.fixture(scope="module")
def classroom(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with three data sets: digits, the same upside down, and mirrored."""
    mnist = datasets.load()
    folder = tmp_path_factory.mktemp("data")
    for name, turn in TURNED.items():
        raw = folder / datasets.SOURCES[name].folder / "raw"
        arrays = (
            mnist.train_images[:600][turn],
            mnist.train_labels[:600],
            mnist.test_images[:200][turn],
            mnist.test_labels[:200],
        )
        raw.mkdir(parents=True)
        for part, array in zip(datasets.PARTS, arrays, strict=True):
            head = b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)
            (raw / f"{part}-ubyte").write_bytes(head + array.tobytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEVIZ_DATA", str(folder))
        process, address = start_app(tmp_path_factory.mktemp("classroom"))
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture
def people(browser: Browser) -> Iterator[list[Page]]:
    """Two with a browser each, and a third who comes alone, later."""
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in range(3)]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def denoised(page: Page, chosen: dict[str, str]) -> list[str]:
    """What the page shows once the address has what was chosen and the page is done."""
    for key, value in chosen.items():
        expect(page).to_have_url(re.compile(f"[?&]{key}={value}(&|$)"))
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    pictures = [page.get_by_alt_text(name, exact=True) for name in ("clean", "noisy", "cleaned")]
    for image in pictures:
        expect(image).to_have_count(1)
    return [image.get_attribute("src") or "" for image in pictures]


def mapped(page: Page) -> list[int]:
    """The digit under the probe of the map, once the decoder has told it."""
    root = page.get_by_test_id("latent-map")
    expect(root).to_have_attribute("data-ready", "true", timeout=60_000)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    return digit(page)


def test_each_of_two_sees_their_own_model_data_and_noise(
    classroom: str, people: list[Page]
) -> None:
    *pair, alone = people
    for page, chosen in zip(pair, CHOSEN, strict=True):
        page.goto(f"{classroom}/map?data={chosen['data']}")
    for page in pair:
        mapped(page)
    for page, chosen in zip(pair, CHOSEN, strict=True):
        choose_model(page, library.title(chosen["model"]))
    for page, chosen in zip(pair, CHOSEN, strict=True):
        for key in ("model", "data"):
            expect(page).to_have_url(re.compile(f"[?&]{key}={chosen[key]}(&|$)"))
    for page in pair:
        settled(page)
    met = [mapped(page) for page in pair]
    assert met[0] != met[1]
    places = [page.url for page in pair]  # where each probe is, too

    for page in pair:
        go_to(page, "Denoise")
    for page in pair:
        page.get_by_alt_text("cleaned", exact=True).wait_for(timeout=60_000)
    for page, chosen in zip(pair, CHOSEN, strict=True):
        title = corruption.CORRUPTIONS[chosen["noise"]].title
        settled(page)
        page.get_by_role("combobox", name=re.compile("Corruption")).click()
        page.get_by_role("option", name=title, exact=True).click()
    shown = [denoised(page, chosen) for page, chosen in zip(pair, CHOSEN, strict=True)]
    assert not set(shown[0]) & set(shown[1])
    for chosen, images in zip(CHOSEN, shown, strict=True):
        own = datasets.load().test_images[:200][TURNED[chosen["data"]]][1]
        assert images[0] == pixels.data_uri(datasets.to_float(own))

    for page, place, chosen, digit_, images in zip(pair, places, CHOSEN, met, shown, strict=True):
        alone.goto(place)
        # The address has six digits of the place: a grey level may be rounded the other way.
        assert np.abs(np.subtract(mapped(alone), digit_)).max() <= 1
        alone.goto(page.url)
        alone.get_by_alt_text("cleaned", exact=True).wait_for(timeout=60_000)
        assert denoised(alone, chosen) == images
        assert denoised(page, chosen) == images  # still
