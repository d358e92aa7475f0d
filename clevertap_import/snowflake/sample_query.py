"""A dry run's random sample.

To find the newest row of each identity, Snowflake must sort the whole source. For a sample it is faster to
draw identities first, and to sort only their rows. The records are the same as in a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clevertap_import.config.model import ImportConfig
from clevertap_import.snowflake.window_query import SourceColumn, bytewise_sql, source_query, window_query


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Counts of a profile import's source: rows, rows with an identity, and distinct identities."""

    rows: int
    with_identity: int
    identities: int

    @property
    def without_identity(self) -> int:
        return self.rows - self.with_identity

    @property
    def is_unique(self) -> bool:
        """Whether no identity appears twice: then no row replaces another, and any row may be drawn."""
        return self.identities == self.with_identity

    def shares(self, rows: int) -> tuple[int, int]:
        """How many of `rows` records have an identity and how many do not, in the source's proportion."""
        records = self.identities + self.without_identity
        without = round(rows * self.without_identity / records)
        return rows - without, without


def counts_query(config: ImportConfig, columns: Sequence[SourceColumn]) -> str:
    """A query for the SourceCounts, in one row. Snowflake reads only one column for it."""
    identity = bytewise_sql(columns, config.identity_column)
    counts = f"count(*) as N_ROWS, count({identity}) as N_WITH, count(distinct {identity}) as N_DISTINCT"
    return f"select {counts}\nfrom {source_sql(config)}"


def sample_query(
    config: ImportConfig, columns: Sequence[SourceColumn], rows: int, counts: SourceCounts | None
) -> str:
    """A random sample of all records that the import would read.

    Each record has the same probability, and is the one that a run would send. Profiles need `counts`.
    """
    if counts is None or counts.is_unique or counts.rows <= rows:
        drawn = f"select * from {source_sql(config)} sample ({rows:d} rows)"
    else:
        drawn = drawn_by_identity(config, columns, counts.shares(rows))
    return window_query(config, columns, None, source=drawn)


def drawn_by_identity(config: ImportConfig, columns: Sequence[SourceColumn], shares: tuple[int, int]) -> str:
    """All rows of random identities, and random rows that have no identity."""
    identity, source = bytewise_sql(columns, config.identity_column), source_sql(config)
    with_identity, without = shares
    parts = []
    if with_identity:
        distinct = f"select distinct {identity} as IDENTITY from {source} where {identity} is not null"
        drawn = f"select IDENTITY from ({distinct}) sample ({with_identity:d} rows)"
        parts.append(f"select * from {source} where {identity} in ({drawn})")
    if without:
        parts.append(
            f"select * from (select * from {source} where {identity} is null) sample ({without:d} rows)"
        )
    return "\nunion all\n".join(parts)


def source_sql(config: ImportConfig) -> str:
    """The source as a subquery for FROM; its last line may be a comment."""
    return f"(\n{source_query(config)}\n) as source"
