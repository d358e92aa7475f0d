"""Imports of a test's own: YAML in a folder, and a Dagster home in which they run on the local servers."""

import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from clevertap_import.orchestration.code_location import folder_definitions
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.runs import RunRange, runs
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.dagster_internals import replace
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.forked_commands import Started, can_fork, run_forked, start, start_fresh

COMPONENT = "clevertap_import.components.CleverTapImport"
COMMAND_SECONDS = 600
"""No measure: so long a machine that is busy with others may take."""
DAGSTER_YAML = "telemetry: {enabled: false}\nnux: {enabled: false}\n"

Line = dict[str, Any]


FIRST_DAY = datetime.now(UTC).date()
"""The day in UTC on which these tests began. What they write counts from it, also after a midnight."""


def days_ago(days: int) -> date:
    """This number of days before the tests began."""
    return FIRST_DAY - timedelta(days=days)


def days_of_today() -> list[date]:
    """The days on which these tests have run so far: one, or two after a midnight."""
    count = (datetime.now(UTC).date() - FIRST_DAY).days + 1
    return [FIRST_DAY + timedelta(days=number) for number in range(count)]


def was_today(day: str) -> bool:
    return day in map(str, days_of_today())


def by_midnight(before: object, after: object) -> list[object]:
    """The results that may be found: `before`, and also `after` if a midnight has passed in these tests."""
    return [before, after][: len(days_of_today())]


def daily_windows(first: int) -> list[list[str]]:
    """All daily windows from `first` days ago on: a list for each day that may have been the last of them."""
    return [
        [f"{days_ago(number)}" for number in range(first, days_ago(0).toordinal() - last.toordinal() - 1, -1)]
        for last in days_of_today()
    ]


def profiles_target(**properties: str) -> dict[str, Any]:
    """Profiles identified by ID; a keyword for each property, the column as its value."""
    mappings = [{"column": column, "property": name} for name, column in properties.items()]
    return {"kind": "profiles", "identity": {"column": "ID"}, "properties": mappings}


def document(nickname: str, attributes: Mapping[str, Any]) -> str:
    return yaml.safe_dump(
        {"type": COMPONENT, "attributes": {"nickname": nickname, **attributes}}, sort_keys=False
    )


@dataclass(frozen=True)
class Workshop:
    """A folder of imports, the database that they read, the account that they send to.

    The connection and the account have a name of their own, so that no other test's environment is meant.
    """

    folder: Path
    instance: dg.DagsterInstance
    snowflake: LocalSnowflake
    clevertap: FakeCleverTap
    database: str
    name: str = field(default_factory=lambda: f"w{secrets.token_hex(4)}")
    resources: dict[str, object] = field(default_factory=dict)
    """In place of the imports' own, by key."""

    @property
    def environment(self) -> dict[str, str]:
        prefix = self.name.upper()
        known = self.snowflake.environment(self.database).items()
        source = {key.replace("SNOWFLAKE", prefix, 1): value for key, value in known}
        return {
            **{key: value for key, value in source.items() if not key.endswith("DETECTION")},
            "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
            f"{prefix}_ACCOUNT_ID": self.clevertap.account_id,
            f"{prefix}_PASSCODE": self.clevertap.passcode,
            f"{prefix}_API_URL": self.clevertap.url,
        }

    def enter_environment(self, patch: pytest.MonkeyPatch) -> None:
        """For imports that run in this process."""
        for name, value in self.environment.items():
            patch.setenv(name, value)

    def write(self, nickname: str, **attributes: object) -> Path:
        """An import of daily windows of T since two days ago, changed as `attributes` say."""
        usual = {
            "connection": self.name,
            "account": self.name,
            "source": {"kind": "table", "table": "T"},
            "target": profiles_target(Name="NAME"),
            "updated_on": {"column": "UPDATED_AT", "lookback": "0 minutes"},
            "start": days_ago(2),
            "window": "day",
        }
        path = self.folder / nickname / "defs.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document(nickname, {**usual, **attributes}))
        return path

    def definitions(self) -> dg.Definitions:
        ours = folder_definitions(self.folder)
        return replace(ours, resources={**(ours.resources or {}), **self.resources})

    def run(self, nickname: str, **options: Any) -> list[Line]:  # noqa: ANN401 - the fields of RunRange
        """Runs as the command starts them; a line of stats for each."""
        config = load_folder(self.folder).called(nickname).config
        return list(runs(self.instance, self.definitions(), config, RunRange(**options)))

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Rows of the last of `statements`, in the workshop's database."""
        rows: list[tuple[Any, ...]] = []
        with self.snowflake.connect(database=self.database, schema="PUBLIC") as connection:
            for statement in statements:
                rows = connection.cursor().execute(statement).fetchall()
        return rows

    def people(self, rows: Sequence[tuple[str | None, str | None, datetime]]) -> None:
        """The table T: ID, NAME, UPDATED_AT, with these rows."""
        self.sql("create or replace table T (ID varchar, NAME varchar, UPDATED_AT timestamp_ntz)")
        self.add_people(rows)

    def add_people(self, rows: Sequence[tuple[str | None, str | None, datetime]]) -> None:
        values = ", ".join(f"({text(key)}, {text(name)}, '{at:%Y-%m-%d %H:%M:%S}')" for key, name, at in rows)
        self.sql(f"insert into T values {values}")

    def materializations(self, nickname: str) -> list[dg.EventLogRecord]:
        """Oldest first."""
        found = self.instance.fetch_materializations(asset_key(nickname), limit=100, ascending=True)
        return list(found.records)

    def observed(self, nickname: str) -> dict[str, Any]:
        """The metadata of the last run."""
        return metadata_of(self.instance.fetch_observations(asset_key(nickname), limit=1).records[0])


