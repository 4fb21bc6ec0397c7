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

EVERY = 20.0
"""Seconds."""


async def keep_level() -> None:
    """Give memory back from time to time, for ever."""
    while True:
        await asyncio.sleep(EVERY)
        # What is imported is frozen (`sidebar`): without that a look at it takes a second.
        if gc.get_freeze_count():
            await asyncio.to_thread(give_back)


def give_back() -> None:
    """Free what nobody can reach, and hand free memory back to the system."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)
