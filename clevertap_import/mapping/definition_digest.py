"""Digests of the definition of an import: its query, mapping, identity and Updated On; and of its tables."""

import json

from xxhash import xxh3_64_hexdigest, xxh3_128_hexdigest

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import EventsTarget
from clevertap_import.snowflake.user_sql import tables_named, tokens_of
from clevertap_import.snowflake.window_query import source_query

VERSION = "1-"
"""The version of the computation. Digests of different versions cannot be compared."""

PATH_BEGINS = (":", "[")

PATH_GOES_ON = (".", "]")

PATH_SIGNS = (*PATH_BEGINS, *PATH_GOES_ON)
"""In SRC:Name.first[0].Last everything after SRC keeps its case: Snowflake distinguishes case in such
names."""

QUOTES = ("'", '"', "$$")

COUNTS = frozenset({"connection", "target", "updated_on", "on_null", "on_blank"})
"""Keys of an import that decide what is sent. The source is not among them: its digest is of the query's
words."""

DOES_NOT_COUNT = frozenset(
    {
        *(
            "nickname",
            "renamed_from",
            "title",
            "description",
            "created_by",
            "show_values",
            "schedule",
            "deps",
            "dry_run",
            "expect",
            "alerts",
            "tags",
        ),
        # Dagster knows the windows by their keys.
        *("start", "window"),
        # Rows beyond these limits are rejected, and `retry` runs them again.
        *("on_invalid", "max_event_properties"),
        # The records are the same. The journal knows where they were sent.
        *("account", "uncertain_events", "journal_retention_days"),
    }
)
"""The other keys. A change of only these does not affect the windows that are done."""


def definition_digest(config: ImportConfig) -> str:
    """Equal for two imports that make the same record of each row."""
    # Without defaults, so that a new key in a later version changes no digest.
    content = config.model_dump(mode="json", exclude_defaults=True, include=set(COUNTS))
    # Sorted: the content of a record does not depend on the order.
    properties = sorted(content["target"].get("properties", []), key=lambda each: str(each["property"]))
    content["target"] |= {"kind": config.target.kind, "properties": properties}
    if config.updated_on is not None:
        content["updated_on"].pop("lookback", None)
    content["query"] = query_words(source_query(config))
    return VERSION + xxh3_128_hexdigest(json.dumps(content, sort_keys=True).encode())


def source_digests(config: ImportConfig, database: str | None, schema: str | None) -> str:
    """A digest for each table that the import reads, combined with the record type or the event name.

    `database`, `schema`: those of the connection, which complete the name of a table. The digests are sorted
    and separated by spaces. Imports that share one may send the same records, even with different queries and
    mappings.
    """
    name = config.target.event_name if isinstance(config.target, EventsTarget) else None
    become = [config.target.kind, name.model_dump(mode="json", exclude_none=True) if name else None]
    around = [part.upper() for part in (database or "", schema or "")]
    tables = {
        ".".join([*around[: max(0, 2 - table.count("."))], table if '"' in table else table.upper()])
        for table in tables_named(source_query(config))
    }
    return " ".join(sorted(xxh3_64_hexdigest(json.dumps([table, become]).encode()) for table in tables))


def is_comparable(digest: str) -> bool:
    """Whether this version can compare a definition with `digest`."""
    return digest.startswith(VERSION)


def query_words(sql: str) -> list[str]:
    """The words of `sql`, without comments. Case counts only within quotes and in paths into a VARIANT."""
    words: list[str] = []
    in_path, before = False, ""
    for token in tokens_of(sql):
        text = sql[token.start : token.end + 1]
        in_path = text in PATH_BEGINS or (in_path and (text in PATH_GOES_ON or before in PATH_SIGNS))
        # Some tokens have several words, such as ORDER BY.
        words += [text] if in_path or text.startswith(QUOTES) else text.upper().split()
        before = text
    return words
