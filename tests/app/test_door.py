"""Messages that Streamlit would obey from anybody, sent as a browser sends them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg

from aeviz.app import door
from benchmarks.visitor import Visitor
from tests.e2e.conftest import start_app

KNOWN = {
    "rerun_script",
    "stop_script",
    "app_heartbeat",
    "file_urls_request",
    "backend_operation_request",
    "debug_disconnect_websocket",  # Streamlit refuses these two by itself
    "debug_shutdown_runtime",
}
"""What pages need, or what does nothing."""


def test_each_kind_of_message_is_either_needed_or_refused() -> None:
    kinds = {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
    assert kinds == KNOWN | door.REFUSED


def test_what_is_no_message_is_left_to_streamlit() -> None:
    way = door.Way()
    assert way.lets_in(b"\xff\xff\xff")
    assert way.lets_in(b"")
    both = (
        BackMsg(app_heartbeat=True).SerializeToString()
        + BackMsg(clear_cache=True).SerializeToString()
    )
    assert not way.lets_in(both)  # of several the last one counts


def test_a_part_of_a_page_that_is_left_does_not_call_the_person_back() -> None:
    way = door.Way()

    def lets_in(page: str, fragment: str = "") -> bool:
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash, state.fragment_id = page, fragment
        return way.lets_in(message.SerializeToString())

    assert lets_in("")  # at first the page is known by its name
    assert lets_in("map", "tiles")
    assert lets_in("train")
    assert not lets_in("map", "tiles")
    assert lets_in("train", "curve")
    assert lets_in("map")  # by a link, or Back
    assert not lets_in("train", "curve")
    assert lets_in("map", "tiles")
    assert lets_in("home", "pad")  # the server itself went on to another page
    assert not lets_in("map", "tiles")


def test_nobody_empties_the_caches_of_everybody(tmp_path: Path) -> None:
    process, address = start_app(tmp_path)

    async def visit() -> float:
        visitor = Visitor(address, "sample", "sample_seed=7")
        await visitor.come()
        for kind in door.REFUSED:
            message = BackMsg()
            setattr(message, kind, True)
            await visitor.send(message)
        # Where Streamlit clears the caches, it forgets what this person chose as well.
        await visitor.click("Draw again")
        seed = visitor.find("number_input", "Seed").element.number_input.default
        await visitor.close()
        return seed

    try:
        with ThreadPoolExecutor(1) as thread:  # here a browser may have left its event loop
            assert thread.submit(asyncio.run, visit()).result() == 8
    finally:
        process.terminate()
        process.wait(20)
