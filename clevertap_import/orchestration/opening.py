"""The first opening of a Dagster home: its tables are made by one command at a time, and without warnings."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".clevertap_import.lock"
NO_FILE = "No dagster instance configuration file"


@contextmanager
def opening(home: Path) -> Iterator[None]:
    """In the block one command at a time opens Dagster's instance in `home`.

    Dagster makes its tables if there are none, and fails if two processes do so at once. It also warns of a
    missing dagster.yaml, although its defaults are intended then.
    """
    logger = logging.getLogger("dagster")
    logger.addFilter(is_worth_telling)
    try:
        with one_at_a_time(home):
            yield
    finally:
        logger.removeFilter(is_worth_telling)


def is_worth_telling(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(NO_FILE)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Without a lock if the folder is missing or read-only: Dagster's own error explains that better."""
    handle = None
    with suppress(OSError):
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)
