"""People who signed up yesterday, as a table of any length, and the two things that can be made of them."""

from datetime import UTC, datetime, time

from clevertap_import_tests.testing.workshop import Workshop, days_ago, profiles_target

YESTERDAY = datetime.combine(days_ago(1), time(12), UTC)

EVENTS = {
    "kind": "events",
    "identity": {"column": "ID"},
    "event_name": {"constant": "Signed Up"},
    "created_on": {"column": "UPDATED_AT"},
    "properties": [{"column": "NAME", "property": "Name"}],
}
TARGETS = {"events": EVENTS, "profiles": profiles_target(Name="NAME")}


def fill(workshop: Workshop, rows: int) -> None:
    """The table T: p0, p1, ... with one name, all of yesterday."""
    workshop.sql(
        "create or replace table T (ID varchar, NAME varchar, UPDATED_AT timestamp_ntz)",
        f"insert into T select 'p' || seq4(), 'Asha', '{YESTERDAY:%Y-%m-%d %H:%M:%S}'::timestamp_ntz"
        f" from table(generator(rowcount => {rows}))",
    )
