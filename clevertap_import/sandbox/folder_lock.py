"""Only one sandbox may use a folder: its databases allow only one server."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clevertap_import.errors import ConfigError
from clevertap_import.private_files import FOLDER, make_private_folder, tighten

NAME = "lock"


class FolderInUse(ConfigError):
    """Another sandbox uses this folder."""


@contextmanager
def folder_lock(home: Path) -> Iterator[int]:
    """Lock `home` for one sandbox; yields the open file, for its servers too. Raises FolderInUse."""
    make_private_folder(home)
    tighten(home, FOLDER)
    handle = os.open(home / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(
                f"Another sandbox or demo uses {home} (processes {(home / NAME).read_text().strip()})."
                " End it, or use another folder. The servers of a killed sandbox end by themselves within a"
                " minute."
            ) from None
        os.truncate(handle, 0)
        note(handle, os.getpid())
        yield handle
    finally:
        os.close(handle)


def note(handle: int, process_id: int) -> None:
    """Write down who has the lock, for other processes that need it."""
    os.write(handle, f"{process_id} ".encode())
