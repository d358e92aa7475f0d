"""When the files of a folder were made and last changed, and by whom, as Git records it."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

GIT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class FileHistory:
    """Times are ISO 8601 with zone. Without Git there are no names, and both times are those of the file.

    `commit`: the short name of the commit that changed the file last.
    """

    created_on: str
    created_by: str | None
    updated_on: str
    updated_by: str | None
    commit: str | None = None


def file_histories(folder: Path, files: list[Path]) -> dict[Path, FileHistory]:
    """The history of each of `files`, all below `folder`, by one call of Git."""
    commits = git_commits(folder)
    return {file: commits.get(file.resolve()) or unversioned(file) for file in files}


def git_commits(folder: Path) -> dict[Path, FileHistory]:
    """By file; empty where there is no Git or no repository."""
    top = git(folder, "rev-parse", "--show-toplevel").strip()
    if not top:
        return {}
    log = git(folder, "log", "--format=%x00%aI%x00%ae%x00%h", "--name-only", "--", ".")
    found: dict[Path, FileHistory] = {}
    # Newest first: the first commit that names a file is its last change, the last one made it.
    for entry in log.split("\n\0"):
        head, _, names = entry.lstrip("\0").partition("\n")
        when, who, commit = head.split("\0")
        for name in filter(None, names.split("\n")):
            path = (Path(top) / name).resolve()
            newest = found.get(path)
            latest = (newest.updated_on, newest.updated_by, newest.commit) if newest else (when, who, commit)
            found[path] = FileHistory(when, who, *latest)
    return found


def git(folder: Path, *arguments: str) -> str:
    """What Git prints; empty if there is no Git, or if Git does not know the folder."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever Git the user has
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def unversioned(file: Path) -> FileHistory:
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
    return FileHistory(changed, None, changed, None)
