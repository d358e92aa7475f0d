"""`dagster dev` for the sandbox; it ends with the process that started it.

    python -m clevertap_import.sandbox.dagster_dev --workspace FILE --port 3000

It is started as the leader of its own session, which contains all of Dagster's processes.
"""

import os
import runpy
import signal
import sys
import time

from clevertap_import.sandbox.parent import end_with_parent

STOP_SECONDS = 30


def end_session() -> None:
    """Interrupt `dagster dev` like Ctrl-C, which ends its children; then end the rest of the session."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(STOP_SECONDS)
    kill_session()


def kill_session() -> None:
    """End its children and their children, including this process."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)


def main() -> None:
    # A shell starts background programs with SIGINT ignored, and Dagster would then ignore it too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_with_parent(end_session)
    sys.argv[1:1] = ["dev"]
    try:
        runpy.run_module("dagster", run_name="__main__")
    finally:
        kill_session()


if __name__ == "__main__":
    main()