def text(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


def metadata_of(record: dg.EventLogRecord) -> dict[str, Any]:
    """By key; tables as lists of rows."""
    event = record.asset_materialization or record.asset_observation
    assert event
    return {
        name: table_rows(value) if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in event.metadata.items()
    }


def table_rows(value: object) -> list[dict[str, Any]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


@cache
def migrated_home() -> Path:
    """A Dagster home whose databases have their tables, to be copied: to make one takes half a CPU second."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    with empty_home(folder), dg.DagsterInstance.get():
        return folder


@contextmanager
def empty_home(folder: Path) -> Iterator[None]:
    """A Dagster home for this process, without its databases."""
    (folder / "dagster.yaml").write_text(DAGSTER_YAML)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        yield


@contextmanager
def dagster_home(folder: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster home for this process, and the instance in it."""
    shutil.copytree(migrated_home(), folder, dirs_exist_ok=True)
    with empty_home(folder), dg.DagsterInstance.get() as instance:
        yield instance


@contextmanager
def open_workshop(folder: Path, snowflake: LocalSnowflake, clevertap: FakeCleverTap) -> Iterator[Workshop]:
    """A workshop for tests that start processes; its imports and its Dagster home are in `folder`."""
    imports, home = folder / "imports", folder / "home"
    imports.mkdir()
    home.mkdir()
    with dagster_home(home) as instance:
        yield Workshop(imports, instance, snowflake, clevertap, snowflake.create_database())


def process_environment(workshop: Workshop, **changes: str) -> dict[str, str]:
    """What a process needs to work on the imports of `workshop`, and on no others."""
    home = Path(workshop.instance.root_directory)
    ours = {"DAGSTER_HOME": str(home), "CLEVERTAP_IMPORT_DEFS": str(workshop.folder)}
    return {**os.environ, **workshop.environment, **ours, **changes}


def command(workshop: Workshop, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`clevertap-import` with these words in a process of its own; `changes` go over its environment."""
    environment = process_environment(workshop, **changes)
    if can_fork(environment):
        return run_forked(words, environment, workshop.folder, COMMAND_SECONDS)
    return fresh_command(workshop, *words, **changes)


def fresh_command(workshop: Workshop, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """As above, in an interpreter of its own, as users start it."""
    return subprocess.run(
        [sys.executable, "-m", "clevertap_import", *words],
        env=process_environment(workshop, **changes),
        cwd=workshop.folder,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def start_command(workshop: Workshop, *words: str, **changes: str) -> Started:
    """As `command`, beside this process; what it says is in its `stdout`."""
    return start(words, process_environment(workshop, **changes), workshop.folder)


def start_fresh_command(workshop: Workshop, *words: str) -> Started:
    """As above, in an interpreter of its own."""
    return start_fresh(words, process_environment(workshop), workshop.folder)
