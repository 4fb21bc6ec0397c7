"""The latent map in a real browser: what a person does with the probe, the dots and the address."""

from __future__ import annotations

import io
import json
import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from aeviz.charts import theme
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.e2e.conftest import choose_model, eventually, settled


def open_map(page: Page, address: str) -> Locator:
    page.goto(address)
    root = page.get_by_test_id("latent-map")
    expect(root).to_have_attribute("data-ready", "true", timeout=60_000)
    root.dispatch_event("pointerdown")  # the probe stops to walk once somebody touches the map
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    return root


def digit(page: Page) -> list[int]:
    """Grey values of the digit under the probe."""
    return page.get_by_test_id("probe-digit").evaluate(
        "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        ".filter((_, i) => i % 4 == 3)"
    )


def coordinates(page: Page) -> tuple[float, float]:
    x, y = page.get_by_test_id("probe-coordinates").inner_text().split(",")
    return float(x), float(y)


def difference(a: list[int], b: list[int]) -> float:
    return sum(abs(p - q) for p, q in zip(a, b, strict=True)) / len(a)


def drag(page: Page, dx: float, dy: float, *, steps: int = 20, release: bool = True) -> None:
    page.get_by_test_id("probe").scroll_into_view_if_needed()
    box = page.get_by_test_id("probe").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=steps)
    if release:
        page.mouse.up()


def test_dragging_changes_the_digit_before_and_after_release(page: Page, app: str) -> None:
    open_map(page, app)
    before, place = digit(page), coordinates(page)
    drag(page, 180, -150, release=False)
    moved = digit(page)
    assert difference(before, moved) > 5, "the digit did not change under the moving probe"
    assert coordinates(page)[0] > place[0]
    assert coordinates(page)[1] > place[1]
    page.mouse.up()
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert difference(moved, digit(page)) < 3, "blend and exact decode show different digits"


def test_the_digit_is_large_and_the_map_stays_in_its_page(page: Page, app: str) -> None:
    open_map(page, app)
    for width, height, least in ((1440, 900, 170), (390, 844, 170)):
        page.set_viewport_size({"width": width, "height": height})
        box = page.get_by_test_id("probe-digit").bounding_box()
        assert box is not None
        assert box["width"] >= least
        assert box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_touch_drags_the_probe(browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    open_map(page, app)
    place = coordinates(page)
    box = page.get_by_test_id("probe").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 11):
        point = {"x": x + 6 * step, "y": y - 6 * step}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert coordinates(page)[0] > place[0]
    assert coordinates(page)[1] > place[1]
    context.close()


def test_arrow_keys_move_the_probe_and_shift_moves_it_further(page: Page, app: str) -> None:
    open_map(page, app)
    page.get_by_test_id("probe").focus()
    x0, y0 = coordinates(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("probe-coordinates")).not_to_have_text(f"{x0:.2f}, {y0:.2f}")
    x1, y1 = coordinates(page)
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_test_id("probe-coordinates")).not_to_have_text(f"{x1:.2f}, {y1:.2f}")
    x2, _ = coordinates(page)
    assert x1 > x0
    assert y1 == y0
    assert (x2 - x1) / (x1 - x0) == pytest.approx(5, rel=0.2)


def test_the_address_gives_the_same_image_again(page: Page, app: str) -> None:
    open_map(page, app)
    drag(page, 120, 60)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    page.wait_for_function(
        "p => location.search.includes('probe=') && location.search != p", arg=""
    )
    x, y = coordinates(page)
    page.wait_for_function(
        "x => Math.abs(parseFloat(new URLSearchParams(location.search).get('probe')) - x) < 0.01",
        arg=x,
    )
    shown = digit(page)
    assert "probe" in parse_qs(urlparse(page.url).query)
    open_map(page, page.url)
    assert coordinates(page) == (x, y)
    assert difference(shown, digit(page)) < 0.5


