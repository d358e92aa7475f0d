"""The rows of a query in Arrow batches: exactly the rows that Snowflake announced, or an error."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import pyarrow as pa
from snowflake.connector.cursor import SnowflakeCursor
from snowflake.connector.result_batch import ArrowResultBatch

from clevertap_import.errors import QueryFailed, ResultIncomplete
from clevertap_import.snowflake.cell_texts import json_text
from clevertap_import.threads import DaemonThreads

PARTS_AHEAD = 2
"""How many parts are fetched ahead. CleverTap is much slower than Snowflake, so two are enough."""

NO_ARROW = (
    "Snowflake sent the result as JSON, which this package does not read. Most often the parameter"
    " PYTHON_CONNECTOR_QUERY_RESULT_FORMAT is set for the user or the account: unset it there."
)


def arrow_batches(cursor: SnowflakeCursor, names: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """The parts of a result, each as one batch: the connector returns a part as many small tables.

    Raises ResultIncomplete at the first part whose row count differs from the announced one, and QueryFailed
    if the result is not Arrow, or lacks a column of `names`. The connector checks none of this in Arrow
    results.
    """
    parts = result_parts(cursor)
    announced = announced_parts(cursor, parts)
    number = 0
    for table in tables(cursor, parts):
        if not table.num_rows:
            continue
        if number == len(announced) or table.num_rows != announced[number]:
            raise incomplete(cursor, announced, number, table.num_rows)
        number += 1
        check_names(table.column_names, names)
        # The same variable, so that the small tables are freed before the batch is mapped.
        table = table.combine_chunks()
        yield from map(with_json_text, table.to_batches())
    if number < len(announced):
        raise incomplete(cursor, announced, number, 0)


def with_json_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Structured ARRAY and OBJECT columns, which some accounts send as nested Arrow, as JSON text."""
    for place, field in enumerate(batch.schema):
        if pa.types.is_list(field.type) or pa.types.is_struct(field.type):
            texts = [None if cell is None else json_text(cell) for cell in batch.column(place).to_pylist()]
            batch = batch.set_column(place, field.with_type(pa.string()), pa.array(texts, pa.string()))
    return batch


def check_names(found: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise QueryFailed(
            f"Snowflake was asked for the columns {', '.join(names)}, and returned {', '.join(found)}."
            " Most often the parameter QUOTED_IDENTIFIERS_IGNORE_CASE is set for the account: unset it, or"
            " write the names in capitals."
        )


def result_parts(cursor: SnowflakeCursor) -> list[ArrowResultBatch]:
    found = cursor.get_result_batches() or []
    parts = [part for part in found if isinstance(part, ArrowResultBatch)]
    if len(parts) < len(found):
        raise QueryFailed(NO_ARROW)
    return parts


def tables(cursor: SnowflakeCursor, parts: Sequence[ArrowResultBatch]) -> Iterator[pa.Table]:
    """The parts in order; some are fetched ahead.

    The connector's own threads would block an interrupted process until their part arrives, perhaps forever.
    """

    def fetched(part: ArrowResultBatch) -> pa.Table:
        return part.to_arrow(cursor.connection, force_microsecond_precision=True)

    with DaemonThreads(PARTS_AHEAD) as threads:
        ahead: deque[Future[pa.Table]] = deque()
        for part in parts:
            ahead.append(threads.submit(fetched, part))
            if len(ahead) > PARTS_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def announced_parts(cursor: SnowflakeCursor, parts: Sequence[ArrowResultBatch]) -> list[int]:
    """The announced row count of each part; empty parts are left out."""
    # The connector computes the first part's count from the total; without a total it is meaningless.
    rows = [part.rowcount for part in parts]
    if cursor.rowcount is None or any(count < 0 for count in rows):
        raise ResultIncomplete(f"Snowflake did not say how many rows the result has. {what_to_do(cursor)}")
    return [count for count in rows if count]


def incomplete(cursor: SnowflakeCursor, announced: list[int], number: int, rows: int) -> ResultIncomplete:
    expected = announced[number] if number < len(announced) else 0
    return ResultIncomplete(
        f"Snowflake announced {sum(announced):,} rows, but the result differs: part {number + 1:,} of"
        f" {len(announced):,} has {rows:,} rows instead of {expected:,}. {what_to_do(cursor)}"
    )


def what_to_do(cursor: SnowflakeCursor) -> str:
    return (
        "The result is not used. Run again; if this happens again, give Snowflake's support the query ID"
        f" {cursor.sfqid}."
    )
