"""A person's runs in a real browser: watched, found again, chosen when they finish."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocket, expect

from tests.e2e.conftest import expect_model, go_to, picker
from tests.e2e.test_train import open_page, progress, run_of, train_for, wait_for_step

NO_LINE = "No connection to aeviz"


def open_next(page: Page, title: str, heading: str) -> None:
    go_to(page, title)
    page.get_by_role("heading", level=1, name=heading).wait_for(timeout=60_000)


def test_a_run_that_finishes_is_chosen_on_whatever_page_one_is_and_undone(
    page: Page, app: str
) -> None:
    open_page(page, app, "?variant=vanilla")
    train_for(page, 8)
    open_next(page, "Sample", "What does it draw on its own?")
    main = page.get_by_test_id("stMain")
    expect(main.get_by_role("link", name="Your run")).to_be_in_viewport()
    expect(main.get_by_role("progressbar")).to_be_in_viewport()
    expect_model(page, "Variational, 2 dimensions")
    undo = main.get_by_role("button", name="Undo")
    expect(undo).to_be_in_viewport(timeout=120_000)
    expect_model(page, re.compile("^Model Yours, [0-9:]+: Vanilla, 2 dimensions"))
    expect(page).to_have_url(re.compile("model=run-"))
    expect(main.get_by_role("progressbar")).to_have_count(0)
    undo.click()
    expect_model(page, "Variational, 2 dimensions")
    expect(undo).to_have_count(0)
    picker(page).click()  # it stays in the list
    expect(page.get_by_role("button", name=re.compile("^Yours, .*Vanilla"))).to_have_count(1)


def test_a_cut_line_is_said_and_a_run_is_found_again_after_a_reload_elsewhere(
    page: Page, app: str
) -> None:
    open_page(page, app, "?variant=linear")
    train_for(page, 900)
    run = run_of(page.url)
    wait_for_step(page, after=0)
    page.context.set_offline(True)
    expect(page.get_by_role("alert").filter(has_text=NO_LINE)).to_be_visible()
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    expect(page.get_by_text(NO_LINE)).to_have_count(0, timeout=60_000)
    page.goto(f"{app}/sample")
    page.get_by_role("heading", name="What does it draw on its own?").wait_for(timeout=60_000)
    page.reload()
    page.get_by_test_id("stMain").get_by_role("link", name="Your run").click(timeout=60_000)
    page.wait_for_url(lambda url: run_of(url) == run)
    wait_for_step(page, after=0)
    page.get_by_role("link", name=re.compile("^Linear, 2 dimensions, ")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(progress(page)).to_contain_text("stopped")


def test_a_link_that_is_pressed_long_while_a_run_is_watched_opens_a_whole_page(
    page: Page, app: str
) -> None:
    open_page(page, app, "?variant=linear")
    train_for(page, 900)
    wait_for_step(page, after=0)
    open_next(page, "Sample", "What does it draw on its own?")
    link = page.get_by_test_id("stMain").get_by_role("link", name="Your run")
    link.hover()
    page.mouse.down()
    page.wait_for_timeout(5000)  # the notice of the run is due to ask when the pointer goes up
    page.mouse.up()
    page.get_by_role("heading", level=1, name="What does it learn").wait_for()
    page.wait_for_timeout(3000)  # what comes after the page is no older part of another one
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(progress(page)).to_contain_text("stopped")


def test_a_page_asks_when_it_was_answered_and_draws_only_what_is_new(page: Page, app: str) -> None:
    sent: list[float] = []
    fetched: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(0.0))

    page.on("websocket", listen)
    page.on("response", lambda r: fetched.append(r.url) if r.url.endswith(".json") else None)
    open_page(page, app, "?variant=linear")
    train_for(page, 900)
    wait_for_step(page, after=0)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(progress(page)).to_contain_text("paused")
    page.wait_for_timeout(3000)  # the last images
    assert fetched
    sent.clear()
    fetched.clear()
    page.wait_for_timeout(5000)
    assert not fetched  # nothing is new
    assert 1 <= len(sent) <= 5000 / 400
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
        }"""
    )
    page.wait_for_timeout(4500)
    sent.clear()
    page.wait_for_timeout(2500)
    assert not sent  # nobody looks
    page.evaluate(
        "() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.wait_for_timeout(2500)
    assert sent
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(progress(page)).to_contain_text("stopped")
