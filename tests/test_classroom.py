"""What benchmarks/classroom measures, in small: visitors, faults of a server, rows of the table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aeviz.training import store
from benchmarks.classroom import __main__ as command
from benchmarks.classroom import acting, cutting, mutating, parts, serving
from benchmarks.classroom.bars import BARS, Found, Options
from benchmarks.classroom.pressing import TOLD
from benchmarks.classroom.serving import Server
from benchmarks.visitor import Visitor

FEW = Options(people=3, share=0.01)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving.app(tmp_path_factory.mktemp("class")) as found:
        do(serving.warm(found))
        yield found


def do(work: Coroutine[Any, Any, Any]) -> Any:
    # In a thread of its own: in this one a browser of another test may have left its event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


# -- people -----------------------------------------------------------------------------------


def test_a_visitor_opens_a_page_presses_a_button_and_sees_what_changes(server: Server) -> None:
    async def walk() -> None:
        visitor = Visitor(server.address, "sample", "model=variational-2d&sample_seed=7")
        await visitor.come()
        pictures = [part.element.html.body for part in visitor.shown("html")]
        assert visitor.find("number_input", "Seed").element.number_input.default == 7
        await visitor.click("Draw again")
        assert visitor.find("number_input", "Seed").element.number_input.default == 8
        assert [part.element.html.body for part in visitor.shown("html")] != pictures
        assert "sample_seed=8" in visitor.query  # the address follows
        await visitor.put("number_input", "Seed", double_value=7)
        assert [part.element.html.body for part in visitor.shown("html")] == pictures
        assert visitor.troubles() == []
        with pytest.raises(LookupError, match="no button 'Stop'"):
            await visitor.click("Stop")
        await visitor.close()

    do(walk())
    assert server.cpu() > 0
    assert server.memory() > 50


def test_a_class_acts_and_nobody_meets_an_error(server: Server) -> None:
    async def lesson() -> serving.Answers:
        visitors = await serving.come(server, 5, serving.SAMPLE)
        found = await serving.act(visitors, 3, 1.0)
        await serving.leave(visitors)
        return found

    found = do(lesson())
    assert found.errors == 0
    assert len(found.seconds) >= 5
    assert f"{len(found.seconds)} events" in str(found)


def test_who_presses_train_and_loses_the_line_has_one_run_and_finds_it(server: Server) -> None:
    found = cutting.Cuts()

    async def both() -> None:
        for seed, after in ((11, 0.0), (12, 0.3)):
            await cutting._press(server, seed, after, 1.0, found)

    do(both())
    assert (found.cuts, found.lost, found.doubled) == (2, 0, 0)


def test_a_watcher_whose_line_is_cut_is_shown_later_steps_again(server: Server) -> None:
    async def watch() -> None:
        run = serving.create(**serving.LONG)
        await serving.training(run)
        visitor = Visitor(server.address, "train", f"run={run}")
        await visitor.come()
        await visitor.lose()
        step = serving.stands(run).step
        await asyncio.sleep(0.5)
        await visitor.come_back()

        async def later() -> bool:
            return visitor.run().get("step", 0) > step

        assert await serving.until(later, 60)
        assert TOLD.search(visitor.run()["text"])

        async def frames() -> bool:
            return any(visitor.frames.values())

        assert await serving.until(frames, 60)
        with pytest.raises(LookupError):
            await visitor.fetch("/media/nothing.json")
        await visitor.close()
        store.control(run, "stop")

    do(watch())


# -- what goes wrong --------------------------------------------------------------------------


def test_a_server_that_is_killed_goes_on_with_its_runs_where_they_were(tmp_path: Path) -> None:
    with serving.app(tmp_path) as first:
        do(serving.warm(first))
        run = serving.create(**serving.LONG)
        do(serving.training(run))
        assert serving.wait(lambda: store.states(run), 60)
        serving.kill([first.process.pid])
        serving.kill(serving.workers(tmp_path))
        kept = max(store.states(run))
        with serving.app(tmp_path, port=first.port) as second:
            assert second.address == first.address
            do(serving.warm(second))
            assert serving.wait(lambda: max(store.states(run)) > kept, 120)
            assert serving.wait(lambda: serving.stands(run).step > kept, 120)
            assert not serving.stands(run).ended


def test_mutated_states_and_checkpoints_are_refused_in_a_sentence() -> None:
    found = mutating._tensors(Options(share=0.1))
    assert found.uncaught == []
    assert found.refused > 100


def test_addresses_that_nobody_would_write_open_a_page(server: Server) -> None:
    async def ask() -> list[str]:
        random, troubles = np.random.default_rng(1), []
        for _ in range(25):
            page = ("", "train", "sample")[int(random.integers(3))]
            visitor = Visitor(server.address, page, mutating.query(random))
            await visitor.come()
            troubles += visitor.troubles()
            await visitor.close()
        return troubles

    assert do(ask()) == []


# -- the table --------------------------------------------------------------------------------


def test_every_row_is_measured_by_one_part() -> None:
    rows = [row for part in parts.PARTS.values() for row in part.rows]
    assert sorted(rows) == sorted(BARS)
    assert all(part.limit <= command.MOST for part in parts.PARTS.values())


def test_a_row_says_its_bar_its_aim_and_whether_they_are_held() -> None:
    row = Found("act", "p95 200 ms", True, False).row(Options(people=12))
    assert row.what.startswith("12 sessions")
    assert row.must == "300 ms, 0; aim 150 ms: not reached"
    assert row.cells()[-1] == "held"
    assert Found("act", "skipped", None).row(Options()).cells()[-1] == "-"


def test_what_hangs_is_ended_and_its_rows_say_so(capfd: pytest.CaptureFixture[str]) -> None:
    (row,) = command.measure(FEW, ["act"], most=command.TIDY)
    assert row.ours.startswith("not measured")
    assert row.held is None
    assert list(command.measured("kill-worker", FEW, 3.0)) == []
    assert "kill-worker: ended after 3 s" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Waiting: 3 before you, about 2 minutes", True),
        ("Waiting: 0 before you, about 20 seconds", True),
        ("Step 1,024 of 2,000, epoch 0.3", True),
        ("Queued, before its first step", False),
        ("Timing fifty steps, to know how many fit", False),
    ],
)
def test_what_tells_a_student_how_long_it_takes(said: str, told: bool) -> None:
    assert bool(TOLD.search(said)) == told


def test_the_rows_of_a_part_come_one_by_one() -> None:
    async def two(options: Options) -> AsyncIterator[Found]:
        yield Found("act", f"{options.people}", True)
        yield Found("homes", "2", False)

    rows: Callable[[Options], Iterator[Found]] = parts._run(two)
    # In a thread of its own: the browser of other tests has a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(lambda: list(rows(FEW))).result()
    assert [row.name for row in found] == ["act", "homes"]
    assert Found("act", "1", bool(np.True_)).plain()["held"] is True


def test_counts_and_times_shrink_together() -> None:
    assert Options().count(acting.SESSIONS) == 500
    assert Options(share=0.02).count(acting.SESSIONS) == 10
    assert FEW.count(3) == 1
    assert FEW.seconds(60) == 2