def test_clicking_a_dot_shows_its_copy_and_moves_the_probe(page: Page, app: str) -> None:
    open_map(page, f"{app}/map")
    place = coordinates(page)
    spot = page.evaluate(
        """() => {
          const plot = document.querySelector('[data-testid=latent-map] [data-part=plot]');
          const trace = plot.data[0], axes = plot._fullLayout, box = plot.getBoundingClientRect();
          const at = trace.x.findIndex((x, i) => x < axes.xaxis.range[1] && x > axes.xaxis.range[0]
            && trace.y[i] < axes.yaxis.range[1] && trace.y[i] > axes.yaxis.range[0]);
          return [box.left + axes.xaxis._offset + axes.xaxis.d2p(trace.x[at]),
                  box.top + axes.yaxis._offset + axes.yaxis.d2p(trace.y[at])];
        }"""
    )
    page.mouse.move(*spot)
    expect(page.locator(".aeviz-map .tip")).to_be_visible()
    expect(page.locator(".aeviz-map .tip")).to_contain_text("test image")
    page.mouse.click(*spot)
    clicked = page.get_by_test_id("clicked")
    expect(clicked).to_be_visible()
    expect(clicked).to_contain_text(re.compile(r"MSE 0\.\d{4}, PSNR \d+\.\d dB"))
    assert coordinates(page) != place


def zoom(page: Page, times: int = 6) -> None:
    page.locator(".aeviz-map .stage").scroll_into_view_if_needed()
    box = page.locator(".aeviz-map .stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(times):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(60)


def view(page: Page) -> list[float]:
    found: list[float] = json.loads(
        page.get_by_test_id("latent-map").get_attribute("data-view") or "[]"
    )
    return found


def test_zooming_in_asks_for_a_finer_grid_and_shows_where_one_is(page: Page, app: str) -> None:
    root = open_map(page, f"{app}/map")
    expect(root.locator(".minimap")).to_be_hidden()
    with page.expect_response(lambda answer: ".png" in answer.url):
        zoom(page)
    page.wait_for_function("location.search.includes('view=')")
    expect(root.locator(".minimap")).to_be_visible()


@pytest.mark.parametrize("size", [(1440, 900), (2000, 700), (390, 844)])
@pytest.mark.parametrize("path", ["", "/map", "/map?model=vanilla-32d"])
def test_both_axes_have_one_scale_whatever_the_window(
    page: Page, app: str, path: str, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    root = open_map(page, f"{app}{path}")
    for _ in range(2):
        box = root.locator(".stage").bounding_box()
        assert box is not None
        x0, x1, y0, y1 = view(page)
        across, up = (x1 - x0) / box["width"], (y1 - y0) / box["height"]
        assert across == pytest.approx(up, rel=0.02)
        if not path:
            break
        zoom(page, 3)
        page.wait_for_function(
            f"JSON.parse(document.querySelector('.aeviz-map').dataset.view)[0] != {x0}"
        )


# The mean colour of the ground at a place of the map, after its tiles are drawn.
GROUND = """async ([x, y]) => {
  const root = document.querySelector(".aeviz-map");
  const canvas = root.querySelector("[data-part=ground]");
  const [x0, x1, y0, y1] = JSON.parse(root.dataset.view);
  const side = 0.04 * canvas.width;
  const left = ((x - x0) / (x1 - x0)) * canvas.width - side / 2;
  const top = ((y1 - y) / (y1 - y0)) * canvas.height - side / 2;
  const { data } = canvas.getContext("2d").getImageData(left, top, side, side);
  const sum = [0, 0, 0];
  for (let k = 0; k < data.length; k += 4) for (let c = 0; c < 3; c++) sum[c] += data[k + c];
  return sum.map((value) => (4 * value) / data.length);
}"""


@pytest.mark.parametrize("name", ["variational-2d", "vanilla-2d"])
def test_the_ground_has_the_colour_of_the_codes_that_lie_there(
    page: Page, app: str, name: str
) -> None:
    model, mnist = checkpoint.load(name), datasets.load()
    codes = apply.encode(model, mnist.test_images)
    open_map(page, f"{app}/map?model={name}&dots=false")
    page.wait_for_timeout(1500)
    for label in (0, 1, 7):
        own = codes[mnist.test_labels == label]
        middle = np.median(own, 0)
        found = np.array(page.evaluate(GROUND, middle.tolist()))
        colours = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in theme.DIGITS])
        near = mnist.test_labels[np.square(codes - middle).sum(1).argsort()[:25]]
        assert (near == label).mean() > 0.7, "the place says little of the class"
        tint = found - found.mean()
        ours = colours[label] - colours[label].mean()
        assert np.dot(tint, ours) / np.linalg.norm(tint) / np.linalg.norm(ours) > 0.9, label
    empty = np.array(page.evaluate(GROUND, [view(page)[0] * 0.98, view(page)[2] * 0.98]))
    assert np.ptp(empty) < 12, "where no code is it is pale"


