"""Files that a folder really holds: a link may lead to another place in it, and never out of it."""

import os
import stat
from pathlib import Path


class LedOutside(Exception):
    """A link leads out of the folder, or to what is no file."""


def read_below(root: Path, file: Path) -> bytes:
    """The content of `file`, which is below `root`. Raises LedOutside or OSError."""
    real_root = root.resolve()
    real = file.resolve()
    if not real.is_relative_to(real_root) or real == real_root:
        raise LedOutside
    # The way is free of links now. One that somebody puts there meanwhile is not followed either.
    folder = os.open(real_root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in real.relative_to(real_root).parts[:-1]:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Whoever reads a pipe waits for somebody who writes.
        opened = os.open(real.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    with open(opened, "rb") as content:
        kind = os.fstat(opened).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            raise LedOutside
        return content.read()
