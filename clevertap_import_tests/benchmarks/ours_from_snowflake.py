"""One full run of the product from the query to CleverTap: the real connector against the local Snowflake.

SNOWFLAKE_* in the environment say where that is. The table is the one that `warehouse` made.
"""

import importlib
import os
import sys
from datetime import timedelta

from clevertap_import.config.model import ImportConfig
from clevertap_import.mapping.column_types import resolve_types
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import source_query, window_query
from clevertap_import.staging.stage import Stage
from clevertap_import.window import Window

from .ours import CONFIG, filled, run
from .process import client_arguments
from .rows import START

DATABASE = "BENCHMARK"


def table(rows: int) -> str:
    return f"{DATABASE}.PUBLIC.CUSTOMERS_{rows}"


def config(rows: int) -> ImportConfig:
    """The import of the other way, from a table and by windows."""
    settings = CONFIG.model_dump(exclude_unset=True)
    settings["source"] = {"kind": "table", "table": table(rows)}
    return ImportConfig.model_validate(
        {**settings, "updated_on": {"column": "UPDATED_AT"}, "start": START.date()}
    )


def main() -> None:
    arguments = client_arguments(__doc__)
    imported = config(arguments.rows)
    # No way is charged for its imports; the product makes this one late.
    importlib.import_module("dagster_snowflake")

    def fill(stage: Stage) -> None:
        with open_snowflake(snowflake_settings("snowflake", os.environ), "benchmark") as snowflake:
            columns = snowflake.describe(source_query(imported))
            mapper = Mapper(imported, int(START.timestamp()), resolve_types(imported, columns))
            window = Window(None, START + timedelta(days=1))
            filled(stage, mapper, snowflake.batches(window_query(imported, columns, window)))

    sys.stdout.write(run(fill, arguments.url).as_json() + "\n")


if __name__ == "__main__":
    main()