def test_each_class_has_its_name_where_its_codes_are_and_selects_them(page: Page, app: str) -> None:
    root = open_map(page, f"{app}/map")
    mnist = datasets.load()
    codes = apply.encode(checkpoint.load("variational-2d"), mnist.test_images)
    stage = root.locator(".stage").bounding_box()
    assert stage is not None
    x0, x1, y0, y1 = view(page)
    names = root.locator(".name")
    expect(names).to_have_count(10)
    for k in range(10):
        box = names.nth(k).bounding_box()
        assert box is not None
        left, top = (
            box["x"] + box["width"] / 2 - stage["x"],
            box["y"] + box["height"] / 2 - stage["y"],
        )
        place = x0 + left / stage["width"] * (x1 - x0), y1 - top / stage["height"] * (y1 - y0)
        label = int(names.nth(k).inner_text())
        near = np.square(codes - place).sum(1).argsort()[:200]
        assert (mnist.test_labels[near] == label).mean() > 0.15, label  # by chance a tenth
    names.nth(0).click()
    expect(page.get_by_role("heading", name="980 selected")).to_be_visible()


def test_the_mouse_peeks_and_a_click_moves(page: Page, app: str) -> None:
    root = open_map(page, app)
    before = coordinates(page)
    box = root.locator(".stage").bounding_box()
    assert box is not None
    spot = box["x"] + 0.6 * box["width"], box["y"] + 0.2 * box["height"]
    page.mouse.move(*spot, steps=3)
    tip = root.locator(".tip")
    expect(tip).to_have_attribute("data-kind", "decoded")
    expect(tip).to_be_visible()
    assert coordinates(page) == before
    page.mouse.click(*spot)
    text = f"{before[0]:.2f}, {before[1]:.2f}"
    expect(page.get_by_test_id("probe-coordinates")).not_to_have_text(text)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")


def test_a_probe_out_of_view_stands_at_the_edge(page: Page, app: str) -> None:
    root = open_map(page, f"{app}/map?probe=9,0&view=-1,1,-1,1")
    probe = page.get_by_test_id("probe")
    expect(probe).to_have_attribute("data-outside", "true")
    box, stage = probe.bounding_box(), root.locator(".stage").bounding_box()
    assert box is not None
    assert stage is not None
    middle = box["x"] + box["width"] / 2
    assert middle == pytest.approx(stage["x"] + stage["width"], abs=3)


def draw_a_one(page: Page) -> None:
    box = page.get_by_test_id("pad").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.85 * box["height"], steps=12)
    page.mouse.up()


def test_what_is_drawn_is_encoded_and_the_probe_goes_there(page: Page, app: str) -> None:
    root = open_map(page, app)
    before = page.get_by_test_id("encoded").bounding_box()
    draw_a_one(page)
    expect(root.locator("[data-part=apart]")).to_contain_text("the probe is there")
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    mnist = datasets.load()
    codes = apply.encode(checkpoint.load("variational-2d"), mnist.test_images)

    def among_ones() -> bool:
        near = np.square(codes - coordinates(page)).sum(1).argsort()[:25]
        return bool((mnist.test_labels[near] == 1).mean() > 0.8)

    eventually(page, among_ones, "the code of the whole stroke")
    after = page.get_by_test_id("encoded").bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["x"] - before["x"]) + abs(after["y"] - before["y"]) > 10
    expect(root.locator("[data-part=error]")).to_contain_text(re.compile(r"MSE 0\.\d{4}"))
    # The posterior: two ellipses around the code.
    rings = root.locator("[data-part=rings] circle")
    inner, outer = (rings.nth(k).bounding_box() for k in range(2))
    assert inner is not None
    assert outer is not None
    line = 1.5  # is outside of what it goes around
    assert outer["width"] - line == pytest.approx(2 * (inner["width"] - line), rel=0.1)
    # The left side stays while the probe is dragged.
    shown = page.get_by_test_id("reconstruction").evaluate("c => c.toDataURL()")
    drag(page, 60, -80)
    expect(root.locator("[data-part=apart]")).to_contain_text("away")
    assert page.get_by_test_id("reconstruction").evaluate("c => c.toDataURL()") == shown


