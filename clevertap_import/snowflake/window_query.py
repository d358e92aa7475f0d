"""The one query of a run: the user's source, limited to the window, one row per identity for profiles.

Bounds are written as literals and compared in Snowflake, at the column's full precision. Bind parameters are
not used: the user's SQL may contain question marks and percent signs. Each literal names its format, because
an account's TIMESTAMP_INPUT_FORMAT may differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clevertap_import.config.field_types import PER_SECOND
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import ProfilesTarget
from clevertap_import.config.updated_on import COMMIT_TIME_COLUMN, UpdatedOn
from clevertap_import.errors import ColumnMissing, ConfigError
from clevertap_import.snowflake.type_compatibility import shown
from clevertap_import.snowflake.user_sql import one_select, quoted
from clevertap_import.window import Window

EPOCH_COLUMN = "_CLEVERTAP_IMPORT_EPOCH"
"""Updated On in seconds since 1970, rounded down; NULL stays NULL."""

SUPERSEDED_COLUMN = "_CLEVERTAP_IMPORT_SUPERSEDED"
"""The number of older rows of the same identity that this row replaces."""

OWN_COLUMNS = (EPOCH_COLUMN, SUPERSEDED_COLUMN)

ROW_COMMIT_TIME = "METADATA$ROW_LAST_COMMIT_TIME"
"""A column of tables with row timestamps; `*` does not include it."""

NAIVE_TYPES = ("TIMESTAMP_NTZ", "DATE")
ZONED_TYPES = ("TIMESTAMP_TZ", "TIMESTAMP_LTZ")
NUMERIC_TYPES = ("FIXED", "REAL")
TIMESTAMP_TYPES = ("TIMESTAMP_NTZ", *ZONED_TYPES)
MISREAD_SCALES = (7, 8)
"""For timestamps in one number: the connector returns nanoseconds, and calls them microseconds."""

ORDERED_TYPES = ("TEXT", "FIXED", "REAL", "BOOLEAN", "BINARY", "TIME", *NAIVE_TYPES, *ZONED_TYPES)

SLACK = timedelta(hours=26)
"""More than the offset of any time zone from UTC, past or present."""


class ColumnTypeUnusable(ConfigError):
    """A column exists, but the import cannot use its Snowflake type for this purpose."""


class ColumnAmbiguous(ConfigError):
    """Two columns differ only in upper and lower case, and the import names neither of them exactly."""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of the query: its name as Snowflake spells it, and its type as the connector names it."""

    name: str
    type: str
    scale: int | None = None


def source_query(config: ImportConfig) -> str:
    """The user's table or SQL as one SELECT that only reads."""
    source = config.source
    if source.kind == "table" and config.is_by_commit_time:
        return f"select *, {ROW_COMMIT_TIME} as {COMMIT_TIME_COLUMN} from {source.table}"
    if source.kind == "table":
        return f"select * from {source.table}"
    return one_select(source.text)


def resolved(columns: Sequence[SourceColumn], wanted: str) -> SourceColumn:
    """The column that `wanted` names: the exact name, or the only column that differs in case."""
    exact = [column for column in columns if column.name == wanted]
    near = exact or [column for column in columns if column.name.upper() == wanted.upper()]
    if not near:
        raise ColumnMissing(wanted, [column.name for column in columns])
    if len(near) > 1:
        spellings = ", ".join(repr(column.name) for column in near)
        raise ColumnAmbiguous(
            f"Column {wanted!r} may mean {spellings}. Write the name in exactly this spelling."
        )
    return near[0]


def window_query(
    config: ImportConfig,
    columns: Sequence[SourceColumn],
    window: Window | None,
    *,
    source: str | None = None,
) -> str:
    """The query for `window`, or for everything if it is None; from `source` if only some rows are read.

    It returns the columns that the import needs under the names that the import uses, then EPOCH_COLUMN, and
    for profiles SUPERSEDED_COLUMN.
    """
    outputs = needed_columns(config, columns)
    outputs.append(f"{epoch_sql(config.updated_on, columns)} as {quoted(EPOCH_COLUMN)}")
    where = window_sql(config.updated_on, columns, window)
    tail = ""
    if isinstance(config.target, ProfilesTarget):
        identity = bytewise_sql(columns, config.identity_column)
        outputs.append(
            f"case when {identity} is null then 0 else count(*) over (partition by {identity}) - 1 end"
            f" as {quoted(SUPERSEDED_COLUMN)}"
        )
        tail = f"\nqualify {identity} is null or row_number() over (partition by {identity} order by"
        tail += f" {newest_first(config, columns)}) = 1"
    # The source is on lines of its own: its last line may be a comment.
    return f"select {', '.join(outputs)}\nfrom (\n{source or source_query(config)}\n) as source{where}{tail}"


def preview_query(config: ImportConfig, columns: Sequence[SourceColumn], rows: int) -> str:
    """The first rows of the columns that the import needs, under the names that the import uses."""
    outputs = ", ".join(needed_columns(config, columns))
    return f"select {outputs}\nfrom (\n{source_query(config)}\n) as source\nlimit {rows:d}"


def needed_columns(config: ImportConfig, columns: Sequence[SourceColumn]) -> list[str]:
    """The columns for the mapping: each once, in a type that the connector reads exactly."""
    return [
        f"{readable(column_sql(columns, name), resolved(columns, name))} as {quoted(name)}"
        for name in config.columns
    ]


