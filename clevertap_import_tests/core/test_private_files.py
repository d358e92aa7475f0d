"""Files for their owner only, and what is no file and everybody's."""

import os
from pathlib import Path

import pytest

from clevertap_import.private_files import private


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("was_there", [True, False])
def test_a_file_is_its_owners_whatever_it_was_before(tmp_path: Path, umask: int, was_there: bool) -> None:
    file = tmp_path / "rows.csv"
    if was_there:
        file.touch()
        file.chmod(0o666)
    before = os.umask(umask)
    try:
        with open(file, "w", opener=private):
            assert file.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_what_is_no_file_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    os.close(private(str(pipe), os.O_RDWR))
    assert pipe.stat().st_mode & 0o777 == 0o666
