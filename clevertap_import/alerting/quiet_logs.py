"""Log lines of libraries may contain addresses of channels, which are secrets. This drops them."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("apprise", "urllib3.connectionpool")


class OfThisThread(logging.Filter):
    """Drops the lines of one thread, and keeps the texts of its warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()
        self.warnings: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self.thread:
            return True
        if record.levelno >= logging.WARNING:
            self.warnings.append(record.getMessage())
        return False


@contextmanager
def quiet_logs() -> Iterator[list[str]]:
    """Within it, the calling thread logs nothing of these libraries. Yields the texts of its warnings."""
    dropped = OfThisThread()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for each in loggers:
        each.addFilter(dropped)
    try:
        yield dropped.warnings
    finally:
        for each in loggers:
            each.removeFilter(dropped)
