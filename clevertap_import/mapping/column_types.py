"""Checks of an import before a row is read: by its YAML, and by the columns of its query."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

import pyarrow as pa

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import EventsTarget, ProfilesTarget, PropertyMapping, PropertyType
from clevertap_import.config.updated_on import COMMIT_TIME_COLUMN
from clevertap_import.errors import ConfigError
from clevertap_import.mapping.columns import PropertyMapper
from clevertap_import.mapping.mapper import ColumnTypes, property_plan
from clevertap_import.mapping.property_names import OWN_NAMES, is_nearly, nearly_problem, own_name_problem
from clevertap_import.mapping.property_types import PROPERTY_TYPES
from clevertap_import.mapping.rules import FORBIDDEN_CHARACTERS, MAX_NAME_BYTES, event_name_violations
from clevertap_import.mapping.system_properties import CHARGED, ITEMS, SYSTEM_PROPERTIES, own_property
from clevertap_import.snowflake.late_rows import commit_time_missing, own_commit_time
from clevertap_import.snowflake.type_compatibility import READS, check_pair, inferred
from clevertap_import.snowflake.window_query import OWN_COLUMNS, SourceColumn, moment_sql, resolved

MAX_PROFILE_PROPERTIES = 256
"""The limit for a profile, without CleverTap's own (Upload User Profiles API, Platform Considerations
pages)."""

SYSTEM_PREFIXES = ("CT ", "wzrk_")
"""The prefix of properties of CleverTap's own events (Events page)."""

IDENTITY_TYPES = ("TEXT", "FIXED")

NO_LISTS = "CleverTap accepts no lists in events, except for Items of the event Charged."

PLACES = {
    "items": "Items of the event Charged",
    "groups": "category-unsubscribe and category-resubscribe",
}
"""Where the types of objects may be used."""

KeyProblem = tuple[str, str]
"""A key of the YAML, such as `target.properties[2].property`, and what is wrong with it."""


def config_problems(config: ImportConfig) -> Iterator[KeyProblem]:
    """What CleverTap would refuse for any rows. This needs no Snowflake session."""
    target = config.target
    is_events = isinstance(target, EventsTarget)
    yield from count_problems(config)
    if is_events and config.on_null == "delete":
        yield "on_null", "Nothing can be deleted from an event. Leave on_null out; NULL is then left out too."
    if isinstance(target, EventsTarget) and target.event_name.constant is not None:
        yield from event_name_problems(target, str(target.event_name.constant))
    for index, mapping in enumerate(target.properties):
        for part, message in (
            *name_problems(mapping, is_events=is_events),
            *own_name_problems(target, mapping),
            *place_problems(config.target, mapping),
            *value_problems(property_plan(config, mapping, ColumnTypes()), is_events=is_events),
        ):
            yield f"target.properties[{index}].{part}", message


def event_name_problems(target: EventsTarget, name: str) -> Iterator[KeyProblem]:
    for violation in event_name_violations(pa.array([name])):
        yield "target.event_name.constant", f"The {violation.reason}."
    if is_nearly(name, CHARGED) and any(mapping.property == ITEMS.name for mapping in target.properties):
        yield (
            "target.event_name.constant",
            f"CleverTap writes it {CHARGED}. Items are possible only with this spelling.",
        )


def count_problems(config: ImportConfig) -> Iterator[KeyProblem]:
    names = [mapping.property for mapping in config.target.properties]
    most, words = config.max_event_properties, "properties"
    if not config.is_events:
        names = [name for name in names if name not in SYSTEM_PROPERTIES]
        most, words = MAX_PROFILE_PROPERTIES, "properties of your own"
    if len(names) > most:
        yield "target.properties", f"There are {len(names):,} {words}; CleverTap accepts {most:,}."


def name_problems(mapping: PropertyMapping, *, is_events: bool) -> Iterator[KeyProblem]:
    name = mapping.property
    size = len(name.encode())
    forbidden = [character for character in FORBIDDEN_CHARACTERS if character in name]
    if forbidden:
        yield "property", f"{name!r} has {' '.join(forbidden)}, which names in CleverTap may not have."
    if any(character < " " for character in name):
        yield "property", f"{name!r} has a control character."
    if size > MAX_NAME_BYTES:
        yield "property", f"The name has {size:,} bytes; CleverTap accepts {MAX_NAME_BYTES}."
    if not name.strip():
        yield "property", "The name is blank."
    if name.lower() == "identity":
        yield "property", "The identity of a row is not a property. Write it under target.identity."
    if is_events and name.startswith(SYSTEM_PREFIXES):
        yield "property", f"{name!r} is one of CleverTap's own event properties. Choose another name."


