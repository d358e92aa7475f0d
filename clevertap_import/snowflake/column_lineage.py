"""From which columns of which tables each column of a query comes, as far as sqlglot can say."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

DIALECT = "snowflake"

MOST_CHARS = 20_000
"""Of a longer query the lineage is left out: to find it would delay the code location."""

Sources = Sequence[tuple[str, str]]
"""Pairs of a table, as SQL writes it, and a column of it."""


@lru_cache(maxsize=1000)
def column_sources(sql: str, columns: tuple[str, ...]) -> Mapping[str, Sources]:
    """By column; a column of which it is not known has no entry. Never raises."""
    found: dict[str, Sources] = {}
    if len(sql) > MOST_CHARS:
        return found
    # sqlglot may fail on what Snowflake takes, in any way. The lineage is shown, and nothing depends on it.
    with suppress(Exception):
        nodes = output_nodes(sql)
        for column in columns:
            node = nodes.get(column) or nodes.get(column.upper())
            sources = [source for leaf in below(node) for source in of_table(leaf)] if node else []
            if sources:
                found[column] = sorted(set(sources))
    return found


def output_nodes(sql: str) -> Mapping[str, Node]:
    """The lineage of each column of the query."""
    query = qualify(
        parse_one(sql, dialect=DIALECT), dialect=DIALECT, validate_qualify_columns=False, identify=False
    )
    # Without these options sqlglot copies the query once for each column.
    options: dict[str, Any] = {"scope": build_scope(query), "trim_selects": False, "copy": False}
    found: Mapping[str, Node] = lineage(None, query, {}, dialect=DIALECT, **options)
    return found


def below(node: Node) -> Iterator[Node]:
    """The node and all that it comes from, each once: columns of a query may share what they come from."""
    seen, left = {id(node)}, [node]
    while left:
        current = left.pop()
        yield current
        fresh = [each for each in current.downstream if id(each) not in seen]
        seen.update(map(id, fresh))
        left += reversed(fresh)


def of_table(node: Node) -> Sources:
    """The column of a table that this node is; nothing if it is a part of the query."""
    table = node.source
    if node.downstream or not isinstance(table, exp.Table) or "*" in node.name:
        return ()
    parts = ".".join(part.sql(dialect=DIALECT) for part in table.parts)
    return ((parts, exp.to_column(node.name, dialect=DIALECT).name),)
