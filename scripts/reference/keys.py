"""The keys of an import and of its schedule, from the models that read them."""

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel

from clevertap_import.config.alert_rules import AlertRules, ImportAlerts, Route
from clevertap_import.config.model import DryRun, ImportConfig, SqlSource, TableSource
from clevertap_import.config.schedule import KINDS, DayOfMonth, DayOfWeek, Kind
from clevertap_import.config.target import (
    Column,
    CreatedOn,
    EventName,
    EventsTarget,
    ProfilesTarget,
    PropertyMapping,
)
from clevertap_import.config.updated_on import UpdatedOn
from scripts.reference.schema import without_noise
from scripts.reference.writing import code, example, heading, table

BLOCKS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("`source`, kind `table`", TableSource),
    ("`source`, kind `sql`", SqlSource),
    ("`target`, kind `profiles`", ProfilesTarget),
    ("`target`, kind `events`", EventsTarget),
    ("`target.identity` and `target.clevertap_id`", Column),
    ("`target.event_name`", EventName),
    ("`target.created_on`", CreatedOn),
    ("`target.properties`, each entry", PropertyMapping),
    ("`updated_on`", UpdatedOn),
    ("`dry_run`", DryRun),
    ("`alerts`", ImportAlerts),
)
WORDS = {
    "object": "names and texts",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
PATTERNS = {"minute|hour": "duration", ":([0-5]": "time of day", "T ]": "day and time"}
COLUMNS = ("key", "type", "default", "means", "example")


def import_sections() -> Iterable[str]:
    words = (
        "Of `attributes`, in a document of type `clevertap_import.components.CleverTapImport`. Unknown keys"
        " are refused. Editors know them too by [import.schema.json](import.schema.json)."
    )
    yield from heading(2, "Keys of an import", words)
    yield from key_table(ImportConfig)
    for title, model in BLOCKS:
        yield from heading(3, title, sentence(model))
        yield from key_table(model)


def alert_keys() -> Iterable[str]:
    words = "`alerts.yaml` lies in the folder of imports. [Alerts](alerts.md) has examples."
    yield from heading(2, "Keys of alerts.yaml", words)
    yield from key_table(AlertRules)
    yield from heading(3, "`routes`, each entry", sentence(Route))
    yield from key_table(Route)


def schedule_sections() -> Iterable[str]:
    words = "`schedule` has a `kind`, the keys of the kind, and the keys of all kinds."
    yield from heading(2, "Schedules", words)
    rows = [(code(kind_name(each)), sentence(each), each.word) for each in KINDS]
    yield from table(("kind", "does", "in CleverTap"), rows)
    yield from heading(3, "Keys of all kinds", "")
    yield from key_table(Kind)
    for kind in KINDS:
        own = [name for name in kind.model_fields if name not in (*Kind.model_fields, "kind")]
        if own:
            yield from heading(3, f"`schedule`, kind `{kind_name(kind)}`", "")
            yield from key_table(kind, own)
    yield from heading(3, "`at` of kind `weekly`, each entry", "")
    yield from key_table(DayOfWeek)
    yield from heading(3, "`at` of kind `monthly`, each entry", "")
    yield from key_table(DayOfMonth)


def kind_name(kind: type[Kind]) -> str:
    return str(kind.model_fields["kind"].default)


def sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip()


def key_table(model: type[BaseModel], names: Iterable[str] | None = None) -> Iterable[str]:
    schema = model.model_json_schema()
    required = {*schema.get("required", ()), "kind"}
    rows = []
    for name in names or model.model_fields:
        field = model.model_fields[name]
        key = schema["properties"][name]
        default = "required" if name in required else shown_default(key)
        examples = ", ".join(code(example(each)) for each in field.examples or ())
        rows.append((code(name), type_words(without_noise(key)), default, field.description or "", examples))
    yield from table(COLUMNS, rows)


def shown_default(key: dict[str, Any]) -> str:
    default = key.get("default")
    if default is None or default == []:
        return "none"
    if isinstance(default, dict):
        default = {"kind": default["kind"]} if "kind" in default else default
    return code(example(default))


def type_words(key: dict[str, Any]) -> str:
    """What a value of the key looks like, in a few words."""
    for choice in ("anyOf", "oneOf"):
        if choice in key:
            return " or ".join(dict.fromkeys(type_words(each) for each in key[choice]))
    if "const" in key:
        return code(str(key["const"]))
    if "enum" in key:
        return ", ".join(code(str(each)) for each in key["enum"])
    if "$ref" in key:
        return "block"
    if key.get("type") == "array":
        return f"list of {type_words(key['items'])}s".replace("texts", "text")
    if key.get("format") == "date":
        return "day"
    pattern = next((words for part, words in PATTERNS.items() if part in key.get("pattern", "")), None)
    return pattern or WORDS[key["type"]]


def choices(literal: object) -> tuple[str, ...]:
    """The words of a Literal."""
    return get_args(literal)
