"""Parameters of an account, used if the session does not set them, as far as answers show them."""

import re
from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from clevertap_import.sandbox.snowflake.answers import PINNED, AnswerRule
from clevertap_import.sandbox.snowflake.logins import Refusal

SHOW_PARAMETERS = re.compile(r"show parameters(?: like '(?P<pattern>[^']*)')? in session[; ]*", re.IGNORECASE)
DEFAULTS = {
    "ROWS_PER_RESULTSET": "0",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "STRICT_JSON_OUTPUT": "false",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "TIMEZONE": "America/Los_Angeles",
}
COLUMNS = ("key", "value", "default", "level", "description", "type")
MOMENTS = (
    exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPNTZ,
    exp.DataType.Type.TIMESTAMPLTZ,
    exp.DataType.Type.TIMESTAMPTZ,
)


def is_shown(sql: str) -> bool:
    return SHOW_PARAMETERS.fullmatch(" ".join(sql.split())) is not None


def shown(sql: str, session: Mapping[str, Any], rule: AnswerRule | None) -> dict[str, Any]:
    """The answer to SHOW PARAMETERS: the session's values, otherwise the account's; as JSON, like Snowflake.

    It is a result like all others: a limit of the account cuts it.
    """
    said = {} if rule and rule.ignores_session else {name.upper(): text(session[name]) for name in session}
    account = {
        name: text(getattr(rule, key)) for key, (name, _) in PINNED.items() if rule and getattr(rule, key)
    }
    values = DEFAULTS | account | {name: said[name] for name in DEFAULTS if name in said}
    wanted = SHOW_PARAMETERS.fullmatch(" ".join(sql.split()))
    pattern = re.escape((wanted and wanted["pattern"]) or "%").replace("%", ".*").replace("_", ".")
    named = [name for name in sorted(values) if re.fullmatch(pattern, name, re.IGNORECASE)]
    rowset = [[name, values[name], DEFAULTS.get(name, ""), "", "", "STRING"] for name in named]
    rowset = rowset[: (rule and rule.rows_per_resultset) or None]
    described = [
        {"name": name, "type": "text", "length": 1024, "byteLength": 4096, "nullable": True}
        | {"precision": None, "scale": None}
        for name in COLUMNS
    ]
    counts = {"total": len(rowset), "returned": len(rowset), "statementTypeId": 16384, "queryId": "show-1"}
    return {"rowtype": described, "rowset": rowset, "queryResultFormat": "json", "parameters": [], **counts}


def text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def unread(sql: str, rule: AnswerRule) -> Refusal | None:
    """Snowflake's error if the SQL casts text to a timestamp, and the account's format cannot read it."""
    if not rule.timestamp_input_format:
        return None
    for cast in sqlglot.parse_one(sql, read="snowflake").find_all(exp.Cast):
        if cast.to.this in MOMENTS and isinstance(cast.this, exp.Literal) and cast.this.is_string:
            return "100035", f"Timestamp '{cast.this.this}' is not recognized"
    return None
