"""Which imports and windows a command or a call means, and the environment that they read."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clevertap_import.config.model import ImportConfig
    from clevertap_import.project.folder import Imports


def take_variables(folder: Path) -> None:
    """Those of the .env in `folder`, and in that of its project; what is set already stays as it is.

    Raises ConfigError for a file that cannot be read.
    """
    from dotenv import load_dotenv

    from clevertap_import.config.env_files import env_files
    from clevertap_import.errors import ConfigError

    for file in env_files(folder):
        try:
            load_dotenv(file)
        except ValueError:
            raise ConfigError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None


def all_imports() -> "Imports":
    """Every import, drafts included. Raises ConfigError if there is none at all."""
    from clevertap_import.project.folder import NoImports, imports_folder, load_folder

    folder = imports_folder(os.environ)
    imports = load_folder(folder)
    if not imports.loaded and not imports.drafts:
        raise NoImports(folder)
    return imports


def imports_named(names: Sequence[str]) -> list["ImportConfig"]:
    """The imports called `names`. Raises ConfigError for a name that is unknown or a draft."""
    imports = all_imports()
    return [imports.called(name).config for name in names]


def runnable_imports(names: Sequence[str]) -> list["ImportConfig"]:
    """The same, if the environment describes what they read from and send to. Raises ConfigError if not."""
    from clevertap_import.clevertap.client import account_settings
    from clevertap_import.snowflake.session import snowflake_settings

    configs = imports_named(names)
    for config in configs:
        snowflake_settings(config.connection, os.environ)
        account_settings(config.account, os.environ)
    return configs


def moment_of(text: str) -> datetime:
    """A moment as ISO 8601; UTC where it names no zone. Raises ConfigError."""
    from clevertap_import.errors import ConfigError

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not a moment. Write it as 2026-11-01 or 2026-11-01T09:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def bounds_problem(
    start: datetime | None, end: datetime | None, spelled: Callable[[str], str], *, full: bool
) -> str | None:
    """Why these bounds mean nothing; None if they do. `spelled`: the name of an option as it is written."""
    window, until = spelled("window"), spelled("until")
    if end and not start:
        return f"{until} goes with {window}."
    if start and end and end < start:
        return (
            f"{until} is {end:%Y-%m-%d %H:%M}, before {window}, {start:%Y-%m-%d %H:%M}."
            f" Give the earlier moment as {window}."
        )
    return f"{spelled('full')} and {window} exclude each other." if full and start else None


def vague_force(configs: Sequence["ImportConfig"], spelled: Callable[[str], str]) -> str | None:
    """Why force needs windows: alone it would mean those that are not done, of which CleverTap has little."""
    windowed = [config.nickname for config in configs if config.updated_on]
    if not windowed:
        return None
    return (
        f"{spelled('force')} alone would send only the windows of {', '.join(windowed)} that are not done."
        f" Say which windows are sent again: {spelled('window')}, with {spelled('until')} for several; or"
        f" {spelled('full')} for all of them."
    )
