"""Digests of what makes records of rows: the import's query, mapping, identity and Updated On; its tables."""

import json

from xxhash import xxh3_64_hexdigest, xxh3_128_hexdigest

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import EventsTarget
from clevertap_import.snowflake.user_sql import tables_named, tokens_of
from clevertap_import.snowflake.window_query import source_query

VERSION = "1-"
"""How it is computed. A digest of another version says nothing about a change."""

PATH_BEGINS = (":", "[")

PATH_GOES_ON = (".", "]")

PATH_SIGNS = (*PATH_BEGINS, *PATH_GOES_ON)
"""Of SRC:Name.first[0].Last all but SRC is as it is written: Snowflake tells capitals of such names apart."""

QUOTES = ("'", '"', "$$")

COUNTS = frozenset({"connection", "target", "updated_on", "on_null", "on_blank"})
"""Keys of an import that decide what is sent, besides its source: that counts as the words of the query."""

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
        ),
        # Which windows there are, Dagster knows by their keys.
        *("start", "window"),
        # Rows that these stop are rejected, and `retry` runs them again.
        *("on_invalid", "max_event_properties"),
        # The records are the same. Where they went, the journal knows.
        *("account", "uncertain_events", "journal_retention_days"),
    }
)
"""The other keys. After a change of these alone, the windows that are done are as they should be."""


def definition_digest(config: ImportConfig) -> str:
    """The same text for two imports that make the same record of each row."""
    # Without defaults, so that a key that a later version adds changes no digest.
    content = config.model_dump(mode="json", exclude_defaults=True, include=set(COUNTS))
    # In any order: what a record holds does not depend on it.
    properties = sorted(content["target"].get("properties", []), key=lambda each: str(each["property"]))
    content["target"] |= {"kind": config.target.kind, "properties": properties}
    if config.updated_on is not None:
        content["updated_on"].pop("lookback", None)
    content["query"] = query_words(source_query(config))
    return VERSION + xxh3_128_hexdigest(json.dumps(content, sort_keys=True).encode())


def source_digests(config: ImportConfig, database: str | None, schema: str | None) -> str:
    """One for each table that the import reads, each with what its rows become: profiles, or which events.

    `database`, `schema`: those of the connection, which complete the name of a table. Words, sorted. Imports
    that share one may send the same records, whatever their queries and mappings are.
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
    """Whether this version can tell from `digest` that a definition has changed."""
    return digest.startswith(VERSION)


def query_words(sql: str) -> list[str]:
    """The words of `sql`, without comments; capitals count within quotes and in paths into a VARIANT only."""
    words: list[str] = []
    in_path, before = False, ""
    for token in tokens_of(sql):
        text = sql[token.start : token.end + 1]
        in_path = text in PATH_BEGINS or (in_path and (text in PATH_GOES_ON or before in PATH_SIGNS))
        # Some tokens are several words, such as ORDER BY.
        words += [text] if in_path or text.startswith(QUOTES) else text.upper().split()
        before = text
    return words
