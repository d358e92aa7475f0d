"""An import as its author writes it: the attributes of one YAML document."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from clevertap_import.config.alert_rules import ImportAlerts
from clevertap_import.config.asset_keys import IMPORT_CENTER, is_asset_key
from clevertap_import.config.expectations import Expect
from clevertap_import.config.field_types import Day, Percent
from clevertap_import.config.schedule import After, Manual, Schedule
from clevertap_import.config.strict_model import Strict, shown
from clevertap_import.config.target import EventsTarget, OnBlank, OnNull, ProfilesTarget, Text, exactly_one
from clevertap_import.config.updated_on import CommitTime, UpdatedOn, read_commit_time
from clevertap_import.errors import ConfigError

NAME_TEXT = re.compile(r"[a-z0-9_]+")
OWNER_TEXT = re.compile(r"team:[\w.-]+|\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}\b")
"""What Dagster accepts as an owner (its `is_valid_owner`); any other text would stop the code location."""

IDENTIFIER = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")+")'
TABLE_TEXT = re.compile(rf"{IDENTIFIER}(?:\.{IDENTIFIER}){{0,2}}")
MAX_NAME_CHARS = 63  # of a tag's value in Dagster
MAX_SAMPLE_ROWS = 1_000_000  # of SAMPLE (n ROWS) (Snowflake's page of SAMPLE)
MAX_RETENTION_DAYS = 36_500
MAX_EVENT_PROPERTIES = 256  # the platform's own limit; the upload API promises 100
UNSCHEDULED_ANCHOR = date(2024, 1, 1)  # a Monday


def read_name(name: str) -> str:
    if not NAME_TEXT.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise ValueError(
            f"{shown(name)} is not a name. Allowed: a to z, 0 to 9 and _, up to {MAX_NAME_CHARS} of them."
        )
    return name


def read_nickname(name: str) -> str:
    if name == IMPORT_CENTER:
        raise ValueError(
            f"{shown(name)} is the name of the asset that shows all imports. Choose another nickname."
        )
    return read_name(name)


def read_owner(owner: str) -> str:
    if not OWNER_TEXT.fullmatch(owner):
        raise ValueError(
            f"{shown(owner)} is not an owner. Write an email address as Dagster takes it (letters, digits "
            "and ._%+- before the @, 2 to 7 letters at the end), or a team as team:growth."
        )
    return owner


def read_table(table: str) -> str:
    if not TABLE_TEXT.fullmatch(table):
        raise ValueError(
            f"{shown(table)} is not a table. Write one to three names with dots between, such as "
            "SHOP.PUBLIC.ORDERS; names with other characters than letters, digits, _ and $ in double quotes."
        )
    return table


def read_asset_key(key: str) -> str:
    if not is_asset_key(key):
        raise ValueError(
            f"{shown(key)} is not the key of a Dagster asset. Write its parts with / between, such as "
            "dbt/customers; they have letters, digits and _.- only, and are no word that Dagster reserves."
        )
    return key


Name = Annotated[str, AfterValidator(read_name)]
SampleRows = Annotated[int, Field(ge=1, le=MAX_SAMPLE_ROWS)]
Days = Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS)]


class TableSource(Strict):
    """All rows of a table or view."""

    kind: Literal["table"] = Field("table", description="Reads a table or view.", examples=["table"])
    table: Annotated[str, AfterValidator(read_table)] = Field(
        description="The table or view; the connection supplies missing names.",
        examples=["SHOP.PUBLIC.CUSTOMERS"],
    )


class SqlSource(Strict):
    """The rows of a query."""

    kind: Literal["sql"] = Field("sql", description="Reads the result of a query.", examples=["sql"])
    sql: Text | None = Field(
        None,
        description="The query: one SELECT. Either this or sql_file.",
        examples=["select * from SHOP.PUBLIC.ORDERS where STATUS = 'paid'"],
    )
    sql_file: Text | None = Field(
        None,
        validate_default=True,
        description="A file with the query, relative to the YAML file. Either this or sql.",
        examples=["query.sql"],
    )

    @field_validator("sql_file")
    @classmethod
    def _one_of_the_two(cls, sql_file: str | None, info: ValidationInfo) -> str | None:
        if "sql" in info.data:
            exactly_one(sql=info.data["sql"], sql_file=sql_file)
        return sql_file

    @property
    def text(self) -> str:
        """The query itself. Imports loaded from a folder have read their sql_file already."""
        if self.sql is None:
            raise ConfigError(f"{self.sql_file} has not been read. Load the import with its folder.")
        return self.sql


class DryRun(Strict):
    """How much is checked before anything is sent, and how much may be wrong."""

    sample_rows: SampleRows = Field(
        1000, description="How many rows a dry run maps and checks.", examples=[1000]
    )
    max_rejected_percent: Percent = Field(
        5,
        description="If the share of rejected rows is above this, nothing is sent.",
        examples=[5, 0.5],
    )


class ImportConfig(Strict):
    """One import: rows of Snowflake that become profiles or events of CleverTap."""

    nickname: Annotated[str, AfterValidator(read_nickname)] = Field(
        description="The import's unique name; the asset is clevertap/<nickname>.", examples=["customers"]
    )
    renamed_from: Name | None = Field(
        None,
        description="The old nickname of the import: records that were delivered under it still "
        "count as delivered. You may remove the key after a run has succeeded.",
        examples=["customers_old"],
    )
    title: str | None = Field(None, description="A title shown to people.", examples=["Customer profiles"])
    description: str | None = Field(
        None, description="What the import is for, shown to people.", examples=["Everyone who has signed up."]
    )
    created_by: Annotated[str, AfterValidator(read_owner)] | None = Field(
        None,
        description="Who owns the import: an email address or a team.",
        examples=["growth@example.com", "team:growth"],
    )
    tags: tuple[Text, ...] = Field(
        (), description="Words by which alerts.yaml selects imports.", examples=[["billing", "eu"]]
    )
    connection: Name = Field(
        "snowflake",
        description="Which Snowflake connection of the environment to read from.",
        examples=["analytics"],
    )
    account: Name = Field(
        "clevertap", description="Which CleverTap account of the environment to send to.", examples=["emea"]
    )
    source: Annotated[TableSource | SqlSource, Field(discriminator="kind")] = Field(
        description="Where the rows come from: a table or a query.",
        examples=[{"kind": "table", "table": "SHOP.PUBLIC.CUSTOMERS"}],
    )
    target: Annotated[ProfilesTarget | EventsTarget, Field(discriminator="kind")] = Field(
        description="What is made of the rows: profiles or events, and from which columns.",
        examples=[{"kind": "profiles", "identity": {"column": "CUSTOMER_ID"}}],
    )
    updated_on: Annotated[
        UpdatedOn | None,
        BeforeValidator(read_commit_time, json_schema_input_type=Literal["commit_time"] | UpdatedOn | None),
    ] = Field(
        None,
        description="The column by which a run reads only new and changed rows; without it, all rows. "
        "commit_time: when Snowflake committed the row, for tables with row timestamps.",
        examples=[{"column": "UPDATED_AT"}, "commit_time"],
    )
    start: Day | None = Field(
        None,
        validate_default=True,
        description="The day on which the windows begin, about when the import is added; "
        "the first window also has all older rows. Needed with updated_on.",
        examples=["2026-11-01"],
    )
    window: Literal["hour", "day", "30 minutes", "15 minutes"] = Field(
        "hour",
        description="How long each window of Updated On is. After a change no window counts as done.",
        examples=["day"],
    )
    schedule: Schedule = Field(
        Manual(),
        description="When the import runs by itself.",
        examples=[{"kind": "every", "every": "6 hours"}],
    )
    deps: tuple[Annotated[str, AfterValidator(read_asset_key)], ...] = Field(
        (),
        description="The keys of Dagster assets that make the data of the import: the lineage shows them, "
        "and in one run with them the import is last. Tables of the query, and the assets of kind after, are "
        "deps by themselves.",
        examples=[["dbt/customers"]],
    )
    dry_run: DryRun = Field(
        DryRun(), description="The checks before anything is sent.", examples=[{"sample_rows": 1000}]
    )
    expect: Expect = Field(
        Expect(),
        description="What monitoring expects of the import: how new its data is, its health, its rows.",
        examples=[{"within": "2 hours", "health": 95, "rows": {"min": 1}}],
    )
    alerts: ImportAlerts | None = Field(
        None,
        description="Where the alerts of the import go, in place of the routes of alerts.yaml.",
        examples=[{"to": ["ops"]}],
    )
    on_invalid: Literal["skip_row", "skip_property", "fail"] = Field(
        "skip_row",
        description="What a wrong value does: leave out its row, only its property, or fail the run.",
        examples=["skip_property"],
    )
    on_null: OnNull = Field(
        "skip",
        description="What NULL does to a property: skip does not change it, delete removes it.",
        examples=["delete"],
    )
    on_blank: OnBlank = Field(
        "as_null",
        description="What empty text or only white space does, in CleverTap's own properties and in "
        "all types but string: as_null counts as NULL, so that on_null decides; invalid is a wrong value.",
        examples=["invalid"],
    )
    uncertain_events: Literal["resend", "hold"] = Field(
        "resend",
        description="What happens to events whose answer was lost: resend may store copies of them; "
        "with hold the window is not done until a person settles them.",
        examples=["hold"],
    )
    journal_retention_days: Days = Field(
        30,
        description="For how many days the journal has the delivered records, and rejected rows are stored.",
        examples=[90],
    )
    show_values: bool = Field(
        False,
        description="Whether problem tables show values of rows instead of masking them.",
        examples=[True],
    )
    max_event_properties: Annotated[int, Field(ge=1, le=MAX_EVENT_PROPERTIES)] = Field(
        100, description="How many properties one event may have in this CleverTap account.", examples=[256]
    )

    @field_validator("start")
    @classmethod
    def _given_with_updated_on(cls, start: date | None, info: ValidationInfo) -> date | None:
        if start is None and info.data.get("updated_on") is not None:
            raise ValueError(
                "'start' is missing. With updated_on, write the day the windows begin, such as 2026-11-01."
            )
        return start

    @field_validator("schedule")
    @classmethod
    def _waits_for_others(cls, schedule: Schedule, info: ValidationInfo) -> Schedule:
        assets = schedule.assets if isinstance(schedule, After) else ()
        if own_asset(info) in assets:
            raise ValueError(
                f"{own_asset(info)} is the import's own asset: each run would start the next."
                " Name the assets that it reads."
            )
        refuse_import_center(assets)
        return schedule

    @field_validator("deps")
    @classmethod
    def _comes_after_others(cls, deps: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if own_asset(info) in deps:
            raise ValueError(f"{own_asset(info)} is the import's own asset. Name the assets that it reads.")
        refuse_import_center(deps)
        return deps

    @property
    def nicknames(self) -> tuple[str, ...]:
        """Its nickname, and the one that it had before."""
        return (self.nickname, self.renamed_from) if self.renamed_from else (self.nickname,)

    @property
    def anchor(self) -> date:
        """The day from which an interval counts: `start`, or for imports without one a fixed Monday."""
        return self.start or UNSCHEDULED_ANCHOR

    @property
    def is_events(self) -> bool:
        """Whether it imports events; otherwise it imports profiles."""
        return isinstance(self.target, EventsTarget)

    @property
    def is_by_commit_time(self) -> bool:
        """Whether its windows are of the moments at which Snowflake committed the rows."""
        return isinstance(self.updated_on, CommitTime)

    @property
    def identity_column(self) -> str:
        return self.target.identity_column

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the query must return, once each: identity, Updated On, those of the target."""
        updated_on = (self.updated_on.column,) if self.updated_on else ()
        return tuple(dict.fromkeys((self.identity_column, *updated_on, *self.target.other_columns)))


def refuse_import_center(assets: Iterable[str]) -> None:
    if f"clevertap/{IMPORT_CENTER}" in assets:
        raise ValueError(
            f"clevertap/{IMPORT_CENTER} shows the imports: it changes after each run, so an import that comes"
            " after it would start itself again. Name the assets that the import reads."
        )


def own_asset(info: ValidationInfo) -> str:
    """The key of the asset of the import that is being read."""
    return f"clevertap/{info.data.get('nickname')}"
