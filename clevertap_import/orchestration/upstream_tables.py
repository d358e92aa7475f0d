"""The tables that an import reads, as assets before its own."""

import re

import dagster as dg

from clevertap_import.config.asset_keys import RESERVED, input_name, is_asset_key
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.upstream import upstream_assets
from clevertap_import.orchestration.names import PREFIX
from clevertap_import.snowflake.user_sql import tables_named

TABLE_NAME = re.compile(r'"(?:[^"]|"")+"|[^.]+')


def source_tables(config: ImportConfig) -> tuple[str, ...]:
    source = config.source
    return (source.table,) if source.kind == "table" else tables_named(source.text)


def table_key(table: str) -> dg.AssetKey:
    """A Snowflake table as an asset key: its names in small letters, with _ for forbidden characters."""
    names = [
        re.sub(r"\W", "_", name.removeprefix('"').removesuffix('"').lower(), flags=re.ASCII)
        for name in TABLE_NAME.findall(table)
    ]
    # Keys below `clevertap` are imports, and Dagster reserves some words.
    is_taken = names[0] == PREFIX or input_name(names) in RESERVED
    return dg.AssetKey(["snowflake", *names] if is_taken else names)


def table_specs(config: ImportConfig) -> list[dg.AssetSpec]:
    """The tables that an import reads, as external assets."""
    return [
        dg.AssetSpec(table_key(table), kinds={"snowflake"}, metadata={"dagster/table_name": table})
        for table in source_tables(config)
    ]


def upstream_deps(config: ImportConfig) -> dict[dg.AssetKey, dg.AssetDep]:
    """The tables that the import reads, and the assets that it names."""
    deps = {key: dg.AssetDep(key) for key in map(table_key, source_tables(config))}
    # A window may read rows of any of their partitions; and they may have partitions of any kind.
    every = dg.AllPartitionMapping()
    named = [dg.AssetKey.from_user_string(key) for key in upstream_assets(config) if is_asset_key(key)]
    return deps | {key: dg.AssetDep(key, partition_mapping=every) for key in named}
