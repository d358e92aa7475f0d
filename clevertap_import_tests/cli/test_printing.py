"""What people read on a terminal, wide or narrow."""

import io
import re

import click
import pytest
from rich.console import Console

from clevertap_import.cli.drawing import SHORT_LIST_COLUMNS, Shown, print_table
from clevertap_import.cli.listing import WATCH_SECONDS, watch_listing

LINE = {"run_id": "2e5b2ae8-77b1-4f4f", "status": "Success", "total_records": 3022, "health": 99.5}


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            "80",
            r"Run Id .* Status .* Total Records .* Health .*\n.*\n.* 2e5b2ae8-77b1-4f4f .* 3,022 .* 99.5 %",
        ),
        (
            "40",
            r"Run Id +2e5b2ae8-77b1-4f4f *\n *Status +Success *\n *Total Records +3,022 *\n *Health +99.5 %",
        ),
    ],
    ids=["a row a line", "a value a line"],
)
def test_a_table_fits_the_terminal_and_no_cell_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: str, shown: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", width)
    print_table("customers", tuple(LINE), [LINE | {"health_state": "yellow"}])
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert re.search(shown, printed), printed
    assert max(map(len, printed.splitlines())) <= int(width)


def test_a_failed_run_shows_no_health_of_the_rows_that_it_came_to(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("customers", ("health",), [LINE | {"health_state": "failed"}])
    printed = capsys.readouterr().out
    assert "failed" in printed
    assert "99.5" not in printed


def test_the_morning_table_folds_its_sentences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    why = "The last 3 runs failed: CleverTap refuses the passcode. " * 3
    line = {
        "nickname": "customers",
        "status": "Scheduled",
        "health": None,
        "health_state": "failed",
        "why": why,
        "severity": "critical",
        "progress": {"phase": "send", "done": 45, "total": 100},
    }
    more = {"new_24h": 1_234_567, "open_rejects": 3, "late": False, "next_run": "2026-11-28T00:00:00+00:00"}
    print_table("Imports", SHORT_LIST_COLUMNS, [line | more], folds=True)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, printed.splitlines())) <= 100
    assert "send 45 %" in printed
    assert "11-28 00:00" in printed
    assert "customers" in printed


def test_the_listing_is_shown_again_until_it_is_interrupted() -> None:
    out, waits = io.StringIO(), list[float]()
    found = iter(Shown(f"Imports {number}", ["run_id", "status"], [LINE], ["1 import."]) for number in (1, 2))

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    watch_listing(lambda: next(found), Console(file=out, force_terminal=True, width=100), pause)
    assert waits == [WATCH_SECONDS] * 2
    assert all(words in out.getvalue() for words in ("Imports 1", "Imports 2", "Success", "1 import."))
    with pytest.raises(click.UsageError, match="on a terminal"):
        watch_listing(lambda: next(found), Console(file=out), pause)
