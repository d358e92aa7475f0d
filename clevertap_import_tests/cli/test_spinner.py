"""On a terminal a command shows that it works, until it prints; nowhere else it prints anything for that."""

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from clevertap_import.cli.printing import print_json, say, say_verdict
from clevertap_import.cli.spinner import spinner

FRAME = "⠋ clevertap-import list"
ERASE_LINE = "\x1b[2K"


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """In the block standard error is a terminal; the file descriptor has what it shows."""
    reader, writer = pty.openpty()
    os.set_blocking(reader, False)
    with os.fdopen(writer, "w") as shown, monkeypatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", shown)
        yield reader
    os.close(reader)


def shown_on(reader: int) -> str:
    shown = b""
    with suppress(BlockingIOError):
        while part := os.read(reader, 10_000):
            shown += part
    return shown.decode()


def test_the_spinner_goes_before_anything_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with terminal(monkeypatch) as reader:
        with spinner("clevertap-import list"):
            print_json(["customers"])
            say("A note.", err=True)
        shown = shown_on(reader)
    assert FRAME in shown
    assert shown.index(FRAME) < shown.rindex(ERASE_LINE) < shown.index("A note.")
    assert capsys.readouterr().out == '[\n  "customers"\n]\n'


def test_an_error_leaves_no_spinner(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as reader:
        with pytest.raises(ValueError, match="wrong"), spinner("clevertap-import list"):
            raise ValueError("wrong")
        assert shown_on(reader).endswith(ERASE_LINE)


def test_without_a_terminal_there_is_neither_spinner_nor_color(capsys: pytest.CaptureFixture[str]) -> None:
    with spinner("clevertap-import health"):
        say_verdict("customers", ok=True)
        say_verdict("orders: late", ok=False, indent=2)
    assert capsys.readouterr() == ("ok    customers\n  WRONG orders: late\n", "")


@pytest.mark.parametrize(("no_color", "verdict"), [("", "\x1b[31mWRONG\x1b[0m"), ("1", "WRONG")])
def test_a_verdict_has_a_color_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, no_color: str, verdict: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    with terminal(monkeypatch) as reader:
        monkeypatch.setattr(sys, "stdout", sys.stderr)
        say_verdict("orders", ok=False)
        sys.stderr.flush()
        assert shown_on(reader) == f"{verdict} orders\r\n"