def own_name_problems(
    target: ProfilesTarget | EventsTarget, mapping: PropertyMapping
) -> Iterator[KeyProblem]:
    """Names that were probably meant as CleverTap's own properties. Events have only one such name,
    `Items`."""
    name = mapping.property
    if isinstance(target, EventsTarget):
        is_nearly_items = target.event_name.constant == CHARGED and is_nearly(name, ITEMS.name)
        if mapping.custom and not is_nearly_items:
            yield "custom", "All properties of an event are your own. Leave custom out."
        elif not mapping.custom and is_nearly_items:
            yield "property", nearly_problem(name, ITEMS.name)
    elif mapping.custom and name in OWN_NAMES:
        yield "custom", f"{name!r} is one of CleverTap's own properties in any case. Leave custom out."
    elif not mapping.custom and (problem := own_name_problem(name)):
        yield "property", problem


def place_problems(target: ProfilesTarget | EventsTarget, mapping: PropertyMapping) -> Iterator[KeyProblem]:
    """Objects where CleverTap does not accept them, and keys that have no meaning for objects."""
    own = own_property(target, mapping.property)
    is_group = own is not None and own.type == "groups"
    if is_group and mapping.on_null == "delete":
        yield (
            "on_null",
            f"{mapping.property} lists changes; nothing can be deleted. Leave on_null out.",
        )
    if (
        mapping.type in PLACES
        and own is None
        and not (mapping.type == "items" and is_by_row(target, mapping))
    ):
        yield "type", f"type: {mapping.type} is only for {PLACES[mapping.type]}."


def is_by_row(target: ProfilesTarget | EventsTarget, mapping: PropertyMapping) -> bool:
    """Whether the property is `Items` and each row names its event: some events may be named Charged."""
    is_named_by_row = isinstance(target, EventsTarget) and target.event_name.column is not None
    return is_named_by_row and mapping.property == ITEMS.name


def value_problems(plan: PropertyMapper, *, is_events: bool) -> Iterator[KeyProblem]:
    mapping = plan.mapping
    if plan.system and mapping.type not in (None, *plan.system.types):
        types = ", ".join(plan.system.types)
        yield "type", f"{mapping.property} is one of CleverTap's own properties, of type {types}."
        return
    if is_events and mapping.type == "list":
        yield (
            "type",
            f"{NO_LISTS} Send one text, such as ARRAY_TO_STRING(TAGS, ', ').",
        )
    if is_events and mapping.on_null == "delete":
        yield "on_null", "Nothing can be deleted from an event. Leave on_null out."
    if mapping.column is None:
        yield from constant_problems(plan)


def constant_problems(plan: PropertyMapper) -> Iterator[KeyProblem]:
    try:
        _, violations = plan.constant()
    except ConfigError as error:
        yield "constant", str(error)
        return
    yield from (("constant", f"The constant is refused: {violation.reason}.") for violation in violations)


def column_problems(config: ImportConfig, columns: Sequence[SourceColumn]) -> Iterator[KeyProblem]:
    """Columns of the query that cannot be used: missing columns, columns that share a name, and types that
    cannot become the property type."""
    repeated = repeated_names(columns)
    for name in repeated:
        yield "source", repeated_problem(config, name)
    for key, column in config_columns(config):
        if column.upper() in (name.upper() for name in repeated):
            continue
        try:
            resolved(columns, column)
        except ConfigError as error:
            is_commit_time = key == "updated_on" and config.is_by_commit_time
            yield (key, commit_time_missing(error)) if is_commit_time else (f"{key}.column", str(error))
            continue
        try:
            check_use(config, key, resolved(columns, column), columns)
        except ConfigError as error:
            yield f"{key}.column", f"{column}: {error}"


def repeated_problem(config: ImportConfig, name: str) -> str:
    if config.is_by_commit_time and config.source.kind == "table" and name == COMMIT_TIME_COLUMN:
        return own_commit_time(config.source.table)
    return (
        f"The query returns more than one column {name!r}. Give each a name of its own, such as"
        f" b.{name} as B_{name}, or leave out those that are not needed."
    )


