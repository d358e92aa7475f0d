"""Reads `.env` files; refuses to send a login to an address from a `.env` that does not have the login."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values, load_dotenv

from clevertap_import.config.dagster_project import project_root
from clevertap_import.errors import ConfigError

LOCATIONS_VARIABLE = "DAGSTER_PROJECT_ENV_FILE_PATHS"
"""Dagster's own: the folders with a `.env`, by code location."""

CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables of certificates. With a proxy, they are as dangerous as an address."""


class LoginLedElsewhere(ConfigError):
    """A `.env` names an address, and the login for it comes from somewhere else."""


def env_files(folder: Path) -> tuple[Path, ...]:
    """The files that commands read in `folder`, and Dagster in its project; the nearer one first."""
    root = project_root(folder)
    return tuple(dict.fromkeys(base / ".env" for base in (folder, root or folder)))


def take_variables(folder: Path) -> None:
    """Those of the .env in `folder`, and in that of its project; what is set already stays as it is.

    Raises ConfigError for a file that cannot be read.
    """
    for file in env_files(folder):
        try:
            load_dotenv(file)
        except ValueError:
            raise ConfigError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None


def check_one_source(
    environment: Mapping[str, str], addresses: Sequence[str], secrets: Sequence[str], files: Sequence[Path]
) -> None:
    """Raises LoginLedElsewhere if one of `files` sets one of the addresses, and not all the secrets in use.

    Both are names of variables in `environment`. A variable counts as set by a file if the file has the same
    value: the environment does not show whether this program or Dagster loaded it.
    """
    in_use = [name for name in secrets if environment.get(name)]
    for file in files:
        given = values_of(file)
        led = [name for name in addresses if environment.get(name) and may_give(given, name, environment)]
        # Not among what resources of Dagster know of the environment.
        led += [name for name in CERTIFICATES if os.environ.get(name) and may_give(given, name, os.environ)]
        lacking = [name for name in in_use if given.get(name) != environment[name]]
        if led and lacking:
            raise LoginLedElsewhere(
                f"{led[0]} comes from {file}, and {' and '.join(lacking)} from elsewhere. A file in a folder"
                " could otherwise send a login to any address. Write both into that file, in full and"
                f" without ${{...}}; or set {led[0]} where {lacking[0]} is set, and take it out of the file."
            )


def may_give(given: Mapping[str, str | None], name: str, environment: Mapping[str, str]) -> bool:
    """Whether the value may come from there. The value of ${...} depends on the reader of the file."""
    written = given.get(name) or ""
    return written == environment[name] or "${" in written


def values_of(file: Path) -> Mapping[str, str | None]:
    """The texts of a `.env`, without replacement: ${...} could name the login that the file does not have."""
    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, ValueError):
        # No program can read variables from it.
        return {}


def here() -> tuple[Path, ...]:
    """The files of the folder in which this process works, and those that Dagster takes for its locations."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        return ()
    return tuple(dict.fromkeys((*env_files(folder), *files_of_locations(folder))))


def files_of_locations(folder: Path) -> Iterator[Path]:
    """`dg dev` in a workspace names the folder of each project; a process takes the file of its own."""
    try:
        paths = json.loads(os.environ.get(LOCATIONS_VARIABLE) or "{}")
    except ValueError:
        return
    for path in paths.values() if isinstance(paths, dict) else ():
        yield folder / str(path) / ".env"
