"""Runs of this process that a signal cancels while Dagster stores a result of their step."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def canceled_at_its_first_check() -> Iterator[None]:
    """In the block, the first asset check that Dagster stores interrupts the process."""
    signals: list[int] = []

    def cancel(*statement: object) -> None:
        if not signals and "ASSET_CHECK_EVALUATION'" in repr(statement):
            signals.append(signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    sa.event.listen(sa.Engine, "before_cursor_execute", cancel)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", cancel)
