"""The rejected rows of a run as a CSV file that only its owner can read."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clevertap_import.pure.records import Rejection

HEADER = ("row_number", "identity", "column", "property", "code", "reason")


def rejects_path(home: Path, import_name: str, run_id: str) -> Path:
    return home / "clevertap_import" / "rejects" / import_name / f"{run_id}.csv"


class RejectsFile:
    """Written as rejections come; the file exists only if there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file: Any = None

    def add(self, rejection: Rejection) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "w", newline="", encoding="utf-8", opener=private)  # noqa: SIM115 - closed in close()
            self._csv = csv.writer(self._file)
            self._csv.writerow(HEADER)
        self._csv.writerow([getattr(rejection, name) for name in HEADER])
        self.rows += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@contextmanager
def rejects_file(path: Path) -> Iterator[RejectsFile]:
    rejects = RejectsFile(path)
    try:
        yield rejects
    finally:
        rejects.close()


def private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
