"""Files that are really in a folder: a link may lead to another place in it, but not out of it."""

import os
import stat
from pathlib import Path


class LedOutside(Exception):
    """A link leads out of the folder, or it does not lead to a file."""


def read_below(root: Path, file: Path) -> bytes:
    """The content of `file`, which is below `root`. Raises LedOutside or OSError."""
    real_root = root.resolve()
    real = file.resolve()
    if not real.is_relative_to(real_root) or real == real_root:
        raise LedOutside
    # The path has no links now. A link that somebody adds after this is not followed either.
    folder = os.open(real_root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in real.relative_to(real_root).parts[:-1]:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # To read a pipe is to wait for a writer.
        opened = os.open(real.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    with open(opened, "rb") as content:
        kind = os.fstat(opened).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            raise LedOutside
        return content.read()
