"""Gives back the memory of people who have left: 60 photos are some hundred megabytes.

A session that has ended is a circle of objects that refer to each other. Python's collector looks
for those when much is made, not while a class is quiet; and what it frees, the C library keeps.
Streamlit itself lets go of a session when the next person comes or leaves.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

EVERY = 20.0
"""Seconds."""


async def keep_level(people: Callable[[], int]) -> None:
    """Give memory back from time to time, for ever.

    Args:
        people: how many are there now.
    """
    came = False
    while True:
        await asyncio.sleep(EVERY)
        # What is imported is frozen (`sidebar`): without that a look at it takes a second.
        if gc.get_freeze_count():
            nobody = not people()
            await asyncio.to_thread(give_back, thoroughly=came and nobody)
            came = not nobody


def give_back(*, thoroughly: bool) -> None:
    """Free what nobody can reach, and hand free memory back to the system.

    Args:
        thoroughly: look also at what is frozen, which holds everybody for a moment: the session of
            whoever came first is there.
    """
    if thoroughly:
        gc.unfreeze()
    gc.collect()
    if thoroughly:
        gc.freeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)
