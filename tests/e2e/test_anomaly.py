"""What a person does on the anomaly page, in a real browser."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.conftest import settled
from tests.pages.test_anomaly import a_letter


def count(page: Page, name: str) -> int:
    return int(page.get_by_test_id(f"count-{name}").inner_text().replace(",", ""))


def figure(page: Page, name: str) -> tuple[float, float]:
    """A figure below the histograms and its standard error, both in %."""
    cell = page.locator(".figures div", has=page.get_by_text(name, exact=True))
    found = re.fullmatch(r"([\d.]+) ± ([\d.]+) %", cell.locator("dd").inner_text())
    assert found is not None
    return float(found[1]), float(found[2])


def test_the_threshold_is_dragged_and_a_letter_is_flagged_and_downloaded(
    page: Page, app: str
) -> None:
    page.goto(f"{app}/anomaly")
    plot = page.get_by_test_id("threshold")
    expect(page.get_by_test_id("count-caught")).not_to_be_empty(timeout=60_000)
    settled(page)
    line = page.get_by_role("slider", name="Threshold", exact=True)
    caught, alarms = count(page, "caught"), count(page, "alarms")
    assert 0 < alarms < 150
    assert caught + count(page, "missed") == 2000

    # Precision is that of the share of anomalies that is set, by Bayes' theorem.
    normal = count(page, "through") + alarms
    recall, false = caught / 2000, alarms / normal
    among = page.get_by_role("slider", name="Anomalies in the world")
    for share, steps in ((0.01, 0), (0.5, 5)):
        for _ in range(steps):
            among.press("ArrowRight")
        name = f"Precision at {100 * share:g} % anomalies"
        expect(page.get_by_text(name, exact=True)).to_be_visible(timeout=30_000)
        odds = recall / false * share / (1 - share)
        value, error = figure(page, name)
        assert value == pytest.approx(100 * odds / (1 + odds), abs=0.06)
        of_odds = math.hypot(  # both relative errors of a binomial
            math.sqrt((1 - recall) / recall / 2000), math.sqrt((1 - false) / false / normal)
        )
        assert error == pytest.approx(100 * odds / (1 + odds) ** 2 * of_odds, abs=0.06)
        assert figure(page, "Recall")[0] == pytest.approx(100 * recall, abs=0.06)
        assert figure(page, "False-positive rate")[0] == pytest.approx(100 * false, abs=0.06)
    settled(page)

    # While the pointer is down the counts follow, and the server hears of nothing.
    line.hover()  # waits until nothing above moves it any more
    box = line.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=10)
    assert count(page, "caught") > caught
    assert count(page, "alarms") > alarms
    expect(settled(page)).to_be_visible()
    assert "threshold=" not in page.url
    low = count(page, "alarms")
    page.mouse.move(x - 60, y, steps=5)
    assert alarms < count(page, "alarms") < low
    page.mouse.up()
    page.wait_for_url(re.compile("threshold="))
    settled(page)
    dragged = count(page, "alarms")

    dragged_to = page.url
    line.press("ArrowRight")
    expect(page.get_by_test_id("count-alarms")).not_to_have_text(str(dragged))
    expect(page).not_to_have_url(dragged_to)  # the server has heard of it
    settled(page)
    page.get_by_role("button", name="Back to 95 %").click()
    expect(page.get_by_test_id("count-alarms")).to_have_text(str(alarms))

    page.get_by_text("Upload", exact=True).click()
    file = FilePayload(name="a.png", mimeType="image/png", buffer=a_letter())
    page.locator("input[type=file]").set_input_files(file)
    expect(plot.get_by_text(re.compile(r"Your image: [\d.]+, flagged"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Yours: a: [\d.]+, flagged"))).to_be_visible()
    settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download flagged list").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == caught + alarms + 1
    assert [row["truth"] for row in rows].count("unknown") == 1
    found = [float(row["score"]) for row in rows]
    assert found == sorted(found)[::-1]
    page.set_viewport_size({"width": 390, "height": 844})
    expect(line).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_key_that_is_pressed_while_the_page_answers_another_one_counts(
    page: Page, app: str
) -> None:
    page.goto(f"{app}/anomaly")
    expect(page.get_by_test_id("count-caught")).not_to_be_empty(timeout=60_000)
    line = page.get_by_role("slider", name="Threshold", exact=True)
    for k in range(8):
        settled(page)
        # 350 ms after a key the page is told; the next key comes before and while it answers.
        line.evaluate(
            """async (line, after) => {
              const press = (key) =>
                line.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
              press("Home");
              await new Promise((resolve) => setTimeout(resolve, after));
              press("End");
            }""",
            350 + 25 * k,
        )
        page.wait_for_timeout(500)  # until it is told of that, too
        settled(page)
        assert (count(page, "alarms"), count(page, "caught")) == (0, 0)
    value = line.get_attribute("aria-valuenow") or ""
    page.wait_for_url(re.compile(rf"threshold={float(value):.4g}"[:14]))


def written(page: Page, name: str) -> str:
    """A figure below the histograms as it stands there."""
    cell = page.locator(".figures div", has=page.get_by_text(re.compile(f"^{name}")))
    return cell.locator("dd").inner_text()


def test_no_false_alarm_and_nothing_missed_are_bounds_and_not_certainties(
    page: Page, app: str
) -> None:
    page.goto(f"{app}/anomaly?odd_share=0.1")
    expect(page.get_by_test_id("count-caught")).not_to_be_empty(timeout=60_000)
    settled(page)
    line = page.get_by_role("slider", name="Threshold", exact=True)

    line.press("Home")  # all is flagged
    normal, odd = count(page, "alarms"), count(page, "caught")
    assert (count(page, "through"), count(page, "missed")) == (0, 0)
    least = 100 * 0.05 ** (1 / odd)
    assert (
        written(page, "Recall") == f"2,000 of 2,000: at least {math.floor(10 * least) / 10:.1f} %"
    )
    assert written(page, "Precision") == "0.1 %"  # as many as there are, whatever the model

    line.press("End")  # nothing is
    most = 100 * (1 - 0.05 ** (1 / normal))
    expected = f"0 of {normal:,}: at most {math.ceil(10 * most) / 10:.1f} %"
    assert written(page, "False-positive rate") == expected
    assert written(page, "Precision") == "none"
    while count(page, "caught") == 0:
        line.press("ArrowLeft")
    assert count(page, "alarms") == 0
    recall = count(page, "caught") / odd
    bound = recall * 0.001 / (recall * 0.001 + most / 100 * 0.999)
    found = re.fullmatch(r"at least ([\d.]+) %", written(page, "Precision"))
    assert found is not None
    assert 100 * bound - 1.01 <= float(found[1]) <= 100 * bound
    assert "± 0.0 " not in page.locator(".figures").inner_text()
    settled(page)


WHOLE = """element => {
    const box = element.getBoundingClientRect();
    return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
}"""


@pytest.mark.parametrize("task", ["own", "digits"])
def test_the_pad_the_threshold_and_the_verdict_are_on_one_screen(
    page: Page, app: str, task: str
) -> None:
    page.goto(f"{app}/anomaly?odd_task={task}&anomaly_from=draw")
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for(timeout=60_000)
    settled(page)
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 220)
    page.mouse.down()
    for x, y in ((130, 40), (200, 220)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    verdict = page.get_by_test_id("threshold").get_by_text(re.compile(r"^▼ Your image: "))
    expect(verdict).to_be_visible()
    settled(page)
    line = page.get_by_role("slider", name="Threshold", exact=True)
    assert [each.evaluate(WHOLE) for each in (canvas, line, verdict)] == [True, True, True]
