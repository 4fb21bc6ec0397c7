"""How a person hands in an image, in a real browser: uploads, drawings, photos of the camera."""

from __future__ import annotations

import base64
import html
import io
import itertools
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from aeviz.app.pictures import sources
from aeviz.charts import pixels
from aeviz.data import digits
from benchmarks import strangers
from tests.e2e.conftest import CHROMIUM_ARGUMENTS, find_chromium, go_to

CASES = Path(__file__).parents[1] / "cases"
PHONE: ViewportSize = {"width": 390, "height": 844}


def open_page(page: Page, app: str, source: str) -> str:
    """Open the denoise page with a source; returns the address of the test image."""
    page.goto(app)
    go_to(page, "Denoise")
    clean = page.get_by_alt_text("clean", exact=True)
    clean.wait_for(timeout=60_000)
    before = clean.get_attribute("src") or ""
    page.get_by_test_id("stMain").get_by_text(source, exact=True).click()
    expect(page).to_have_url(re.compile(f"picture_from={source.lower()}"))
    return before


def a_number() -> bytes:
    """A one and a seven, drawn with a black pen on white paper."""
    paper = Image.new("L", (800, 500), 255)
    pen = ImageDraw.Draw(paper)
    pen.line([(200, 100), (190, 400)], fill=15, width=34)
    pen.line([(450, 110), (650, 110), (530, 400)], fill=15, width=34, joint="curve")
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_file_is_uploaded_and_one_of_its_digits_chosen(page: Page, app: str) -> None:
    before = open_page(page, app, "Upload")
    clean = page.get_by_alt_text("clean", exact=True)
    letter = FilePayload(
        name="<i>letter</i>.png", mimeType="image/png", buffer=b"Dear aeviz, no picture."
    )
    number = FilePayload(name="number.png", mimeType="image/png", buffer=a_number())
    files = page.locator("input[type=file]")
    files.set_input_files(letter)
    problems = page.get_by_role("alert").filter(has_text="not a picture that can be read")
    expect(problems).to_be_visible()
    expect(problems).to_contain_text("<i>letter</i>.png")  # as text
    expect(clean).to_have_attribute("src", before)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    files.set_input_files(number)
    one, seven = (pixels.data_uri(digit) for digit in digits.stages(a_number()).digits)
    expect(clean).to_have_attribute("src", one)
    used = page.get_by_test_id("stButtonGroup").filter(has_text="Digits to use")
    used.get_by_text("1", exact=True).click()  # both are at first; the page shows the first
    expect(clean).to_have_attribute("src", seven)


def test_a_seven_is_drawn_with_the_mouse_taken_back_and_drawn_again(page: Page, app: str) -> None:
    before = open_page(page, app, "Draw")
    clean = page.get_by_alt_text("clean", exact=True)
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    # Two canvases lie on each other; the upper one takes the pen.
    canvas = page.get_by_test_id("stMain").locator("canvas.upper-canvas")

    def draw(*points: tuple[int, int]) -> None:
        box = canvas.bounding_box()
        assert box
        page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
        page.mouse.up()

    draw((60, 60), (210, 60), (120, 230))
    expect(clean).not_to_have_attribute("src", before)
    expect(page.get_by_text("Nothing is drawn yet.")).to_have_count(0)
    seven = clean.get_attribute("src") or ""
    draw((90, 150), (200, 150))  # a bar through it
    expect(clean).not_to_have_attribute("src", seven)
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(clean).to_have_attribute("src", seven)
    page.get_by_role("button", name="New noise").click()  # other controls leave it alone
    expect(page).to_have_url(re.compile("noise_seed=1"))
    expect(clean).to_have_attribute("src", seven)
    go_to(page, "Home")
    page.get_by_test_id("latent-map").wait_for()
    go_to(page, "Denoise")
    page.get_by_test_id("stMain").get_by_text("Draw", exact=True).click()
    expect(clean).to_have_attribute("src", seven)  # and so do other pages
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    expect(clean).to_have_attribute("src", before)


