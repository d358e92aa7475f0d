"""Thirteen imports, each in another state, as a person finds them in the morning."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from clevertap_import.journal.run_results import enter_result, results_of
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.report import Report
from clevertap_import.run_result import RunResult
from clevertap_import_tests.testing.waiting import wait_for
from clevertap_import_tests.testing.workshop import (
    Workshop,
    command,
    days_ago,
    profiles_target,
    start_command,
)

AT = datetime.combine(days_ago(1), datetime.min.time(), UTC)
EVERY_HOUR = {"kind": "every", "every": "1 hour"}
ADMIT_ALL = {"dry_run": {"max_rejected_percent": 100}}
ORDERS = {
    "kind": "events",
    "identity": {"column": "ID"},
    "event_name": {"constant": "Order Placed"},
    "created_on": {"column": "UPDATED_AT"},
    "properties": [{"column": "NAME", "property": "Item"}],
}

IMPORTS: Mapping[str, Mapping[str, Any]] = {
    "perfect": {"created_by": "growth@example.com"},
    "sixty": {**ADMIT_ALL, "created_by": "growth@example.com"},
    "twenty": {**ADMIT_ALL, "created_by": "orders@example.com"},
    "empty": {"expect": {"rows": {"min": 1}}},
    "failing": {"target": profiles_target(Name="NO_SUCH_COLUMN")},
    "never": {"schedule": EVERY_HOUR},
    "paused": {"schedule": {**EVERY_HOUR, "active": False}},
    "stopped": {"schedule": EVERY_HOUR},
    "draft": {"window": "fortnight"},
    "slow": {},
    "throttled": {},
    "frequent": {"schedule": {"kind": "every", "every": "15 minutes"}},
    "orders": {**ADMIT_ALL, "target": ORDERS, "created_by": "orders@example.com"},
}
"""By nickname, with the keys in which it differs from the imports of other tests."""

RIGHT, WRONG = "right", None
ROWS: Mapping[str, Sequence[str | None]] = {
    "empty": (),
    "sixty": (RIGHT, RIGHT, RIGHT, WRONG, WRONG),
    "twenty": (RIGHT, WRONG, WRONG, WRONG, WRONG),
    "orders": (RIGHT, RIGHT, WRONG),
}
"""The rows of an import's table: those without an identity are wrong. Other tables have one row."""

RUNS = ("perfect", "sixty", "twenty", "empty", "failing", "failing", "failing", "frequent", "orders")
UNDER_WAY = ("slow", "throttled")
WAIT_SECONDS = 120


@contextmanager
def thirteen_imports(shop: Workshop) -> Iterator[None]:
    """In the block two of them are under way: CleverTap takes long for one, and answers 429 to the other."""
    for name, attributes in IMPORTS.items():
        rows = [(row and f"{name}-{number}", "Asha") for number, row in enumerate(ROWS.get(name, (RIGHT,)))]
        shop.sql(f"create table {name.upper()} (ID varchar, NAME varchar, UPDATED_AT timestamp_ntz)")
        for key, person in rows:
            value = f"'{key}'" if key else "null"
            shop.sql(f"insert into {name.upper()} values ({value}, '{person}', '{AT:%Y-%m-%d %H:%M:%S}')")
        shop.write(name, source={"kind": "table", "table": name.upper()}, **attributes)
    for name in RUNS:
        shop.run(name)
    assert command(shop, "stop", "stopped").returncode == 0
    shop.clevertap.faults(
        [
            {"kind": "slow", "identities": ["slow-0"], "dry_run": False, "times": None},
            {"kind": "status", "status": 429, "identities": ["throttled-0"], "dry_run": False, "times": None},
        ]
    )
    with ExitStack() as stack:
        for name in UNDER_WAY:
            process = start_command(shop, "run", name)
            stack.enter_context(process)
            stack.callback(process.kill)
        for name in UNDER_WAY:
            wait_for(f"{name} to send", partial(is_sending, name), WAIT_SECONDS)
        yield


def is_sending(name: str) -> bool:
    with open_journal() as journal:
        results = results_of(journal.engine, [name], AT).get(name, [])
    return any(each.progress and each.progress.phase == "send" for each in results)


def enter_history(days: int) -> None:
    """Two imports have run each day: one well, one worse each day."""
    with open_journal() as journal:
        for number in range(days, 0, -1):
            began = datetime.now(UTC) - timedelta(days=number, minutes=5)
            for name, failed in (("perfect", 0), ("sixty", 40 * (days - number) // days)):
                report = Report(read=100, accepted=100 - failed, invalid=failed)
                ended = began + timedelta(minutes=2)
                run = RunResult(name, f"{name}-{number}", began, ended, "Success", report, trigger="every")
                enter_result(journal.engine, run)
