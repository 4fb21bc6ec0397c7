"""Who sees little or nothing: what is written can be read, heard and reached, on all pages."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from aeviz.app import pages
from tests.e2e.conftest import picker, settled

Scheme = Literal["light", "dark"]
THEMES: tuple[tuple[Scheme, Scheme], ...] = (("light", "dark"), ("dark", "light"))
LEAST = 4.5
"""WCAG 2.2, 1.4.3."""
# The contrast of each text with what is drawn behind it, by the colours that the browser computed;
# what cannot be used is left out, as WCAG does, and what lies on an image.
CONTRASTS = """() => {
  const parse = (text) => {
    const canvas = (window.oneDot ??= Object.assign(
      document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d",
      { willReadFrequently: true }));
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (above, below) =>
    [0, 1, 2].map((k) => above[k] * above[3] + below[k] * (1 - above[3]));
  const light = (c) => c.slice(0, 3)
    .map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const parents = function* (e) { for (; e; e = e.parentElement) yield e; };
  const ground = (e) => {
    const layers = [];
    for (const one of parents(e)) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight((below, above) => over(above, below), [255, 255, 255]);
  };
  const found = [];
  const written = [...document.querySelectorAll("body *")].filter((e) => !e.closest("svg, canvas")
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  const charts = document.querySelectorAll(
    ".xtick text, .ytick text, .legendtext, .xtitle, .ytitle");
  for (const e of [...written, ...charts]) {
    if (e.closest("style, script, .katex-mathml, [inert], [aria-hidden=true], [data-stale=true]"))
      continue;
    if (e.closest("[disabled], [aria-disabled=true], :has(> :disabled)")) continue;
    if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const box = e.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const style = getComputedStyle(e);
    const own = parse(e.matches("text") ? style.fill : style.color);
    for (const one of parents(e)) own[3] *= +getComputedStyle(one).opacity;
    const below = ground(e.closest("[data-testid=stSliderThumbValue]")
      ?.closest("[data-testid=stSlider]") ?? e);  // it stands above the thumb that it is in
    const [a, b] = [light(over(own, below)), light(below)].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), e.textContent.trim().slice(0, 40),
      e.closest("[data-testid]")?.dataset.testid ?? e.tagName]);
  }
  return found;
}"""
LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((e) => e.checkVisibility()).map((e) => +e.tagName[1])"""
NAMELESS = """() => [...document.querySelectorAll("[data-testid=stPlotlyChart]")]
  .filter((e) => e.checkVisibility() && !e.matches("[aria-label], :has([aria-label])"))
  .map((e) => "a chart without a name: " + e.textContent.slice(0, 60))"""
STREAMLITS = {
    "presentation-role-conflict": (
        "stFileUploaderDropzone",
        "its drop zone has a label beside a role that says it has no meaning; minor",
    ),
}
"""What axe finds and only Streamlit can mend: the rule, the part, and what it is."""
NEAR = re.compile(r"^-?\d+\.\d+, -?\d+\.\d+; (near|far).* codes? .*\d; nearest at \d+\.\d\d$")
ENDS = ("min", "now", "max")


def poor(page: Page) -> list[Any]:
    """Texts with too little contrast, and that there are some with enough."""
    found = page.evaluate(CONTRASTS)
    assert len(found) > 10
    return [(round(ratio, 2), *rest) for ratio, *rest in found if ratio < LEAST]


def disordered(page: Page) -> list[Any]:
    """Headings that skip a level; the page's question is the first and the only one of its kind."""
    levels = page.evaluate(LEVELS)
    after = [later for before, later in pairwise(levels) if later > before + 1]
    return after if levels[:1] == [1] and levels.count(1) == 1 else levels


def broken(page: Page) -> list[Any]:
    """What axe finds, but for what is Streamlit's own."""
    found = []
    for rule in Axe().run(page).response["violations"]:
        theirs, _ = STREAMLITS.get(rule["id"], ("nothing of theirs", ""))
        parts = [node["html"] for node in rule["nodes"] if theirs not in node["html"]]
        found += [(rule["impact"], rule["id"], part[:200]) for part in parts]
    return found


def change(page: Page, scheme: Scheme) -> None:
    """Have the system ask for another theme, and wait until all of the page is in it."""
    page.emulate_media(color_scheme=scheme)
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
    page.keyboard.press("r")  # the page runs again: the script's own rules follow
    expect(page.locator("html")).to_have_css("color-scheme", scheme)
    page.wait_for_timeout(500)  # colours change by degrees
    settled(page)


def test_all_pages_can_be_read_heard_and_reached_in_both_themes(browser: Browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page, found = context.new_page(), {}
    for number, key in enumerate(pages.PAGES):
        first, second = THEMES[number % 2]  # a page comes up in one and is changed to the other
        page.emulate_media(color_scheme=first)
        page.goto(f"{app}/{'' if key == 'home' else key}")
        page.locator("h1").first.wait_for(timeout=60_000)
        settled(page)
        page.wait_for_timeout(500)  # colours change by degrees
        wrong = [*poor(page), *disordered(page), *page.evaluate(NAMELESS)]
        wrong += broken(page)  # in one of the themes: it takes a second
        change(page, second)
        wrong += [*poor(page), *disordered(page), *page.evaluate(NAMELESS)]
        if wrong:
            found[key] = wrong
    for scheme in THEMES[0]:
        page.emulate_media(color_scheme=scheme)
        page.reload()
        picker(page).click()
        page.get_by_test_id("stPopoverBody").wait_for()
        settled(page)
        page.wait_for_timeout(500)
        if wrong := [*poor(page), *broken(page)]:
            found[f"the list of models, {scheme}"] = wrong
    context.close()
    assert found == {}


@pytest.mark.parametrize("path", ["", "map"])
def test_the_probe_is_the_first_stop_of_the_exhibit_and_says_what_is_near(
    page: Page, app: str, path: str
) -> None:
    page.goto(f"{app}/{path}")
    probe = page.get_by_test_id("probe")
    expect(probe).to_have_attribute("aria-valuetext", NEAR, timeout=60_000)
    exhibit = page.locator(".st-key-exhibit")
    expect(exhibit.locator(".aeviz-unseen")).to_contain_text("the probe")
    exhibit.evaluate("e => { e.tabIndex = -1; e.focus(); }")
    page.keyboard.press("Tab")
    expect(probe).to_be_focused()
    before = probe.get_attribute("aria-valuenow")
    page.keyboard.press("Shift+ArrowRight")
    expect(probe).not_to_have_attribute("aria-valuenow", before or "")
    low, now, high = (float(probe.get_attribute(f"aria-value{k}") or "") for k in ENDS)
    assert low <= now <= high
