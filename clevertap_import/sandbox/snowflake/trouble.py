"""Errors of DuckDB or the disk in the local Snowflake, in one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def in_one_line(record: logging.LogRecord) -> bool:
    """A log filter: errors of DuckDB or the disk are logged without a traceback."""
    problem = record.exc_info[1] if record.exc_info else None
    if is_trouble(problem):
        record.msg, record.args, record.exc_info = f"The local Snowflake: {problem}", (), None
    return True


def is_trouble(problem: BaseException | None) -> bool:
    # Imported here: logging keeps the filter until the very end, and with it this module. If DuckDB is
    # loaded that long, it writes a page about leaks.
    import duckdb

    return isinstance(problem, duckdb.Error | OSError)


@contextmanager
def errors_in_one_line(folder: Path) -> Iterator[None]:
    """End the process with a line if `folder` cannot be used in the block."""
    try:
        yield
    except Exception as error:
        if not is_trouble(error):
            raise
        words = " ".join(str(error).split())
        sys.exit(f"The local Snowflake cannot use {folder}, or its port: {words}")
