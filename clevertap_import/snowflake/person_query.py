"""The query for the rows of one person, as a run reads them."""

import re
from collections.abc import Sequence

from clevertap_import.config.model import ImportConfig
from clevertap_import.snowflake.sample_query import source_sql
from clevertap_import.snowflake.user_sql import quoted
from clevertap_import.snowflake.window_query import (
    EPOCH_COLUMN,
    SourceColumn,
    column_sql,
    resolved,
    window_query,
)

WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,37}")
"""As a number becomes an identity: 007 is that of no number."""


def person_query(config: ImportConfig, columns: Sequence[SourceColumn], identity: str, most: int) -> str:
    """The newest `most` rows with this identity, in any window; of a profile only the one that is sent."""
    condition = is_person(columns, config.identity_column, identity)
    source = f"select * from {source_sql(config)}\nwhere {condition}"
    found = f"(\n{window_query(config, columns, None, source=source)}\n) as found"
    return f"select * from {found}\norder by {quoted(EPOCH_COLUMN)} desc nulls last limit {most:d}"


def is_person(columns: Sequence[SourceColumn], name: str, identity: str) -> str:
    """The condition for the identity: in the column's type, without blanks at the ends, byte by byte.

    A text is written as hexadecimal digits, so that nothing in it can be SQL.
    """
    column, bare = column_sql(columns, name), identity.strip()
    if resolved(columns, name).type == "FIXED":
        return f"{column} = {bare}" if WHOLE_NUMBER.fullmatch(bare) else "1 = 0"
    text = f"collate(trim(cast({column} as varchar)), '')"
    return f"{text} = hex_decode_string('{bare.encode(errors='surrogatepass').hex()}')"
