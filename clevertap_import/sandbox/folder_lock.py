"""One sandbox at a time in a folder: its databases take no second server."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clevertap_import.errors import ConfigError
from clevertap_import.private_files import FOLDER, make_private_folder, tighten

NAME = "lock"


class FolderInUse(ConfigError):
    """Another sandbox works in this folder."""


@contextmanager
def folder_lock(home: Path) -> Iterator[int]:
    """Hold `home` for one sandbox; yields the open file, for its servers to hold too. Raises FolderInUse."""
    make_private_folder(home)
    tighten(home, FOLDER)
    handle = os.open(home / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(
                f"Another sandbox or demo uses {home} (processes {(home / NAME).read_text().strip()})."
                " End it, or start this one in another folder. The servers of one that was killed end by"
                " themselves within a minute."
            ) from None
        os.truncate(handle, 0)
        note(handle, os.getpid())
        yield handle
    finally:
        os.close(handle)


def note(handle: int, process_id: int) -> None:
    """Write down who holds the lock, for whoever finds it held."""
    os.write(handle, f"{process_id} ".encode())
