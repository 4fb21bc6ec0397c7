"""Three students at one server: who trains the same watches one run, others wait and are told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.test_train import open_page, progress, run_of, train_for, wait_for_step


@pytest.fixture
def others(browser: Browser) -> Iterator[list[Page]]:
    """Tabs of two further people; one of them has a phone."""
    contexts = [
        browser.new_context(viewport={"width": 1280, "height": 720}),
        browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True),
    ]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def button(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)


def test_who_asks_for_the_same_watches_one_run_and_others_wait_for_their_turn(
    page: Page, app: str, others: list[Page]
) -> None:
    same, another = others
    open_page(page, app, "?variant=vanilla")
    train_for(page, 601)
    run = run_of(page.url)
    wait_for_step(page, after=0)
    expect(button(page, "Pause")).to_be_enabled()

    open_page(same, app, "?variant=vanilla")
    train_for(same, 601)
    assert run_of(same.url) == run
    wait_for_step(same, after=0)
    shared = "One other person watches this run too: it is trained once for all."
    expect(same.get_by_text(shared)).to_be_visible()
    expect(button(same, "Pause")).to_be_disabled()

    open_page(another, app, "?variant=linear")
    train_for(another, 602)
    assert run_of(another.url) != run
    told = re.compile(r"^Waiting: 1 before you, about (\d+ seconds|1 minute)$")
    expect(progress(another)).to_have_text(told, timeout=5_000)
    wait_for_step(another, after=0)  # the long one has given way after its turn
    expect(progress(page)).to_contain_text(re.compile(r"waiting: .*, about \d+ "))
    button(another, "Stop").click()
    expect(progress(another)).to_contain_text("stopped")

    another.goto(f"{app}/train?run={run}")  # whoever has the link watches
    expect(another.get_by_text("Somebody else's run: you can watch it.")).to_be_visible()
    expect(button(another, "Stop")).to_have_count(0)
    expect(button(another, "Leave")).to_have_count(0)

    step = wait_for_step(page, after=0)
    button(same, "Leave").click()
    expect(same.get_by_text(re.compile("^You have left this run."))).to_be_visible()
    wait_for_step(page, after=step)
    page.reload()
    button(page, "Stop").click()
    expect(progress(page)).to_contain_text("stopped")


def test_what_was_trained_before_is_there_at_once_and_can_be_trained_again(
    page: Page, app: str, others: list[Page]
) -> None:
    open_page(page, app, "?variant=linear")
    train_for(page, 3)
    expect(button(page, "Explore its map")).to_be_visible(timeout=60_000)
    run = run_of(page.url)
    same, _ = others
    open_page(same, app, "?variant=linear")
    train_for(same, 3)
    assert run_of(same.url) == run
    expect(button(same, "Explore its map")).to_be_visible()
    expect(same.get_by_text("Just this was trained before, so here it is at once.")).to_be_visible()
    button(same, "Train it again anyway").click()
    expect(same).not_to_have_url(re.compile(run))
    expect(button(same, "Explore its map")).to_be_visible(timeout=60_000)
