"""The file of rejected rows: there if there are any, and for nobody else to read."""

import csv
import os
from pathlib import Path

from clevertap_import.io.rejects import HEADER, rejects_file, rejects_path
from clevertap_import.pure.records import Rejection

FIRST = Rejection(2, "EMAIL", "Email", "515", 'Email "x, y" is not valid.', "u2")
SECOND = Rejection(7, None, None, "555", "später\nnochmal")


def test_rejected_rows_are_written_in_order_and_read_back_as_they_were(tmp_path: Path) -> None:
    path = rejects_path(tmp_path, "customers", "run-1")
    with rejects_file(path) as rejects:
        rejects.add(FIRST)
        rejects.add(SECOND)
    assert rejects.rows == 2
    with open(path, newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            list(HEADER),
            ["2", "u2", "EMAIL", "Email", "515", 'Email "x, y" is not valid.'],
            ["7", "", "", "", "555", "später\nnochmal"],
        ]


def test_only_its_owner_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    path = rejects_path(tmp_path, "customers", "run-1")
    before = os.umask(0)
    try:
        with rejects_file(path) as rejects:
            rejects.add(FIRST)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_rejected_row_there_is_no_file(tmp_path: Path) -> None:
    with rejects_file(rejects_path(tmp_path, "customers", "run-1")) as rejects:
        assert rejects.rows == 0
    assert list(tmp_path.iterdir()) == []


def test_what_was_rejected_before_a_run_broke_off_is_kept(tmp_path: Path) -> None:
    path = rejects_path(tmp_path, "customers", "run-1")
    try:
        with rejects_file(path) as rejects:
            rejects.add(FIRST)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert len(path.read_text(encoding="utf-8").splitlines()) == 2
