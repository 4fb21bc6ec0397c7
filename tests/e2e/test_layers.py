"""Layers of the map in a real browser: each appears with its legend, and the address keeps it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from aeviz.app.views.layers import NAMES

LEGENDS = {
    "density": "Codes of test images in a unit square",
    "posteriors": "one standard deviation",
    "trip": "Round trip: distance in latent space",
    "nearest": "far: beyond 0.0",
    "seen": "2 bits of doubt or more",
}
COLOURS = """canvas => {
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const found = new Set();
  for (let k = 0; k < all.length; k += 4 * 101) found.add(all.slice(k, k + 4).join());
  return found.size;
}"""


def test_each_layer_appears_with_its_legend_and_the_address_keeps_it(page: Page, app: str) -> None:
    page.goto(f"{app}/map")
    root = page.get_by_test_id("latent-map")
    expect(root).to_have_attribute("data-ready", "true", timeout=60_000)
    layer, legend = page.get_by_test_id("map-layer"), page.get_by_test_id("map-legend")
    expect(legend).to_be_hidden()
    for kind, words in LEGENDS.items():
        page.get_by_role("radio", name=NAMES[kind], exact=True).click()
        expect(layer).to_have_attribute("data-drawn", kind, timeout=60_000)
        expect(legend).to_contain_text(words)
        expect(layer).to_have_accessible_name(re.compile("Under the dots: "))
        expect(page).to_have_url(re.compile(f"layer={kind}"))
        assert layer.evaluate(COLOURS) > 20, f"{kind} is blank"
    page.reload()
    expect(layer).to_have_attribute("data-drawn", "seen", timeout=60_000)
    expect(legend).to_contain_text(LEGENDS["seen"])
    page.get_by_role("radio", name=NAMES["territories"], exact=True).click()
    expect(legend).to_be_hidden()
    expect(layer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("layer="))
