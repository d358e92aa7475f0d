"""Processes of the sandbox end when the one that started them is gone, also if that was killed.

The parent holds a pipe to their standard input, which ends with it, however it ends.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import NoReturn

FLAG = "--with-parent"
HELP = "end when standard input ends: its other end is held by the process that started this one"

AGAIN_SECONDS = 1


def end_with_parent(end: Callable[[], None]) -> None:
    """Call `end`, in a thread of its own, when standard input ends."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def terminate() -> NoReturn:
    """SIGTERM to this process until it is gone: one that comes before it is heeded would be lost."""
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(AGAIN_SECONDS)
