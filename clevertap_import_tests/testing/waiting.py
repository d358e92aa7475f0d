"""Waiting for something that another process does: asked again and again, until a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

Found = TypeVar("Found")

POLL_SECONDS = 0.2


def wait_for(what: str, look: Callable[[], Found | None], seconds: float) -> Found:
    """What `look` gives as soon as that is true; fails with `what` if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    pause = Event()
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:g} s for {what}; last seen: {found!r}")
        pause.wait(POLL_SECONDS)
