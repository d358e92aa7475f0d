"""The question that tells whether the data of a Snowflake table or view has changed, without reading it."""


def change_query(table: str) -> str:
    """A row with TOKEN, a number that differs after each change of what `table` shows.

    Snowflake answers from its metadata; no warehouse is woken. The name is taken as the source query takes
    it: as it is written, with its quotes, and names left out are those of the session.
    """
    return f"select SYSTEM$LAST_CHANGE_COMMIT_TIME({literal(table)}) as TOKEN"


def literal(text: str) -> str:
    """`text` as a string in SQL; in Snowflake's a backslash begins an escape."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
