"""What Dagster's UI shows of an import to people who have never seen its YAML."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.assets import import_spec
from clevertap_import.orchestration.description import description_of
from clevertap_import.project.git_history import FileHistory
from clevertap_import_tests.testing.builders import events_import, profiles_import

SQL = """select a.ID, b.MAIL as EMAIL, a.UPDATED_AT
from SHOP.PUBLIC.A a join "My Db".PUBLIC.B b using (ID)"""
HISTORY = FileHistory("", None, "2026-11-01T10:00:00+02:00", "asha@example.com", "abc1234")
EMAIL = {"column": "EMAIL", "property": "Email", "type": "string"}
CONSTANT = {"constant": "a|b", "property": "Source"}


def described(*mappings: dict[str, Any], **attributes: Any) -> ImportConfig:  # noqa: ANN401 - any YAML
    given = {
        "source": {"kind": "sql", "sql": SQL},
        "updated_on": {"column": "UPDATED_AT"},
        "start": "2026-11-01",
    }
    return profiles_import(*mappings, **{**given, **attributes})


def test_a_description_says_what_the_yaml_says() -> None:
    config = described(
        EMAIL,
        CONSTANT,
        title="Customers",
        description="All who bought.",
        created_by="growth@example.com",
        schedule={"kind": "every", "every": "6 hours", "timezone": "Asia/Kolkata"},
        expect={"health": 95},
    )
    text = description_of(config, HISTORY)
    assert text.startswith(
        "Customers\n\nAll who bought.\n\n**Source** (Snowflake connection snowflake):\n\n```sql\n"
    )
    for part in (
        SQL,
        "**Target** (CleverTap account clevertap): User profiles, by identity from ID",
        "| EMAIL | Email | string |\n| constant a\\|b | Source |  |",
        "- **Schedule**: Every 6 hours (clock of Asia/Kolkata)",
        "- **Windows**: hour, by UPDATED\\_AT, from 2026-11-01, lookback 1 hour.",
        "- **Expected**: health of 95 %, a successful run within 9 hours",
        "- **Owner**: growth\\@example.com",
        "- **Last change**: 2026-11-01T10:00:00+02:00 by asha\\@example.com, commit abc1234",
        "clevertap-import rejects import_under_test",
    ):
        assert part.replace("UPDATED\\_AT", "UPDATED_AT") in text, part


def test_events_say_their_name_and_time() -> None:
    assert "**Target** (CleverTap account clevertap): Events " in description_of(events_import())
    assert "**Windows**: none." in description_of(profiles_import())


def test_no_text_ends_its_place() -> None:
    """Words of the YAML do not end the block of code in which they are, and make no links and no tables."""
    sql = "select ID, '```` <script>x</script>' as EMAIL from T -- [a](http://evil.example)"
    column = {"column": "A|B\n| [x](http://evil.example) <img src=x>", "property": "P`"}
    text = description_of(described(column, source={"kind": "sql", "sql": sql}, updated_on=None, start=None))
    before, block, after = text.partition(f"`````sql\n{sql}\n`````")
    assert block
    for part in (before, after):
        assert "[x](" not in part
        assert "<img" not in part.replace("\\<img", "")
    assert "| A\\|B \\| \\[x\\](http:" in after


def test_a_description_has_limits() -> None:
    mappings = [{"column": f"C{number}", "property": f"P{number} {'x' * 400}"} for number in range(150)]
    source = {"kind": "sql", "sql": "select 1 as ID" + "\n, 2 as Z" * 5000}
    text = description_of(described(*mappings, source=source, updated_on=None, start=None))
    assert len(text) < 60_000
    assert "and 50 more properties." in text
    assert "... (the YAML has the rest)" in text


def test_columns_come_from_where_the_query_takes_them() -> None:
    metadata = import_spec(described(EMAIL, CONSTANT), {}).metadata
    schema, lineage = metadata["dagster/column_schema"], metadata["dagster/column_lineage"]
    assert [(each.name, each.type) for each in schema.schema.columns] == [
        ("identity", "string"),
        ("Email", "string"),
        ("Source", "as the column"),
    ]
    assert schema.schema.columns[1].description == 'From column EMAIL ("My Db".PUBLIC.B.MAIL)'
    assert lineage.lineage.deps_by_column == {
        "identity": [dg.TableColumnDep(dg.AssetKey(["shop", "public", "a"]), "ID")],
        "Email": [dg.TableColumnDep(dg.AssetKey(["my_db", "public", "b"]), "MAIL")],
    }
    table = described(EMAIL, source={"kind": "table", "table": "SHOP.PUBLIC.A"})
    deps = import_spec(table, {}).metadata["dagster/column_lineage"].lineage.deps_by_column
    assert deps["Email"] == [dg.TableColumnDep(dg.AssetKey(["shop", "public", "a"]), "EMAIL")]


@pytest.mark.parametrize(
    "sql", ["select * from A", "select ID from (", "select\n" + "1, " * 9000 + "2 as ID from A"]
)
def test_lineage_that_is_not_known_is_left_out(sql: str) -> None:
    config = described(source={"kind": "sql", "sql": sql}, updated_on=None, start=None)
    assert "dagster/column_lineage" not in import_spec(config, {}).metadata


WEEKLY = {"kind": "weekly", "at": [{"day": "monday", "time": "08:00"}, {"day": "thursday", "time": "17:00"}]}


@pytest.mark.parametrize(
    ("attributes", "age"),
    [
        (
            {"expect": {"within": "2 hours"}, "schedule": {"kind": "every", "every": "1 hour"}},
            timedelta(hours=2),
        ),
        ({"schedule": {"kind": "every", "every": "15 minutes"}}, timedelta(minutes=45)),
        ({"schedule": {"kind": "every", "every": "1 day"}}, timedelta(hours=30)),
        ({"schedule": WEEKLY}, timedelta(days=3, hours=15 + 6)),
        (
            {"schedule": {"kind": "monthly", "at": [{"day": "last", "time": "08:00"}]}},
            timedelta(days=31, hours=6),
        ),
        ({"schedule": {"kind": "once", "at": "2026-12-01T08:00"}}, None),
        ({}, None),
    ],
    ids=["within", "minutes", "days", "weekly", "monthly", "once", "manual"],
)
def test_dagster_expects_what_our_monitoring_expects(
    attributes: dict[str, Any], age: timedelta | None
) -> None:
    policy = import_spec(described(**attributes), {}).freshness_policy
    assert policy == (dg.FreshnessPolicy.time_window(fail_window=age) if age else None)
