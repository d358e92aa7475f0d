"""The JSON Schema of an import file, by which editors complete keys and mark mistakes."""

import json
from typing import Any

from clevertap_import.config.model import NAME_TEXT, ImportConfig
from clevertap_import.config.yaml_file import COMPONENT, DOCUMENT_KEYS

Schema = dict[str, Any]

ONE_OF_THE_TWO = {
    "SqlSource": ("sql", "sql_file"),
    "ProfilesTarget": ("identity", "clevertap_id"),
    "EventsTarget": ("identity", "clevertap_id"),
    "EventName": ("column", "constant"),
    "PropertyMapping": ("column", "constant"),
}
"""What validators say and pydantic's schema does not: exactly one of two keys is given."""

NAMES = ("nickname", "connection", "account")


def schema_text() -> str:
    return json.dumps(import_schema(), indent=2, ensure_ascii=False) + "\n"


def import_schema() -> Schema:
    """A document is one import. What the schema cannot say, `clevertap-import check` does."""
    attributes = ImportConfig.model_json_schema()
    definitions = {name: definition(name, each) for name, each in attributes.pop("$defs").items()}
    definitions["Import"] = definition("Import", attributes)
    for name in NAMES:
        definitions["Import"]["properties"][name]["pattern"] = f"^{NAME_TEXT.pattern}$"
    documents = {
        "type": {"const": COMPONENT, "description": "Says that the document is an import."},
        "attributes": {"$ref": "#/$defs/Import", "description": "The import."},
    }
    dagsters = {
        key: {"description": "Dagster's own; only in the defs folder of your own Dagster project."}
        for key in DOCUMENT_KEYS
        if key not in documents
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An import of clevertap_import",
        "type": "object",
        "required": list(documents),
        "additionalProperties": False,
        "properties": {**documents, **dagsters},
        "$defs": definitions,
    }


def definition(name: str, schema: Schema) -> Schema:
    """One model. Its `kind` must be written, though pydantic gives it a default."""
    made: Schema = without_noise(schema)
    properties = made["properties"]
    required = made.get("required", [])
    if "const" in properties.get("kind", {}):
        required = ["kind", *required]
        # An editor that fills in the default would fill in the wrong one.
        properties["kind"].pop("default", None)
    made.pop("required", None)
    if required:
        made["required"] = required
    if name in ONE_OF_THE_TWO:
        made["oneOf"] = [{"required": [key]} for key in ONE_OF_THE_TWO[name]]
    return made


def without_noise(schema: Schema) -> Schema:
    """A copy without titles made of key names, null as a way to leave a key out, and OpenAPI's words."""
    other_keys = {key: value for key, value in schema.items() if key not in ("title", "discriminator")}
    if other_keys.get("default", ...) is None:
        del other_keys["default"]
    choices = [each for each in other_keys.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        del other_keys["anyOf"]
        other_keys = {**choices[0], **other_keys}
    elif choices:
        other_keys["anyOf"] = choices
    if other_keys.get("format") == "date-time":
        # Ours needs no offset, and the format does.
        other_keys["pattern"] = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"
        del other_keys["format"]
    if "properties" in other_keys:
        other_keys["properties"] = {
            key: without_noise(value) for key, value in other_keys["properties"].items()
        }
    return other_keys
