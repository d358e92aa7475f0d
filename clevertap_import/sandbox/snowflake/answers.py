"""Changes answers of the local Snowflake: short, late, refused, in other types or layouts.

Each rule selects queries and changes their answers; the connector reads them with its own HTTP and Arrow
code. A test sets rules with the endpoint `/_fake/answers`:

    with local_snowflake.answering({"match": "from T", "chunk_rows": 100}):
        ...

Without rules the answers do not change. If several rules match, the first is used.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Cell = str | int | float | bool | list[int] | None


class WireColumn(BaseModel):
    """A column as in the source. A cast in the outermost SELECT of a query has priority.

    `layout` is the wire format of timestamps; Snowflake's default is one integer if the scale allows it. An
    ARRAY or OBJECT is JSON text, or nested if it is structured and the account says so. `values` fill the
    rows, and repeat: for timestamps [seconds, nanoseconds] or [seconds, nanoseconds, minutes east], for times
    [seconds, nanoseconds], for DECFLOAT text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str | None = None
    precision: int | None = None
    scale: int | Literal["missing"] | None = "missing"
    layout: Literal["integer", "struct", "nested"] | None = None
    values: tuple[Cell, ...] | None = None


class AnswerRule(BaseModel):
    """Changes to the answers of some queries. Keys that are not given change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Which answers: a pattern in the SQL or, for logins, the user; described or run; how many, from when.
    match: str = ""
    at: Literal["query", "login"] = "query"
    describe: bool | None = None
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)

    # Refused, with Snowflake's code and text.
    code: str | None = None
    message: str = "refused"
    sqlstate: str = "42000"

    # Fewer or more rows than announced: in the answer itself (which may be complete when it is requested
    # again), in each chunk, in the list of chunks.
    inline_rows: int | None = Field(default=None, ge=0)
    inline_is_empty: bool = False
    inline_twice: bool = False
    inline_recovers: bool = False
    chunk_rows: int | None = Field(default=None, ge=0)
    chunks: int | None = Field(default=None, ge=0)
    chunk_status: int | None = None
    chunk_body: str | None = None
    # The links to all chunks, instead of the server's own.
    chunk_url: str | None = None
    # The body of the answer, or of each chunk, ends after this number of bytes. With `breaks_off` the
    # connection ends too, otherwise the length looks correct.
    answer_bytes: int | None = Field(default=None, ge=0)
    chunk_bytes: int | None = Field(default=None, ge=0)
    breaks_off: bool = False
    # Instead of the body of the answer, or of each chunk, single bytes come now and then, forever.
    drips: Literal["answer", "chunk"] | None = None
    total: int | Literal["missing"] | None = None
    row_count: int | None = None

    # Effects of parameters of an account or user, unless the session sets them and `is_pinned`.
    is_pinned: bool = True
    rows_per_resultset: int | None = Field(default=None, ge=0)
    result_format: Literal["json"] | None = None
    quoted_identifiers_ignore_case: bool = False
    timestamp_input_format: str | None = None
    # The session's own parameters are ignored, as an account may do with some.
    ignores_session: bool = False

    columns: dict[str, WireColumn] = Field(default_factory=dict)


RULES = TypeAdapter(list[AnswerRule])

PINNED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "rows_per_resultset": ("ROWS_PER_RESULTSET", ("0",)),
    "result_format": ("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", ("ARROW", "ARROW_FORCE")),
    "quoted_identifiers_ignore_case": ("QUOTED_IDENTIFIERS_IGNORE_CASE", ("FALSE",)),
    "timestamp_input_format": ("TIMESTAMP_INPUT_FORMAT", ("AUTO",)),
}
"""The session parameter that overrides each key, and the values with which it does."""


class AnswerRules:
    """The current rules, and how often each matched."""

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
    """The rule without the effects that the session's own parameters undo."""
    if rule.ignores_session:
        return rule
    said = {name.upper(): str(value).upper() for name, value in parameters.items()}
    undone = [key for key, (name, values) in PINNED.items() if said.get(name) in values]
    if not rule.is_pinned:
        return rule
    return rule.model_copy(update={key: AnswerRule.model_fields[key].default for key in undone})
