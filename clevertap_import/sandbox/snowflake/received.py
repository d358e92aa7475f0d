"""What the local Snowflake was asked, for tests that look at it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

QUERIES_REMEMBERED = 5_000
QUERY_CHARS_REMEMBERED = 20_000


def newest() -> deque[Any]:
    return deque(maxlen=QUERIES_REMEMBERED)


@dataclass(slots=True)
class Received:
    """The newest queries and logins, and the request ids of queries that were aborted."""

    queries: deque[dict[str, Any]] = field(default_factory=newest)
    logins: deque[dict[str, Any]] = field(default_factory=newest)
    aborted: deque[str] = field(default_factory=newest)

    def remember(self, query: Mapping[str, Any], request_id: str, query_tag: str) -> None:
        self.queries.append(
            {
                "request_id": request_id,
                "text": str(query.get("sqlText", ""))[:QUERY_CHARS_REMEMBERED],
                "describe_only": bool(query.get("describeOnly")),
                "query_tag": query_tag,
            }
        )

    def content(self) -> dict[str, list[Any]]:
        return {
            "queries": list(self.queries),
            "logins": list(self.logins),
            "aborted": list(self.aborted),
        }

    def clear(self) -> None:
        for these in (self.queries, self.logins, self.aborted):
            these.clear()