WHOLE = """boxes => boxes.every((box) =>
    box && box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth)"""
BOX = "element => element.getBoundingClientRect().toJSON()"


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720)], ids=str)
def test_a_drawing_and_what_becomes_of_it_are_on_one_screen_and_a_reload_brings_it_back(
    page: Page, app: str, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{app}/denoise?picture_from=draw")
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for(timeout=60_000)
    clean = page.get_by_alt_text("clean", exact=True)
    before = clean.get_attribute("src") or ""
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for x, y in ((210, 60), (120, 230)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    expect(clean).not_to_have_attribute("src", before)
    expect(page).to_have_url(re.compile("picture_drawn="))
    assert read(page, "clean") == 7
    whole = [canvas, *(page.get_by_alt_text(name, exact=True) for name in ("clean", "cleaned"))]
    assert page.evaluate(WHOLE, [each.evaluate(BOX) for each in whole])

    page.reload()
    canvas.wait_for(timeout=60_000)
    expect(page.get_by_text("Nothing is drawn yet.")).to_have_count(0)
    expect(clean).not_to_have_attribute("src", before)
    assert read(page, "clean") == 7
    # The pad shows it too: its own pixels, on a screen of one pixel for each.
    ink = "canvas => canvas.getContext('2d').getImageData(135, 60, 1, 1).data[0]"
    assert page.locator("canvas.lower-canvas").last.evaluate(ink) == 255
    page.get_by_role("button", name="Clear", exact=True).first.click()
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    expect(page).not_to_have_url(re.compile("picture_drawn="))


def read(page: Page, alt: str) -> int:
    """The digit that a small classifier sees in an image of the page, 28 by 28."""
    uri = page.get_by_alt_text(alt, exact=True).get_attribute("src") or ""
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L")
    assert image.size == (28, 28)
    return int(strangers.read(np.asarray(image, np.float32)[None] / 255)[0])


def test_a_seven_is_drawn_with_a_finger_and_cleaned_and_the_page_stays_where_it_is(
    browser: Browser, app: str
) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{app}/denoise?model=convolutional_denoising-128d&picture_from=draw")
    clean = page.get_by_alt_text("clean", exact=True)
    before = clean.get_attribute("src", timeout=60_000) or ""
    main = page.get_by_test_id("stMain")
    canvas = main.locator("canvas.upper-canvas")
    # To the middle of the page, from where a finger can push it up and down.
    canvas.evaluate("canvas => canvas.scrollIntoView({block: 'center'})")
    finger = context.new_cdp_session(page)

    def swipe(*points: tuple[float, float]) -> None:
        """A finger that goes from point to point, in pixels of the screen."""
        for k, (x, y) in enumerate(points):
            kind, at = ("touchMove" if k else "touchStart"), [{"x": x, "y": y}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def draw(*corners: tuple[int, int]) -> None:
        """A stroke of straight lines on the canvas."""
        box = canvas.bounding_box()
        assert box
        ways = [np.linspace(a, b, 10) for a, b in itertools.pairwise(corners)]
        swipe(*[(box["x"] + x, box["y"] + y) for x, y in np.concatenate(ways).tolist()])

    scrolled = main.evaluate("main => main.scrollTop")
    assert scrolled > 0
    draw((60, 50), (210, 50), (120, 235))
    expect(clean).not_to_have_attribute("src", before)
    seven = clean.get_attribute("src") or ""
    draw((200, 150), (90, 140))  # a bar through it
    expect(clean).not_to_have_attribute("src", seven)
    assert main.evaluate("main => main.scrollTop") == scrolled
    expect(page.get_by_alt_text("step: 28 by 28")).to_have_attribute(
        "src", clean.get_attribute("src") or ""
    )
    assert read(page, "clean") == read(page, "cleaned") == 7
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0

    # The same finger beside the canvas does move the page.
    box = canvas.bounding_box()
    assert box
    swipe(*[(PHONE["width"] - 20, box["y"] + 200 - k) for k in range(0, 160, 10)])
    page.wait_for_function(
        "top => document.querySelector('[data-testid=stMain]').scrollTop > top", arg=scrolled
    )
    context.close()


def film(scene: strangers.Scene, path: Path) -> Path:
    """A scene as what a camera sees: half a second that stands still, in YUV4MPEG2."""
    photo = Image.open(io.BytesIO(strangers.photograph(scene, np.random.default_rng(0))))
    brightness, blue, red = photo.convert("YCbCr").split()
    planes = [brightness, blue.reduce(2), red.reduce(2)]  # colour at half the size, as 4:2:0 has it
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)
    header = f"YUV4MPEG2 W{photo.width} H{photo.height} F10:1 Ip A1:1 C420jpeg\n"
    path.write_bytes(header.encode() + 5 * frame)
    return path


PRESSED_UNTIL_TAKEN = """() => {
    const named = (name) => [...document.querySelectorAll("button")].find(
        (button) => button.innerText.trim() === name);
    if (named("Clear photo")) return true;
    if (document.querySelector("video")?.currentTime > 0.5) named("Take Photo")?.click();
    return false;
}"""
PEN_ON_RULED_PAPER = strangers.Scene(
    3, "blue pen on ruled paper", size=(640, 480), ink=strangers.BLUE, rule=0.09, shadow=0.3
)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["laptop", "phone"])
def test_a_pen_digit_held_up_to_the_camera_is_read(
    browser: Browser, app: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    seen = film(PEN_ON_RULED_PAPER, tmp_path / "three.y4m")
    with_camera = browser.browser_type.launch(
        executable_path=find_chromium(),
        args=[
            *CHROMIUM_ARGUMENTS,
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={seen}",
        ],
    )
    try:
        page = with_camera.new_page(viewport={"width": size[0], "height": size[1]})
        page.goto(f"{app}/denoise?model=convolutional_denoising-128d&picture_from=camera")
        expect(page.get_by_text("No photo is taken yet.")).to_be_visible(timeout=60_000)
        # A press while the camera still starts does nothing: like a person, press again then.
        page.wait_for_function(PRESSED_UNTIL_TAKEN, polling=3_000)
        expect(page.get_by_alt_text("step: 28 by 28")).to_be_attached()
        expect(page.get_by_text("No photo is taken yet.")).to_have_count(0)
        result = page.get_by_alt_text("step: 28 by 28").get_attribute("src") or ""
        expect(page.get_by_alt_text("clean", exact=True)).to_have_attribute("src", result)
        assert read(page, "clean") == read(page, "cleaned") == PEN_ON_RULED_PAPER.label
        page.get_by_role("button", name="Clear photo").click()
        expect(page.get_by_text("No photo is taken yet.")).to_be_visible()
    finally:
        with_camera.close()


def test_where_browsers_give_no_camera_the_page_leads_to_upload(browser: Browser, app: str) -> None:
    # As on a phone that opens a laptop's address: not https, and not localhost.
    afar = browser.browser_type.launch(
        executable_path=find_chromium(),
        args=[*CHROMIUM_ARGUMENTS, "--host-resolver-rules=MAP laptop.test 127.0.0.1"],
    )
    try:
        page = afar.new_page(viewport=PHONE)
        address = app.replace("127.0.0.1", "laptop.test")
        page.goto(f"{address}/denoise?picture_from=camera")
        expect(page.get_by_text("gives the camera only to")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("button", name="Take Photo")).to_have_count(0)
        page.get_by_role("button", name="Go to Upload").click()
        expect(page).to_have_url(re.compile("picture_from=upload"))
        files = page.locator("input[type=file]")
        files.set_input_files(FilePayload(name="n.png", mimeType="image/png", buffer=a_number()))
        expect(page.get_by_alt_text("step: 28 by 28")).to_be_attached()
    finally:
        afar.close()


PADS = {
    "denoise": "picture_from=draw",
    "anomaly": "anomaly_from=draw",
    "anomaly?own": "odd_task=own&anomaly_from=draw",
    "inpainting": "hidden_picture_from=draw",
    "compare": "compare_show=own&compare_picture_from=draw",
    "stability": "moved_picture_from=draw",
}
WIDTHS = (1920, 1440, 1280, 1024, 900, 768, 640, 390, 360, 320)
AT_REST = """canvas => new Promise((resolve) => {  // what the sidebar takes changes by degrees
    let last = "", same = 0;
    const look = () => {
        const { left, width } = canvas.getBoundingClientRect();
        const now = `${left} ${width}`;
        same = now === last ? same + 1 : 0;
        last = now;
        if (same > 3) resolve();
        else setTimeout(look, 40);
    };
    look();
})"""
CUT_OFF_BY = """canvas => {
    const box = canvas.getBoundingClientRect();
    const outside = (around) => box.left < around.left - 0.5 || box.right > around.right + 0.5;
    const found = outside({left: 0, right: innerWidth}) ? ["the window"] : [];
    let element = canvas;
    while ((element = element.parentElement ?? element.getRootNode().host)) {
        if (getComputedStyle(element).overflowX !== "visible"
                && outside(element.getBoundingClientRect())) found.push(element.className);
    }
    return [box.width, found];
}"""


@pytest.mark.parametrize("large", ["", "&large=true"], ids=["", "large"])
@pytest.mark.parametrize("where", PADS)
def test_the_pad_is_whole_at_any_width(page: Page, app: str, where: str, large: str) -> None:
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(f"{app}/{where.partition('?')[0]}?{PADS[where]}{large}")
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for(timeout=60_000)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        canvas.evaluate(AT_REST)
        assert canvas.evaluate(CUT_OFF_BY) == [sources.CANVAS, []], width
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + box["height"] - 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4, steps=8)
    page.mouse.up()
    expect(page.get_by_text("Nothing is drawn yet.")).to_have_count(0)


def test_a_file_of_the_wrong_kind_is_answered_on_the_page(page: Page, app: str) -> None:
    open_page(page, app, "Upload")
    for name, sentence in (
        ("model.pt", "This is a trained model"),
        ("model.h5", "such as a Keras model"),
        ("iphone.heic", "damaged or cut off"),
    ):
        page.locator("input[type=file]").set_input_files(CASES / name)
        problem = page.get_by_role("alert").filter(has_text=name)
        expect(problem).to_contain_text(sentence)
        expect(page.get_by_text("No digit was found.")).to_be_visible()
        expect(page.get_by_text("Nothing is uploaded yet.")).to_have_count(0)


class Embedding(BaseHTTPRequestHandler):
    """A page of another site, with the address of its path in a frame."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        address = html.escape(unquote(self.path[1:]), quote=True)
        self.wfile.write(f'<iframe src="{address}" width=1200 height=800></iframe>'.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_in_a_frame_of_another_site_the_way_to_an_upload_is_said(
    browser: Browser, app: str
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embedding)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context()
    try:
        page = context.new_page()
        inside = quote(f"{app}/denoise?embed=true&picture_from=upload", safe="")
        page.goto(f"http://localhost:{server.server_port}/{inside}")  # another site than 127.0.0.1
        frame = page.frame_locator("iframe")
        expect(frame.get_by_text("Open aeviz in a window of its own")).to_be_visible(timeout=60_000)
        expect(frame.locator("input[type=file]")).to_have_count(0)
        with context.expect_page() as opened:
            frame.get_by_role("link", name="Open in a new window").click()
        alone = opened.value
        expect(alone).to_have_url(re.compile("/denoise.*picture_from=upload"))
        expect(alone.get_by_text("Nothing is uploaded yet.")).to_be_visible(timeout=60_000)
        files = alone.locator("input[type=file]")
        files.set_input_files(FilePayload(name="n.png", mimeType="image/png", buffer=a_number()))
        expect(alone.get_by_alt_text("step: 28 by 28")).to_be_attached()
    finally:
        context.close()
        server.shutdown()
        server.server_close()
