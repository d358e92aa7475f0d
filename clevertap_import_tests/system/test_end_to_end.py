"""The seeded shop through the package's own imports into the fake CleverTap: it holds exactly what it should.

Chosen rows are compared with expectations written by hand (testing/shop_expectations.py). Times, which
move with the moment of seeding, and the counts of all other rows are compared with what Snowflake says.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from clevertap_import.sandbox.shop.bad_rows import DIRT, EQUAL, FINE, FUTURE, SUPERSEDED, BadRows
from clevertap_import_tests.testing.shop_expectations import CLEAN, EVENTS, FINE_DIRT, TOTALS, Record
from clevertap_import_tests.testing.shop_home import ShopHome, running_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopHome]:
    with running_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture(scope="module")
def lines(shop: ShopHome) -> dict[str, Record]:
    """What `run` printed of each import, after one run of all three."""
    done = shop.command("run", "customers", "product_events", "order_totals", "--json")
    assert done.returncode == 0, done.stderr
    return {line["nickname"]: line for line in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def profiles(shop: ShopHome, lines: dict[str, Record]) -> dict[str, Record]:
    return {identity: found["properties"] for identity, found in shop.clevertap.profiles().items()}


@pytest.fixture(scope="module")
def rejects(shop: ShopHome, lines: dict[str, Record]) -> list[Record]:
    paths = sorted(shop.dagster_home.rglob("rejects/*/*.csv"))
    return [row for path in paths for row in csv.DictReader(path.read_text("utf-8").splitlines())]


def seconds(moment: datetime) -> int:
    """Rounded down, as CleverTap counts in whole seconds."""
    return int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())


def without_times(properties: Record) -> Record:
    return {key: value for key, value in properties.items() if key not in ("Signup Date", "Last Order")}


def of_customers(properties: Record) -> Record:
    return {key: value for key, value in without_times(properties).items() if key not in ("Orders", "Spent")}


@pytest.mark.parametrize("identity", CLEAN)
def test_a_clean_customer_is_stored_value_by_value(profiles: dict[str, Record], identity: str) -> None:
    assert of_customers(profiles[identity]) == CLEAN[identity]


@pytest.mark.parametrize("identity", FINE_DIRT)
def test_a_row_that_only_looks_wrong_is_stored(profiles: dict[str, Record], identity: str) -> None:
    assert of_customers(profiles[identity]) == FINE_DIRT[identity]


@pytest.mark.parametrize("identity", TOTALS)
def test_totals_of_orders_join_the_customers_profile(profiles: dict[str, Record], identity: str) -> None:
    found = profiles[identity]
    assert (found["Orders"], found["Spent"]) == TOTALS[identity]


def test_times_are_those_of_snowflake(shop: ShopHome, profiles: dict[str, Record]) -> None:
    rows = shop.rows("select CUSTOMER_ID, SIGNED_UP from SHOP.PUBLIC.CUSTOMERS where CUSTOMER_ID like 'C00%'")
    assert len(rows) == 3000
    assert {key: profiles[key]["Signup Date"] for key, _ in rows} == {
        key: f"$D_{seconds(signed_up)}" for key, signed_up in rows
    }
    rows = shop.rows("select CUSTOMER_ID, max(ORDERED_AT) from SHOP.PUBLIC.ORDERS group by 1")
    assert {key: profiles[key]["Last Order"] for key, _ in rows} == {
        key: f"$D_{seconds(ordered)}" for key, ordered in rows
    }


@pytest.mark.parametrize("event_id", EVENTS)
def test_an_event_is_stored_value_by_value(shop: ShopHome, lines: dict[str, Record], event_id: str) -> None:
    identity, name, *values = EVENTS[event_id]
    ((at,),) = shop.rows(f"select OCCURRED_AT from SHOP.PUBLIC.PRODUCT_EVENTS where EVENT_ID = '{event_id}'")
    data = dict(zip(("Product", "Category", "Price", "Quantity", "On Sale"), values, strict=True))
    found = [each for each in shop.clevertap.events() if each["identity"] == identity]
    assert {"identity": identity, "name": name, "ts": seconds(at), "data": data} in [
        {key: each[key] for key in ("identity", "name", "ts", "data")} for each in found
    ]


def is_rejected(one: BadRows) -> bool:
    return one.code not in (FINE, SUPERSEDED, EQUAL, FUTURE)


@pytest.mark.parametrize("one", [one for one in DIRT if is_rejected(one)], ids=lambda one: one.reason)
def test_a_wrong_row_is_rejected_with_its_code(
    profiles: dict[str, Record], rejects: list[Record], one: BadRows
) -> None:
    """By our check or by CleverTap's answer; CleverTap has no profile of it."""
    # An event's key is its own, what it is rejected for is the missing person.
    identity = one.key if one.table == "CUSTOMERS" else one.value
    assert [row["code"] for row in rejects if row["identity"] == (identity or "")][:1] == [one.code]
    assert one.key not in profiles


