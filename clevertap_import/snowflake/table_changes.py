"""The query that finds out whether a Snowflake table or view has changed, without reading its data."""


def change_query(table: str) -> str:
    """A query for TOKEN, a number that differs after each change of the data of `table`.

    Snowflake answers from its metadata, without a warehouse. The name is used exactly as in the source query:
    with its quotes; missing parts of the name come from the session.
    """
    return f"select SYSTEM$LAST_CHANGE_COMMIT_TIME({literal(table)}) as TOKEN"


def literal(text: str) -> str:
    """`text` as an SQL string. In Snowflake a backslash begins an escape."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
