"""The SQL of a run: of its windows, or of a random sample."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clevertap_import.config.model import ImportConfig
from clevertap_import.snowflake.sample_query import SourceCounts, counts_query, sample_query
from clevertap_import.snowflake.window_query import SourceColumn, window_query
from clevertap_import.window import Window

if TYPE_CHECKING:
    from clevertap_import.snowflake.open_session import Snowflake


def query_of_sample(
    config: ImportConfig, snowflake: "Snowflake", columns: Sequence[SourceColumn], rows: int
) -> str:
    """The query of a random sample; for profiles the source is counted first."""
    counts = None
    if not config.is_events:
        ((row,),) = (batch.to_pylist() for batch in snowflake.batches(counts_query(config, columns)))
        counts = SourceCounts(int(row["N_ROWS"]), int(row["N_WITH"]), int(row["N_DISTINCT"]))
    return sample_query(config, columns, rows, counts)


def query_of_windows(
    config: ImportConfig, columns: Sequence[SourceColumn], window: Window | None, limit: int | None
) -> str:
    sql = window_query(config, columns, window)
    return f"{sql}\nlimit {limit:d}" if limit is not None else sql
