"""Files for their owner only, and what is no file and everybody's."""

import os
from pathlib import Path

import pytest

from clevertap_import.private_files import private, replace_private


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


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("old")
    file.chmod(0o666)
    replace_private(file, "new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o600)
    with pytest.raises(UnicodeEncodeError):
        replace_private(file, "half of it \udc80")
    assert (file.read_text(), [each.name for each in tmp_path.iterdir()]) == ("new", ["report.html"])


def test_to_replace_a_link_changes_what_it_names_and_a_pipe_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "report.html")
    replace_private(tmp_path / "link", "new")
    assert (tmp_path / "report.html").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_private(pipe, "read")
    assert (os.read(reader, 10), pipe.is_fifo()) == (b"read", True)
    os.close(reader)
