"""Files that only their owner can read, with any umask."""

import errno
import fcntl
import os
import stat
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
OUR_FOLDER = "clevertap_import"
"""The folder of this package below Dagster's home."""

BESIDE_SQLITE = ("", "-wal", "-shm", "-journal")
"""The endings of the files that SQLite makes beside a database. They get the database's mode."""


def private(path: str, flags: int) -> int:
    """Opens a file that only its owner can read, even if it existed before. An `opener` for open().

    A device or a pipe keeps its mode: /dev/null is for all users.
    """
    opened = os.open(path, flags, FILE)
    if stat.S_ISREG(os.fstat(opened).st_mode):
        os.fchmod(opened, FILE)
    return opened


def replace_private(file: Path, text: str) -> None:
    """Writes a private file whole: readers see the old text or the new one. A device or a pipe is written to.

    Raises OSError, and leaves the old file.
    """
    file = file.resolve()
    if file.exists() and not file.is_file():
        file.write_text(text, "utf-8")
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        with open(draft, "w", encoding="utf-8", opener=private) as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def private_database(file: Path) -> None:
    """Makes the file of a SQLite database, and its folder, private; files of another user do not change.

    SQLite accepts an empty file as a new database.
    """
    make_private_folder(file.parent)
    if file.parent.name == OUR_FOLDER:
        tighten(file.parent, FOLDER)
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, FILE))
    for end in BESIDE_SQLITE:
        tighten(file.with_name(file.name + end), FILE)


NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems say that have no second names for a file, such as those of USB sticks and of Windows."""


def second_name(file: Path, name: Path) -> bool:
    """Gives `file` a second name in its folder; False where the file system has none.

    Raises FileExistsError if anything has that name.
    """
    try:
        os.link(file, name)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        return False
    return True


def name_once(draft: Path, name: Path) -> None:
    """Gives a whole file its name in its folder. Raises FileExistsError if anything has that name."""
    if second_name(draft, name):
        draft.unlink()
        return
    folder = os.open(name.parent, os.O_RDONLY)
    try:
        # To rename would replace what another process of ours makes at the same moment.
        fcntl.flock(folder, fcntl.LOCK_EX)
        if os.path.lexists(name):
            raise FileExistsError(name)
        draft.rename(name)
    finally:
        os.close(folder)


def make_private_folder(folder: Path) -> None:
    """Makes a private folder; its parents are made as usual. An existing folder keeps its mode: others may
    use it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER, exist_ok=True)


def tighten(path: Path, mode: int) -> None:
    """Removes the rights of others from a file of ours; the file system may be read-only."""
    try:
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & ~mode & 0o077:
            path.chmod(mode)
    except (FileNotFoundError, PermissionError):
        return
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
