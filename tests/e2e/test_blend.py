"""The digit that the browser blends under a moving probe, beside what Python blends there.

The map's own script runs on the map's own markup, on a page of the app. It is told each place as
the server would, without the exact answer, so that it has to blend.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from aeviz.analysis import planes
from aeviz.app.components import latent_map
from aeviz.app.components.browser import script
from aeviz.charts import pixels, theme
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.e2e.test_map import digit, open_map

# A second map in the place of the page's own one; window.show tells it a place.
MOUNT = """async ({ code, data }) => {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: mount } = await import(address);
  const markup = document.querySelector(".aeviz-map").outerHTML;
  document.body.innerHTML = markup;
  const root = document.querySelector(".aeviz-map");
  delete root.dataset.ready;
  root.querySelector("[data-part=plot]").replaceChildren();
  let move = 0;
  window.show = (x, y) => {
    const probe = { x, y };
    mount({
      data: { ...data, probe, move: String(++move) },
      parentElement: document.body,
      setStateValue: () => {},
    });
  };
}"""


def show(page: Page, place: tuple[float, float], shows: str = "blend") -> list[int]:
    """What the digit is once the map has been told of a place."""
    page.evaluate("([x, y]) => window.show(x, y)", place)
    text = f"{place[0]:.2f}, {place[1]:.2f}"
    expect(page.get_by_test_id("probe-coordinates")).to_have_text(text)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", shows)
    return digit(page)


def as_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@pytest.fixture(scope="module")
def atlases() -> list[planes.Atlas]:
    """The decoder of the home page over all codes, and finer over a part of them."""
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    codes = apply.encode(model, datasets.load().test_images)
    plane = planes.default_plane(codes)
    x0, x1, y0, y1 = window = planes.window_of(plane.project(codes))
    part = (x0 + 0.4 * (x1 - x0), x0 + 0.6 * (x1 - x0), y0 + 0.3 * (y1 - y0), y0 + 0.5 * (y1 - y0))
    return [
        planes.atlas(partial(apply.decode, model), plane, window, 12),
        planes.atlas(partial(apply.decode, model), plane, part, 7),
    ]


def data_of(atlases: list[planes.Atlas]) -> dict[str, Any]:
    """What the server sends to the map, with few points and no exact answer."""
    images, labels = datasets.load().test_images[:100], datasets.load().test_labels[:100]
    x0, x1, y0, y1 = atlases[0].window
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(x0, x1, 100), rng.uniform(y0, y1, 100)])
    sheet = images.swapaxes(0, 1).reshape(28, 2800)
    return {
        "plotly": "",  # the page has loaded it
        "points": as_url(latent_map.points_file(points, labels), "application/octet-stream"),
        "sheet": as_url(pixels.png(sheet), "image/png"),
        "shape": atlases[0].images.shape[2:],
        "classes": list("0123456789"),
        "colours": list(theme.DIGITS),
        "axes": ["across", "up"],
        "window": list(atlases[0].window),
        "view": None,
        "atlases": [
            {
                "url": as_url(pixels.png(atlas.sheet()), "image/png"),
                "size": atlas.size,
                "window": list(atlas.window),
            }
            for atlas in atlases
        ],
        "background": False,
        "dots": True,
        "equal": True,
        "walk": 0,
        "input": None,
        "far": 1,
        "noun": "digits",
        "wheel": False,
        "exact": None,
        "clicked": None,
    }


def places(atlas: planes.Atlas) -> dict[str, tuple[float, float]]:
    """Places of every kind in a window."""
    x0, x1, y0, y1 = atlas.window
    dx, dy = (x1 - x0) / (atlas.size - 1), (y1 - y0) / (atlas.size - 1)
    return {
        "upper left corner": (x0, y1),
        "lower right corner": (x1, y0),
        "upper right corner": (x1, y1),
        "lower left corner": (x0, y0),
        "a node": (x0 + 2 * dx, y1 - 3 * dy),
        "the middle of a cell": (x0 + 4.5 * dx, y1 - 2.5 * dy),
        "between two nodes of a row": (x0 + 1.3 * dx, y1 - 4 * dy),
        "in a corner's cell": (x0 + 0.2 * dx, y1 - 0.7 * dy),
        "in the last cell": (x1 - 0.1 * dx, y0 + 0.4 * dy),
        "anywhere": (x0 + 3.37 * dx, y1 - 5.81 * dy),
    }


def mount(page: Page, atlases: list[planes.Atlas]) -> None:
    code = script(latent_map.HERE)
    page.evaluate(MOUNT, {"code": code, "data": data_of(atlases)})


def test_the_browser_blends_as_python_does(
    page: Page, app: str, atlases: list[planes.Atlas]
) -> None:
    whole = atlases[0]
    open_map(page, app)
    mount(page, [whole])
    for name, place in places(whole).items():
        expected = 255 * whole.blend(np.array([place])).ravel()
        np.testing.assert_allclose(show(page, place), expected, atol=0.51, err_msg=name)
    before = digit(page)
    x0, x1, y0, y1 = whole.window
    for place in ((x0 - 0.1, y0), (x1, y1 + 0.1)):  # nothing is known there: what was, stays
        assert show(page, place, "earlier place") == before


def test_where_a_finer_atlas_lies_it_is_blended(
    page: Page, app: str, atlases: list[planes.Atlas]
) -> None:
    whole, finer = atlases
    open_map(page, app)
    mount(page, atlases)
    for name, place in places(finer).items():
        expected, coarse = (255 * one.blend(np.array([place])).ravel() for one in (finer, whole))
        assert np.abs(expected - coarse).max() > 2, name
        np.testing.assert_allclose(show(page, place), expected, atol=0.51, err_msg=name)
    x0, _, y0, _ = whole.window
    expected = 255 * whole.blend(np.array([[x0 + 0.1, y0 + 0.1]])).ravel()
    np.testing.assert_allclose(show(page, (x0 + 0.1, y0 + 0.1)), expected, atol=0.51)


def test_images_may_have_another_height_and_width(page: Page, app: str) -> None:
    levels = np.random.default_rng(3).integers(60, 200, (9, 9, 8, 6), dtype=np.uint8)
    other = planes.Atlas((-1.1, 1.0, -2.0, 2.3), levels)
    open_map(page, app)
    mount(page, [other])
    for name, place in places(other).items():
        expected = 255 * other.blend(np.array([place])).ravel()
        assert len(expected) == 48
        np.testing.assert_allclose(show(page, place), expected, atol=0.51, err_msg=name)
