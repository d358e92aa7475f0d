"""The GraphQL of the guide, against the schema of Dagster's own web server."""

import re
from pathlib import Path

import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
BLOCKS = re.findall(r"```graphql\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def test_the_guide_shows_a_backfill_and_a_run() -> None:
    assert [re.findall(r"launch\w+", block)[0] for block in BLOCKS] == [
        "launchPartitionBackfill",
        "launchRun",
    ]


@pytest.mark.parametrize("block", BLOCKS)
def test_dagster_would_take_it(block: str) -> None:
    assert validate(create_schema().graphql_schema, parse(block)) == []