EMPTY = (
    """c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.every((v) => v === 0)"""
)


def test_what_came_of_a_drawing_goes_with_it_and_the_next_one_counts(page: Page, app: str) -> None:
    root = open_map(page, app)
    expect(page.get_by_test_id("encoded")).to_be_visible()
    root.get_by_role("button", name="Clear").click()
    for canvas in (page.get_by_test_id("pad"), page.get_by_test_id("reconstruction")):
        assert canvas.evaluate(EMPTY)
    expect(root.locator("[data-part=error]")).to_have_text("")
    expect(page.get_by_test_id("encoded")).to_be_hidden()
    drag(page, 40, -40)  # the server answers, and does not bring it back
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert page.get_by_test_id("reconstruction").evaluate(EMPTY)
    root.get_by_role("button", name="Another digit").click()
    expect(root.locator("[data-part=apart]")).to_contain_text("the probe is there")
    draw_a_one(page)
    expect(page.get_by_test_id("encoded")).to_be_visible()
    expect(root.locator("[data-part=trouble]")).to_have_text("")


def test_the_pad_stays_where_it_is_while_one_draws(page: Page, app: str) -> None:
    root = open_map(page, app)
    page.evaluate("""() => {
      window.said = [];
      window.tops = [];
      const look = () => {
        window.said.push(document.querySelector("[data-part=trouble]").textContent);
        window.tops.push(document.querySelector("[data-part=pad]").getBoundingClientRect().top);
        requestAnimationFrame(look);
      };
      look();
    }""")
    root.get_by_role("button", name="Clear").click()
    box = page.get_by_test_id("pad").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.wait_for_timeout(1500)  # a touch, and the server has answered
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=12)
    page.mouse.up()
    expect(root.locator("[data-part=error]")).to_contain_text("MSE")
    page.wait_for_timeout(500)
    assert page.evaluate("[...new Set(window.said)]") == [""]
    assert len(page.evaluate("[...new Set(window.tops)]")) == 1


def test_a_reload_keeps_the_drawing_and_its_place(page: Page, app: str) -> None:
    root = open_map(page, app)
    draw_a_one(page)
    expect(root.locator("[data-part=apart]")).to_contain_text("the probe is there")
    page.wait_for_function("location.search.includes('pad=') && !location.search.includes('probe')")
    settled(page)
    pad, place = page.get_by_test_id("pad"), coordinates(page)
    inked = """c => Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data)
        .filter((_, k) => k % 4 === 3)"""
    drawn = pad.evaluate(inked)
    page.reload()
    expect(root).to_have_attribute("data-ready", "true", timeout=60_000)
    expect(root.locator("[data-part=apart]")).to_contain_text("the probe is there")
    assert coordinates(page) == pytest.approx(place, abs=0.15)
    assert np.corrcoef(pad.evaluate(inked), drawn)[0, 1] > 0.95
    # A digit of the test set likewise; an empty pad leaves nothing.
    root.get_by_role("button", name="Another digit").click()
    page.wait_for_function("/pad_image=[0-9]+/.test(location.search)")
    assert "pad=" not in page.url
    root.get_by_role("button", name="Clear").click()
    page.wait_for_function("!/pad|probe/.test(location.search)")


SEEN = """() => {
    const seen = document.querySelector('[data-part="seen"]');
    const { data } = seen.getContext("2d").getImageData(0, 0, seen.width, seen.height);
    return Array.from(data).filter((_, k) => k % 4 === 3);
}"""


