"""Changes outgoing answers of the local Snowflake by a rule of `answers.py`."""

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import fakesnow.arrow
import pyarrow as pa

from clevertap_import.sandbox.snowflake.answers import AnswerRule
from clevertap_import.sandbox.snowflake.layouts import as_declared, json_cell, sent

RowType = Sequence[dict[str, Any]]


def change(data: dict[str, Any], rule: AnswerRule, sql: str) -> None:
    """Change the answer to a query: its description, its first rows, its chunks, its counts."""
    described = data["rowtype"]
    as_declared(described, rule.columns, sql)
    if data.get("rowsetBase64"):
        table = shaped(read_stream(base64.b64decode(data["rowsetBase64"])), described, rule)
        limit_resultset(data, rule)
        table = table.slice(0, rule.rows_per_resultset) if rule.rows_per_resultset else table
        put_rows(data, table, rule)
    if rule.quoted_identifiers_ignore_case:
        for column in described:
            column["name"] = column["name"].upper()
    change_counts(data, rule)


def limit_resultset(data: dict[str, Any], rule: AnswerRule) -> None:
    """A limit of the account leaves no trace: the other rows are neither announced nor linked."""
    if rule.rows_per_resultset and data["total"] > rule.rows_per_resultset:
        data["total"] = data["returned"] = rule.rows_per_resultset
        data.pop("chunks", None)


def put_rows(data: dict[str, Any], table: pa.Table, rule: AnswerRule) -> None:
    if rule.inline_rows is not None:
        table = table.slice(0, rule.inline_rows)
    if rule.inline_twice:
        table = pa.concat_tables([table, table])
    if rule.result_format == "json":
        del data["rowsetBase64"]
        data["queryResultFormat"] = "json"
        data["rowset"] = [
            [json_cell(cell, described) for cell, described in zip(row, data["rowtype"], strict=True)]
            for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
        ]
    else:
        data["rowsetBase64"] = "" if rule.inline_is_empty else base64.b64encode(stream_of(table)).decode()


def change_counts(data: dict[str, Any], rule: AnswerRule) -> None:
    if rule.chunks is not None and "chunks" in data:
        data["chunks"] = data["chunks"][: rule.chunks]
    for chunk in data.get("chunks", ()):
        chunk["rowCount"] = chunk["rowCount"] if rule.row_count is None else rule.row_count
        chunk["url"] = rule.chunk_url or chunk["url"]
    if rule.total == "missing":
        data.pop("total", None)
        data.pop("returned", None)
    elif rule.total is not None:
        data["total"] = rule.total


def changed_chunk(body: bytes, rowtype: RowType, rule: AnswerRule, sql: str) -> bytes:
    """One chunk as the server sends it, gzipped."""
    if rule.chunk_body is not None:
        return gzip.compress(rule.chunk_body.encode())
    described = [dict(column) for column in rowtype]
    as_declared(described, rule.columns, sql)
    table = shaped(read_stream(gzip.decompress(body)), described, rule)
    return gzip.compress(stream_of(table.slice(0, rule.chunk_rows)), compresslevel=1)


def shaped(table: pa.Table, described: RowType, rule: AnswerRule) -> pa.Table:
    table = sent(table, described, rule.columns)
    if rule.quoted_identifiers_ignore_case:
        table = table.rename_columns([name.upper() for name in table.column_names])
    return table


def read_stream(body: bytes) -> pa.Table:
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all()


def stream_of(table: pa.Table) -> bytes:
    """An Arrow stream; for a table without rows it has one empty batch."""
    if table.num_rows:
        return bytes(memoryview(fakesnow.arrow.to_ipc(table)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist([], schema=table.schema))
    return bytes(memoryview(sink.getvalue()))
