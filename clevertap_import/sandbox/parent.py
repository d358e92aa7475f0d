"""Processes of the sandbox end when their parent process is gone, also if it was killed.

The parent has the other end of the pipe to their standard input, which closes when the parent ends.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import NoReturn

FLAG = "--with-parent"
HELP = "end when standard input ends: the parent process has its other end"

AGAIN_SECONDS = 1


def end_with_parent(end: Callable[[], None]) -> None:
    """Call `end`, in its own thread, when standard input ends."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def terminate() -> NoReturn:
    """Send SIGTERM to this process until it ends: a signal before the handler is installed would be lost."""
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(AGAIN_SECONDS)