def test_nothing_else_is_rejected(rejects: list[Record]) -> None:
    assert Counter(row["code"] for row in rejects) == Counter(one.code for one in DIRT if is_rejected(one))


def test_the_older_of_two_versions_is_counted_and_not_sent(
    lines: dict[str, Record], profiles: dict[str, Record]
) -> None:
    assert lines["customers"]["superseded"] == 1
    assert profiles["D-TWICE-1"]["Email"] == "shopper3016@example.com"


def test_a_row_of_the_future_waits_for_its_window(profiles: dict[str, Record]) -> None:
    assert "D-STAMP-2" not in profiles


def test_equal_event_rows_are_two_events(shop: ShopHome, lines: dict[str, Record]) -> None:
    sql = "select OCCURRED_AT from SHOP.PUBLIC.PRODUCT_EVENTS where EVENT_ID = 'D-EVENT-2'"
    (first, second) = (seconds(at) for (at,) in shop.rows(sql))
    assert first == second
    found = [
        each
        for each in shop.clevertap.events()
        if (each["identity"], each["name"], each["ts"]) == ("C000042", "Product Viewed", first)
    ]
    assert len(found) == 2


def test_counts_are_those_of_snowflake(
    shop: ShopHome, lines: dict[str, Record], profiles: dict[str, Record]
) -> None:
    """All rows but those that the shop's list of dirt names: 15 wrong, 1 superseded, 1 of the future."""
    ((customers, points),) = shop.rows(
        "select count(*), sum(POINTS) from SHOP.PUBLIC.CUSTOMERS where CUSTOMER_ID like 'C00%'"
    )
    assert len(profiles) == customers + len(FINE_DIRT)
    assert sum(found["Points"] for key, found in profiles.items() if key.startswith("C00")) == points
    by_name = shop.rows(
        "select EVENT_NAME, count(*) from SHOP.PUBLIC.PRODUCT_EVENTS where CUSTOMER_ID is not null group by 1"
    )
    assert Counter(each["name"] for each in shop.clevertap.events()) == Counter(dict(by_name))
    ((buyers,),) = shop.rows("select count(distinct CUSTOMER_ID) from SHOP.PUBLIC.ORDERS")
    assert sum("Orders" in found for found in profiles.values()) == buyers
    assert {name: (line["total_records"], line["failed_syncs"]) for name, line in lines.items()} == {
        "customers": (customers + len(FINE_DIRT) + 15 + 1, 15),
        "product_events": (sum(count for _, count in by_name) + 1, 1),
        "order_totals": (buyers, 0),
    }


def test_clevertap_lost_nothing_silently(shop: ShopHome, lines: dict[str, Record]) -> None:
    assert shop.clevertap.error_stream() == []
    counted = shop.clevertap.counters()
    assert counted["records_accepted"] == sum(line["successful_syncs"] for line in lines.values())
    # What it would refuse was stopped before it was sent.
    assert counted["records_refused"] == {}
    assert counted["batches_over_limit"] == counted["busy_429"] == 0