def readable(name: str, column: SourceColumn) -> str:
    """The column `name` in a type that the connector reads exactly.

    The connector cannot read a DECFLOAT, and reads timestamps with seven digits a thousand times too late. A
    cast to nine digits changes no value.
    """
    if column.type == "DECFLOAT":
        return f"cast({name} as varchar)"
    if column.type in TIMESTAMP_TYPES and column.scale in MISREAD_SCALES:
        return f"cast({name} as {column.type.lower()}(9))"
    return name


def column_sql(columns: Sequence[SourceColumn], name: str) -> str:
    return f"source.{quoted(resolved(columns, name).name)}"


def bytewise_sql(columns: Sequence[SourceColumn], name: str) -> str:
    """The column by its bytes: under a collation, Abc and aBC may be equal."""
    column = column_sql(columns, name)
    return f"collate({column}, '')" if resolved(columns, name).type == "TEXT" else column


def newest_first(config: ImportConfig, columns: Sequence[SourceColumn]) -> str:
    """An order with the newest row of an identity first. Equal rows always have the same order."""
    order = [moment_sql(config.updated_on, columns)] if config.updated_on else []
    order += [ordered_sql(columns, name) for name in config.columns]
    return ", ".join(f"{each} desc nulls last" for each in order)


def ordered_sql(columns: Sequence[SourceColumn], name: str) -> str:
    """The column in a type that has an order: semi-structured types have none."""
    kind = resolved(columns, name).type
    if kind in ORDERED_TYPES:
        return bytewise_sql(columns, name)
    if kind in ("ARRAY", "OBJECT"):
        # Structured columns cannot be cast to text, and the connector gives them the same type names.
        return f"to_json(to_variant({column_sql(columns, name)}))"
    return f"cast({column_sql(columns, name)} as varchar)"


def epoch_sql(updated_on: UpdatedOn | None, columns: Sequence[SourceColumn]) -> str:
    if updated_on is None:
        return "cast(null as number)"
    if updated_on.format in PER_SECOND:
        moment = moment_sql(updated_on, columns)
        # Infinity, and numbers beyond 64 bits, are not moments: they become NULL.
        return f"case when abs({moment}) < 1e15 then floor({moment} / {PER_SECOND[updated_on.format]}) end"
    return f"date_part(epoch_second, {moment_sql(updated_on, columns)})"


def moment_sql(updated_on: UpdatedOn, columns: Sequence[SourceColumn]) -> str:
    """The Updated On column in the type of the bounds: a number, a zoned timestamp or a UTC timestamp."""
    column = resolved(columns, updated_on.column)
    name = f"source.{quoted(column.name)}"
    usable = NUMERIC_TYPES if updated_on.format in PER_SECOND else (*NAIVE_TYPES, *ZONED_TYPES)
    if column.type not in usable:
        raise ColumnTypeUnusable(
            f"Updated On column {column.name!r} is {shown(column.type)}, and its format is"
            f" {updated_on.format}. That format reads columns of type {', '.join(map(shown, usable))}."
        )
    if column.type == "REAL":
        # In Snowflake NaN is greater than every number, so no window would ever read it.
        return f"nullif({name}, 'NaN'::float)"
    if column.type == "DATE":
        name = f"cast({name} as timestamp_ntz)"
    if column.type in NAIVE_TYPES and updated_on.timezone != "UTC":
        # The column is converted, not the bounds: two UTC hours share one local hour when clocks go back.
        return f"convert_timezone('{updated_on.timezone}', 'UTC', {name})"
    return name


def window_sql(updated_on: UpdatedOn | None, columns: Sequence[SourceColumn], window: Window | None) -> str:
    """The condition for the rows of the window. If the column is converted, coarse bounds come first.

    Snowflake skips the parts of a table that a condition on the bare column excludes. If the column is inside
    a function, it reads all parts.
    """
    if updated_on is None or window is None:
        return ""
    moment = moment_sql(updated_on, columns)
    column = resolved(columns, updated_on.column)
    name = f"source.{quoted(column.name)}"
    bounds = [] if moment == name else coarse_bounds(updated_on, column, window)
    upper = f"{moment} < {bound_sql(updated_on, column.type, window.upper)}"
    if window.lower is None:
        bounds.append(f"({upper} or {moment} is null)")
    else:
        bounds += [f"{moment} >= {bound_sql(updated_on, column.type, window.lower)}", upper]
    return f"\nwhere {' and '.join(bounds)}"


def coarse_bounds(updated_on: UpdatedOn, column: SourceColumn, window: Window) -> list[str]:
    """Conditions on the bare column that are true for every row of the window."""
    name = f"source.{quoted(column.name)}"
    is_number = column.type in NUMERIC_TYPES
    slack = timedelta() if is_number else SLACK
    upper = f"{name} <= {bound_sql(updated_on, column.type, window.upper + slack, is_bare=True)}"
    if window.lower is not None:
        return [f"{name} >= {bound_sql(updated_on, column.type, window.lower - slack, is_bare=True)}", upper]
    # NaN counts as NULL, and in Snowflake it is greater than any bound.
    return [] if is_number else [f"({upper} or {name} is null)"]


def bound_sql(updated_on: UpdatedOn, column_type: str, bound: datetime, *, is_bare: bool = False) -> str:
    """A bound in the type of the moment or, with `is_bare`, of the column itself, which is not converted."""
    moment = bound.astimezone(UTC)
    if updated_on.format in PER_SECOND:
        return str(int(moment.timestamp()) * PER_SECOND[updated_on.format])
    if is_bare and column_type == "DATE":
        return f"to_date('{moment:%Y-%m-%d}', 'YYYY-MM-DD')"
    if column_type in ZONED_TYPES:
        return (
            f"to_{column_type.lower()}('{moment:%Y-%m-%d %H:%M:%S} +00:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')"
        )
    return f"to_timestamp_ntz('{moment:%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"
