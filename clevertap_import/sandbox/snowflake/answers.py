"""How the local Snowflake answers otherwise than by itself: short, late, refused, in other types or layouts.

Each rule names the queries that it is about and what becomes of their answers; the connector reads them
through its own HTTP and Arrow code. A test sets rules by the door `/_fake/answers`:

    with local_snowflake.answering({"match": "from T", "chunk_rows": 100}):
        ...

Without rules the server answers truly. Of several rules that match, the first is taken.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Cell = str | int | float | bool | list[int] | None


class WireColumn(BaseModel):
    """A column as the source has it. A cast in the outermost SELECT of a query goes before it.

    `layout` is how timestamps travel; by itself Snowflake sends one integer where the scale allows it. An
    ARRAY or OBJECT is JSON text, and nested if it is structured and the account says so.
    `values` stand in the rows, from the first again after the last: for timestamps [seconds, nanoseconds] or
    [seconds, nanoseconds, minutes east], for times [seconds, nanoseconds], for DECFLOAT text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str | None = None
    precision: int | None = None
    scale: int | Literal["missing"] | None = "missing"
    layout: Literal["integer", "struct", "nested"] | None = None
    values: tuple[Cell, ...] | None = None


class AnswerRule(BaseModel):
    """What becomes of the answers to some queries. Keys that are not given change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Which answers: a pattern in the SQL or, of logins, the user; described or run; how many, from when.
    match: str = ""
    at: Literal["query", "login"] = "query"
    describe: bool | None = None
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)

    # Refused, with Snowflake's code and words.
    code: str | None = None
    message: str = "refused"
    sqlstate: str = "42000"

    # Fewer or more rows than are announced: of the answer itself (which may be whole when it is asked for
    # again), of each chunk, of the list of chunks.
    inline_rows: int | None = Field(default=None, ge=0)
    inline_is_empty: bool = False
    inline_twice: bool = False
    inline_recovers: bool = False
    chunk_rows: int | None = Field(default=None, ge=0)
    chunks: int | None = Field(default=None, ge=0)
    chunk_status: int | None = None
    chunk_body: str | None = None
    # The links to all chunks, in place of the server's own.
    chunk_url: str | None = None
    # The body of the answer, or of each chunk, ends after so many bytes; with `breaks_off` the connection
    # does too, and else the length is as if it were whole.
    answer_bytes: int | None = Field(default=None, ge=0)
    chunk_bytes: int | None = Field(default=None, ge=0)
    breaks_off: bool = False
    # In place of the body of the answer, or of each chunk, a byte comes now and then for ever.
    drips: Literal["answer", "chunk"] | None = None
    total: int | Literal["missing"] | None = None
    row_count: int | None = None

    # What parameters of an account or user do, unless the session says otherwise and `is_pinned`.
    is_pinned: bool = True
    rows_per_resultset: int | None = Field(default=None, ge=0)
    result_format: Literal["json"] | None = None
    quoted_identifiers_ignore_case: bool = False
    timestamp_input_format: str | None = None
    # The session's own parameters are not taken, as an account may do with some.
    ignores_session: bool = False

    columns: dict[str, WireColumn] = Field(default_factory=dict)


RULES = TypeAdapter(list[AnswerRule])

PINNED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "rows_per_resultset": ("ROWS_PER_RESULTSET", ("0",)),
    "result_format": ("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", ("ARROW", "ARROW_FORCE")),
    "quoted_identifiers_ignore_case": ("QUOTED_IDENTIFIERS_IGNORE_CASE", ("FALSE",)),
    "timestamp_input_format": ("TIMESTAMP_INPUT_FORMAT", ("AUTO",)),
}
"""The session parameter that goes before each key, and the values with which it does."""


class AnswerRules:
    """The rules in force, and how often each matched."""

    def __init__(self) -> None:
        self._rules: list[AnswerRule] = []
        self._matched: list[int] = []

    def replace(self, rules: Sequence[AnswerRule]) -> None:
        self._rules, self._matched = list(rules), [0] * len(rules)

    def for_query(self, sql: str, parameters: Mapping[str, Any], *, describe: bool) -> AnswerRule | None:
        rule = self._taken("query", sql, describe)
        return rule and within_session(rule, parameters)

    def for_login(self, user: str) -> AnswerRule | None:
        return self._taken("login", user, False)

    def _taken(self, at: str, text: str, describe: bool) -> AnswerRule | None:
        for place, rule in enumerate(self._rules):
            if rule.at != at or rule.describe not in (None, describe):
                continue
            if not re.search(rule.match, text, re.IGNORECASE | re.DOTALL):
                continue
            self._matched[place] += 1
            turn = self._matched[place] - rule.after
            if turn >= 1 and (rule.times is None or turn <= rule.times):
                return rule
        return None


def within_session(rule: AnswerRule, parameters: Mapping[str, Any]) -> AnswerRule:
    """The rule without what the session's own parameters undo."""
    if rule.ignores_session:
        return rule
    said = {name.upper(): str(value).upper() for name, value in parameters.items()}
    undone = [key for key, (name, values) in PINNED.items() if said.get(name) in values]
    if not rule.is_pinned:
        return rule
    return rule.model_copy(update={key: AnswerRule.model_fields[key].default for key in undone})
