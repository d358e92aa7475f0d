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
    """A Snowflake connection; each field is the variable of the same name behind the connection's prefix."""

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
    """A CleverTap account; each field is the variable of the same name behind the account's prefix."""

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
    """Where deliveries are remembered; a SQLite file below Dagster's home if no URL is given."""

    url: str | None = Field(None, repr=False)
    _step: Generator[object, None, None] | None = PrivateAttr(None)

    def open(self) -> Journal:
        return Journal(self.url or default_url(home()), key_folder=home() / OUR_FOLDER)

    def guarded(self, results: Generator[Result, None, None]) -> Generator[Result, None, None]:
        """The results of a step, which is closed at the latest when the next one begins or the run ends.

        Dagster leaves a step between two results if it cannot store one, or if the run is canceled there,
        and keeps it in memory: with the import's turn, for which the next run in this process would wait.
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
    """Where the journal of commands is."""
    return os.environ.get(JOURNAL_VARIABLE) or default_url(home())


def home() -> Path:
    """Where Dagster keeps its things: DAGSTER_HOME, or `.dagster` in the folder of the project around."""
    named = os.environ.get("DAGSTER_HOME")
    # As Dagster takes the name: in a .env nobody else makes a home of `~`.
    return Path(os.path.expanduser(named)).resolve() if named else base_folder(Path.cwd()) / HOME


def variable(name: str, field: str) -> str:
    """The environment variable behind a resource's field. (pydantic keeps `schema` to itself.)"""
    return f"{name.upper()}_{field.removesuffix('_name').upper()}"


def given(resource: dg.ConfigurableResource, name: str) -> dict[str, str]:  # type: ignore[type-arg]
    """The fields of a resource under the names of the variables that they came from."""
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
    """Whoever launched a run says where its rows, its passcode or its journal are."""


def refuse_foreign_resources(config: ImportConfig, run_config: Mapping[str, Any]) -> None:
    """Raises ResourcesInRunConfig if a run is to use another account, connection or journal.

    Dagster lets a run's configuration replace each field of a resource and keeps the others, the secrets
    too; and any page in an operator's browser can launch a run.
    """
    ours = {connection_key(config.connection), account_key(config.account), JOURNAL_KEY}
    if found := sorted(ours & set(run_config.get("resources") or {})):
        raise ResourcesInRunConfig(
            f"The run's configuration has settings of its own for {' and '.join(found)}. Nothing was read or"
            " sent: whoever reaches Dagster's web server could so have passcode and rows sent wherever they"
            " like. Take 'resources' out of the run's configuration, and set the environment variables where"
            " runs execute."
        )


@cache
def snowflake_connection(name: str) -> SnowflakeConnection:
    """Always the same object for a name: Dagster merges definitions only if they share it."""
    return SnowflakeConnection(name=name, **variables(SnowflakeConnection, name, os.environ))


@cache
def clevertap_account(name: str) -> CleverTapAccount:
    """Always the same object for a name, as above."""
    return CleverTapAccount(name=name, **variables(CleverTapAccount, name, os.environ))


@cache
def journal_database() -> JournalDatabase:
    return JournalDatabase(url=dg.EnvVar(JOURNAL_VARIABLE) if os.environ.get(JOURNAL_VARIABLE) else None)


def variables(
    kind: type[dg.ConfigurableResource],  # type: ignore[type-arg]
    name: str,
    environment: Mapping[str, str],
) -> dict[str, dg.EnvVar]:
    """Which variables are set, by field. Only their names go into the definitions, never their values."""
    fields = {field: variable(name, field) for field in kind.model_fields if field != "name"}
    return {field: dg.EnvVar(name) for field, name in fields.items() if environment.get(name)}
