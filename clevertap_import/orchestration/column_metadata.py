"""The properties that CleverTap gets as Dagster's columns, and the columns of tables from which they come."""

from collections.abc import Iterator, Mapping

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.target import ColumnOrConstant
from clevertap_import.escapes import as_plain, escaped
from clevertap_import.orchestration.upstream_tables import table_key
from clevertap_import.snowflake.column_lineage import Sources, column_sources

MOST_COLUMNS = 100


def column_metadata(config: ImportConfig) -> dict[str, dg.MetadataValue]:
    """`dagster/column_schema` and `dagster/column_lineage`; the lineage only as far as it is known.

    The open source UI shows the first alone. So the columns of tables are in its descriptions too.
    """
    sources = sources_of(config)
    columns, deps = [], {}
    for name, kind, origin, column in list(entries_of(config))[:MOST_COLUMNS]:
        known = sources.get(column, ()) if column else ()
        origin += f" ({', '.join('.'.join(each) for each in known)})" if known else ""
        columns.append(dg.TableColumn(escaped(name), kind, f"From {as_plain(escaped(origin))}"))
        if known:
            deps[escaped(name)] = [dg.TableColumnDep(table_key(table), of_table) for table, of_table in known]
    found: dict[str, dg.MetadataValue] = {
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns))
    }
    if deps:
        found["dagster/column_lineage"] = dg.MetadataValue.column_lineage(dg.TableColumnLineage(deps))
    return found


def entries_of(config: ImportConfig) -> Iterator[tuple[str, str, str, str | None]]:
    """The name, the type and the origin of each property, and its column; the identity first."""
    target = config.target
    name = "identity" if target.identity else "objectId"
    yield name, "string", f"column {target.identity_column}", target.identity_column
    for each in target.properties:
        if each.property != name:
            yield each.property, each.type or "as the column", origin_of(each), each.column


def origin_of(given: ColumnOrConstant) -> str:
    return f"column {given.column}" if given.column else f"a constant: {given.constant}"


def sources_of(config: ImportConfig) -> Mapping[str, Sources]:
    """The columns of tables from which each column comes."""
    source = config.source
    if source.kind == "table":
        return {column: [(source.table, column)] for column in config.columns}
    return column_sources(source.text, config.columns)
