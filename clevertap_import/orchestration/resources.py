"""Connections and accounts as Dagster resources, filled from the environment."""

import os
from collections.abc import Generator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from clevertap_import.clevertap.batch_sender import RetryPolicy
from clevertap_import.clevertap.client import AccountSettings, account_settings
from clevertap_import.config.dagster_project import HOME, base_folder
from clevertap_import.config.model import ImportConfig
from clevertap_import.errors import ConfigError
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import default_url
from clevertap_import.private_files import OUR_FOLDER
from clevertap_import.snowflake.session import SnowflakeSettings, snowflake_settings

Result = TypeVar("Result")

JOURNAL_KEY = "journal"
JOURNAL_VARIABLE = "CLEVERTAP_IMPORT_JOURNAL_URL"


class SnowflakeConnection(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A Snowflake connection. Each field is the variable of the same name with the connection's prefix."""

    name: str
    account: str | None = None
    user: str | None = None
    private_key: str | None = Field(None, repr=False)
    private_key_path: str | None = Field(None, repr=False)
    private_key_passphrase: str | None = Field(None, repr=False)
    password: str | None = Field(None, repr=False)
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema_name: str | None = None
    host: str | None = None
    port: str | None = None
    protocol: str | None = None

    def settings(self) -> SnowflakeSettings:
        """Raises ConfigError with the names of the variables that are missing."""
        return snowflake_settings(self.name, given(self, self.name))


class CleverTapAccount(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A CleverTap account. Each field is the variable of the same name with the account's prefix."""

    name: str
    account_id: str | None = Field(None, repr=False)
    passcode: str | None = Field(None, repr=False)
    region: str | None = None
    api_url: str | None = None
    max_in_flight: str | None = None

    def settings(self) -> AccountSettings:
        """Raises ConfigError with the names of the variables that are missing."""
        return account_settings(self.name, given(self, self.name))

    def retry_policy(self) -> RetryPolicy:
        """How long a batch is tried again."""
        return RetryPolicy()


class JournalDatabase(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The database of the journal; without a URL, a SQLite file below Dagster's home."""

    url: str | None = Field(None, repr=False)
    _step: Generator[object, None, None] | None = PrivateAttr(None)

    def open(self) -> Journal:
        return Journal(self.url or default_url(home()), key_folder=home() / OUR_FOLDER)

    def guarded(self, results: Generator[Result, None, None]) -> Generator[Result, None, None]:
        """The results of a step. The step is closed, at the latest, when the next one begins or the run ends.

        If Dagster cannot store a result, or the run is canceled between two results, it leaves the step open
        in memory, with the import lock. The next run in this process would wait for that lock.
        """
        self.close_step()
        self._step = results
        yield from results

    def close_step(self) -> None:
        if self._step is not None:
            self._step.close()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self.close_step()


def open_journal() -> Journal:
    """The journal for commands, which have no resources."""
    return Journal(journal_url(), key_folder=home() / OUR_FOLDER)


def journal_url() -> str:
    """The URL of the journal for commands."""
    return os.environ.get(JOURNAL_VARIABLE) or default_url(home())


def home() -> Path:
    """Dagster's home: DAGSTER_HOME, or `.dagster` in the folder of the project."""
    named = os.environ.get("DAGSTER_HOME")
    # Dagster expands `~` too. In a .env file no shell does it.
    return Path(os.path.expanduser(named)).resolve() if named else base_folder(Path.cwd()) / HOME


def variable(name: str, field: str) -> str:
    """The environment variable of a resource's field. (pydantic reserves `schema`.)"""
    return f"{name.upper()}_{field.removesuffix('_name').upper()}"


def given(resource: dg.ConfigurableResource, name: str) -> dict[str, str]:  # type: ignore[type-arg]
    """The fields of a resource, by the names of their variables."""
    values = {field: getattr(resource, field) for field in type(resource).model_fields if field != "name"}
    return {variable(name, field): value for field, value in values.items() if value is not None}


def place_of(connection: str, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The database and the schema of a connection, which complete the names of tables."""
    database, schema = (environment.get(variable(connection, field)) for field in ("database", "schema"))
    return database, schema


def connection_key(name: str) -> str:
    return f"connection_{name}"


def account_key(name: str) -> str:
    return f"account_{name}"


class ResourcesInRunConfig(ConfigError):
    """The configuration of a run has its own connection, account or journal."""


def refuse_foreign_resources(config: ImportConfig, run_config: Mapping[str, Any]) -> None:
    """Raises ResourcesInRunConfig if a run is to use another account, connection or journal.

    In Dagster a run's configuration can replace single fields of a resource; the other fields, also secrets,
    stay the same. And any page in an operator's browser can launch a run.
    """
    ours = {connection_key(config.connection), account_key(config.account), JOURNAL_KEY}
    if found := sorted(ours & set(run_config.get("resources") or {})):
        raise ResourcesInRunConfig(
            f"The run's configuration has settings of its own for {' and '.join(found)}. Nothing was read or"
            " sent: with such settings, anyone who reaches Dagster's web server could have the passcode and"
            " the rows sent to any address. Take 'resources' out of the run's configuration, and set the"
            " environment variables where runs execute."
        )


@cache
def snowflake_connection(name: str) -> SnowflakeConnection:
    """Always the same object for a name: Dagster merges definitions only if they share it."""
    return SnowflakeConnection(name=name, **variables(SnowflakeConnection, name, os.environ))


@cache
def clevertap_account(name: str) -> CleverTapAccount:
    """Always the same object for a name: Dagster merges definitions only if they share it."""
    return CleverTapAccount(name=name, **variables(CleverTapAccount, name, os.environ))


@cache
def journal_database() -> JournalDatabase:
    return JournalDatabase(url=dg.EnvVar(JOURNAL_VARIABLE) if os.environ.get(JOURNAL_VARIABLE) else None)


def variables(
    kind: type[dg.ConfigurableResource],  # type: ignore[type-arg]
    name: str,
    environment: Mapping[str, str],
) -> dict[str, dg.EnvVar]:
    """The variables that are set, by field. Definitions contain only their names, never their values."""
    fields = {field: variable(name, field) for field in kind.model_fields if field != "name"}
    return {field: dg.EnvVar(name) for field, name in fields.items() if environment.get(name)}
