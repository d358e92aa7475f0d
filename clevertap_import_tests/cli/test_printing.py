"""What people read on a terminal, wide or narrow."""

import re

import pytest

from clevertap_import.cli.drawing import print_table

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
