"""The query that tells whether a Snowflake table has changed, without reading the table."""

import re

PART = re.compile(r'"(?:[^"]|"")+"|[^.]+')


def state_query(table: str) -> str:
    """A row for `table`: its type, when it was altered last, its rows and bytes. None if it is not there.

    Names left out are those of the session.
    """
    *around, name = PART.findall(table)
    database = f"{around[-2]}." if len(around) > 1 else ""
    schema = literal(around[-1]) if around else "current_schema()"
    columns = "TABLE_TYPE as KIND, to_varchar(LAST_ALTERED) as ALTERED, ROW_COUNT as N_ROWS, BYTES as N_BYTES"
    where = f"TABLE_SCHEMA = {schema} and TABLE_NAME = {literal(name)}"
    return f"select {columns} from {database}INFORMATION_SCHEMA.TABLES where {where}"  # noqa: S608 - quoted


def literal(name: str) -> str:
    """A name as Snowflake keeps it, as a string: in capitals unless it is quoted."""
    plain = name[1:-1].replace('""', '"') if name.startswith('"') else name.upper()
    return "'" + plain.replace("'", "''") + "'"