def repeated_names(columns: Sequence[SourceColumn]) -> list[str]:
    """Names that more than one column has, in the same spelling."""
    return [name for name, count in Counter(column.name for column in columns).items() if count > 1]


def config_columns(config: ImportConfig) -> Iterator[tuple[str, str]]:
    """Every key of the YAML that names a column, without its last part, and the column."""
    target = config.target
    yield "target.identity" if target.identity else "target.clevertap_id", config.identity_column
    if config.updated_on:
        yield "updated_on", config.updated_on.column
    if isinstance(target, EventsTarget):
        if target.event_name.column:
            yield "target.event_name", target.event_name.column
        if target.created_on:
            yield "target.created_on", target.created_on.column
    for index, mapping in enumerate(target.properties):
        if mapping.column:
            yield f"target.properties[{index}]", mapping.column


def check_use(config: ImportConfig, key: str, source: SourceColumn, columns: Sequence[SourceColumn]) -> None:
    """Raises ConfigError if the column cannot be used for the YAML key `key`."""
    target = config.target
    if source.name.upper() in OWN_COLUMNS:
        raise ConfigError("The query of a run adds a column of this name. Rename yours in SQL.")
    if key in ("target.identity", "target.clevertap_id"):
        if source.type not in IDENTITY_TYPES or source.scale:
            raise ConfigError("An identity is text or a whole number. Cast the column in SQL.")
    elif key == "updated_on" and config.updated_on:
        moment_sql(config.updated_on, columns)
    elif key == "target.event_name":
        if source.type in ("OBJECT", "ARRAY"):
            raise ConfigError("An event's name is text. Select it in SQL, such as SHAPE:name.")
        check_pair(source.type, "string", None)
    elif isinstance(target, EventsTarget) and target.created_on and key == "target.created_on":
        check_pair(source.type, "date", target.created_on.format)
    else:
        mapping = next(
            each for index, each in enumerate(target.properties) if key == f"target.properties[{index}]"
        )
        check_pair(
            source.type,
            property_type(target, mapping, source),
            mapping.format,
        )


def property_type(
    target: ProfilesTarget | EventsTarget, mapping: PropertyMapping, source: SourceColumn
) -> str:
    """The property type: from the YAML, otherwise of the system property, otherwise from the column's
    type."""
    system = own_property(target, mapping.property)
    if mapping.type or (system and system.type):
        return mapping.type or single_value((system and system.type) or "", source)
    if is_by_row(target, mapping) and source.type in ("ARRAY", "VARIANT"):
        return "items"
    found = inferred(source.type, source.scale)
    if system and found not in system.types:
        raise ConfigError(f"{mapping.property} takes one value. Choose or join the values in SQL.")
    if isinstance(target, EventsTarget) and found == "list":
        raise ConfigError(f"{NO_LISTS} Write type: string, or join the items in SQL.")
    return found


def single_value(type_name: str, source: SourceColumn) -> str:
    """An inferred type. Raises ConfigError if a column of JSON would be sent as its JSON text."""
    if type_name == "string" and source.type in ("OBJECT", "ARRAY"):
        raise ConfigError("CleverTap accepts one value here, not an object or list. Select a value in SQL.")
    return type_name


def resolve_types(config: ImportConfig, columns: Sequence[SourceColumn]) -> ColumnTypes:
    """The column types for the mapper. Raises ConfigError for the first column that cannot be used."""
    for key, message in column_problems(config, columns):
        raise ConfigError(f"{key}: {message}")
    return ColumnTypes(
        {name: resolved(columns, name).type for name in config.columns},
        {
            mapping.property: property_type(config.target, mapping, resolved(columns, mapping.column))
            for mapping in config.target.properties
            if mapping.column
        },
    )


def missing_entries(allowed: Iterable[str], read: Iterable[str], encoded: Iterable[str]) -> list[str]:
    """Each property type that is missing in one of the three places that describe it."""
    places = {
        "PropertyType in config/target.py": set(allowed),
        "READS in snowflake/type_compatibility.py": set(read),
        "PROPERTY_TYPES in mapping/property_types.py": set(encoded),
    }
    names = sorted(set().union(*places.values()))
    return [f"{name!r} lacks {place}" for name in names for place in places if name not in places[place]]


# At import time: otherwise the error would appear only in the first run with such a property.
if MISSING := missing_entries(get_args(PropertyType), READS, PROPERTY_TYPES):
    raise LookupError(f"A property type is incomplete: {'; '.join(MISSING)}. Add the entry.")
