"""Shows on a terminal that a command works, from its start until it prints the first line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Shown(Protocol):
    def stop(self) -> None: ...


_shown: list[Shown] = []


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """On standard error, and only on a terminal. It leaves nothing behind."""
    if sys.stderr.isatty():
        _shown.append(start(text))
    try:
        yield
    finally:
        end_spinner()


def start(text: str) -> Shown:
    # Imported only for a terminal: most commands are started by programs.
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner

    console = Console(stderr=True)
    # Standard output may be a pipe, so nothing of it may go through the terminal.
    live = Live(
        Spinner("dots", text), console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    )
    if not console.is_dumb_terminal:
        live.start()
    return live


def end_spinner() -> None:
    """Remove the spinner, before anything else is printed."""
    while _shown:
        _shown.pop().stop()
