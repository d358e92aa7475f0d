"""The end of a process that a command or a run of Dagster had for itself."""

import atexit
import gc
from functools import cache


@cache
def end_without_collection() -> None:
    """Let this process end without its last look for garbage.

    The interpreter looks among a million objects that end with the process anyway. That costs more processor
    time than all that a run does after it was asked to end.
    """
    atexit.register(gc.freeze)