def test_a_photo_is_encoded_and_what_is_none_gets_a_sentence(page: Page, app: str) -> None:
    root = open_map(page, app)
    written = datasets.load().test_images[17]
    on_paper = np.pad(np.kron(255 - written, np.ones((8, 8), np.uint8)), 60, constant_values=255)
    file = io.BytesIO()
    Image.fromarray(on_paper).save(file, "PNG")
    photo, before = root.locator("[data-part=photo]"), page.evaluate(SEEN)
    photo.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.wait_for_function(
        f"before => String(({SEEN})()) !== before", arg=",".join(map(str, before))
    )
    assert np.corrcoef(page.evaluate(SEEN), written.ravel())[0, 1] > 0.9
    expect(root.locator("[data-part=apart]")).to_contain_text("the probe is there")
    photo.set_input_files({"name": "b.png", "mimeType": "image/png", "buffer": b"no image"})
    expect(root.locator("[data-part=trouble]")).to_have_text(re.compile(r"\w+.*\."))


def test_another_model_keeps_the_image(page: Page, app: str) -> None:
    open_map(page, f"{app}/map?model=vanilla-2d")
    page.get_by_test_id("latent-map").locator(".name", has_text="0").click()
    box = page.get_by_test_id("latent-map").locator(".name", has_text="0").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 30, box["y"] - 12)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    nearest = "document.querySelector('.five div').dataset.index"
    index = page.evaluate(nearest)
    choose_model(page, "Contractive, 2 dimensions")
    page.wait_for_function("location.search.includes('contractive-2d')")
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    page.wait_for_function(f"{nearest} === '{index}'")


def test_until_it_is_touched_the_probe_walks(browser: Browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(app)
    expect(page.get_by_test_id("latent-map")).to_have_attribute(
        "data-ready", "true", timeout=60_000
    )
    start = coordinates(page)
    page.wait_for_function(
        "start => document.querySelector('[data-testid=probe-coordinates]').innerText != start",
        arg=f"{start[0]:.2f}, {start[1]:.2f}",
    )
    page.get_by_test_id("pad").click()
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    rests = coordinates(page)
    page.wait_for_timeout(600)
    assert coordinates(page) == rests
    context.close()


def test_a_lasso_shows_the_selected_digits(page: Page, app: str) -> None:
    root = open_map(page, f"{app}/map")
    root.hover()
    root.locator(".modebar-btn[data-val=lasso]").click()
    box = root.locator(".stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    for dx, dy in ((60, -60), (60, 60), (-60, 60), (-60, -60)):
        page.mouse.move(x + dx, y + dy, steps=8)
    page.mouse.up()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ selected"))).to_be_visible()
    expect(page.locator(".aeviz-gallery img").first).to_be_visible()


def test_a_far_place_is_warned_of(page: Page, app: str) -> None:
    open_map(page, f"{app}/map?probe=400,400")
    expect(page.locator(".aeviz-map [data-part=far]").last).to_contain_text("Far from every code")


@pytest.mark.parametrize("plane", ["pca", "axes"])
def test_codes_wider_than_two_have_planes(page: Page, app: str, plane: str) -> None:
    open_map(page, f"{app}/map?model=vanilla-32d&plane={plane}")
    before = digit(page)
    drag(page, 60, -60)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert difference(before, digit(page)) > 0.5


def test_selecting_is_said_its_tools_are_seen_and_what_is_selected_is_near(
    page: Page, app: str
) -> None:
    root = open_map(page, f"{app}/map")
    expect(page.get_by_text("To select, click a numeral")).to_be_in_viewport()
    page.mouse.move(5, 5)
    lasso = root.locator(".modebar-btn[data-val=lasso]")
    page.wait_for_timeout(500)  # a bar that shows itself to the mouse alone would be gone
    assert lasso.evaluate("e => +getComputedStyle(e.closest('.modebar')).opacity") == 1
    lasso.click()
    expect(lasso).to_have_class(re.compile("active"))
    plain = root.locator(".modebar-btn[data-val=pan]")
    back = "e => getComputedStyle(e).backgroundColor"
    assert lasso.evaluate(back) != plain.evaluate(back)
    top = root.locator(".stage").evaluate("e => e.getBoundingClientRect().top")
    root.locator(".name", has_text="0").click()
    expect(page.get_by_text("980 selected").first).to_be_in_viewport()
    expect(page.get_by_role("button", name="Download selection as CSV")).to_be_in_viewport()
    after = root.locator(".stage").evaluate("e => e.getBoundingClientRect().top")
    assert after == pytest.approx(top, abs=1)
