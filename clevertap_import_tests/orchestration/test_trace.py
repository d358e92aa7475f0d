"""One person is found by any identity, and what is said of it is what the journal and the rows say."""

import os
from datetime import UTC, datetime, time, timedelta

import pytest

from clevertap_import.orchestration.resources import open_journal
from clevertap_import.orchestration.trace import BEFORE, EARLIER, NO_ANSWER, Trace, traced
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.workshop import Line, Workshop, days_ago, profiles_target

TODAY = datetime.combine(days_ago(0), time(), UTC)
YESTERDAY = TODAY - timedelta(days=1)
ADMIT = {"dry_run": {"max_rejected_percent": 100}}


def trace(workshop: Workshop, name: str, identity: str) -> Trace:
    config = load_folder(workshop.folder).called(name).config
    return traced(workshop.instance, config, identity, os.environ)


def outcomes(found: Trace) -> list[tuple[str, str | None]]:
    return [(line["outcome"], line["reason"]) for line in found.outcomes]


def test_a_person_that_arrived_and_was_changed_then(workshop: Workshop) -> None:
    workshop.write("people")
    workshop.people([("a", "Asha", YESTERDAY), ("b", "Ravi", YESTERDAY)])
    before = trace(workshop, "people", "a")
    window = f"{YESTERDAY:%Y-%m-%d}"
    assert outcomes(before) == [("not_sent", f"Its window {window} is not done; the next run reads it.")]
    (run,) = workshop.run("people")
    found = trace(workshop, "people", "a")
    assert found.row == {"ID": "a", "NAME": "Asha", "UPDATED_AT": f"{YESTERDAY:%Y-%m-%dT%H:%M:%S}"}
    assert found.record == {"identity": "a", "type": "profile", "profileData": {"Name": "Asha"}}
    ((accepted, run_id),) = [(line["outcome"], line["run_id"]) for line in found.outcomes]
    assert (accepted, run_id) == ("accepted", run["run_id"])

    workshop.sql("update T set NAME = 'Usha' where ID = 'a'")
    changed = trace(workshop, "people", "a")
    assert changed.record is not None
    assert changed.record["profileData"] == {"Name": "Usha"}
    (missing, why), then = outcomes(changed)
    assert (missing, then) == ("not_sent", ("accepted", EARLIER))
    assert f"clevertap-import run people --window {window}T00:00" in (why or "")

    workshop.sql("delete from T where ID = 'a'")
    gone = trace(workshop, "people", "a")
    assert (gone.row, gone.record, outcomes(gone)) == (None, None, [("accepted", None)])
    assert not trace(workshop, "people", "nobody").is_known


def test_a_rejected_person_says_why_then_and_now(workshop: Workshop) -> None:
    workshop.write("mails", target=profiles_target(Email="NAME"), **ADMIT)
    workshop.people([("a", "no address", YESTERDAY), ("b", "b@example.com", YESTERDAY)])
    (run,) = workshop.run("mails")
    found = trace(workshop, "mails", "a")
    assert found.record is None
    now, then = found.outcomes
    assert (now["outcome"], now["run_id"], now["code"]) == ("invalid", None, "515")
    assert (then["outcome"], then["run_id"], then["code"]) == ("rejected", run["run_id"], "515")

    workshop.sql("update T set NAME = 'a@example.com'")
    workshop.run("mails", start=YESTERDAY)
    found = trace(workshop, "mails", "a")
    assert [line["outcome"] for line in found.outcomes] == ["accepted", "rejected"], (
        "the file knows the second"
    )


def test_older_rows_of_a_person_are_counted(workshop: Workshop) -> None:
    workshop.write("doubled")
    workshop.people([("a", "Asha", YESTERDAY), ("a", "Usha", YESTERDAY + timedelta(hours=1))])
    workshop.run("doubled")
    found = trace(workshop, "doubled", "a")
    assert found.row is not None
    assert found.row["NAME"] == "Usha"
    assert [line["outcome"] for line in found.outcomes] == ["superseded", "accepted"]


def test_what_a_full_import_carried_over_is_said_to_be_older(workshop: Workshop) -> None:
    workshop.write("whole", updated_on=None, journal_retention_days=1)
    workshop.people([("a", "Asha", YESTERDAY)])
    workshop.run("whole")
    with open_journal() as journal, journal.engine.begin() as connection:
        connection.exec_driver_sql("update delivery set sent_at = '2020-01-01 00:00:00'")
    (run,) = workshop.run("whole")
    (line,) = trace(workshop, "whole", "a").outcomes
    assert (line["outcome"], line["run_id"], line["reason"]) == ("unchanged", run["run_id"], BEFORE)


def test_each_event_of_a_person_has_its_own_outcome(workshop: Workshop) -> None:
    target: Line = {
        "kind": "events",
        "identity": {"column": "ID"},
        "event_name": {"constant": "Visit"},
        "properties": [{"column": "NAME", "property": "Page"}],
    }
    workshop.write("visits", target=target)
    workshop.people([("a", f"page {number}", YESTERDAY) for number in range(3)])
    workshop.run("visits")
    workshop.add_people([("a", "page 9", YESTERDAY)])
    found = trace(workshop, "visits", "a")
    assert found.rows == 4
    assert [line["outcome"] for line in found.outcomes] == ["not_sent", *["accepted"] * 3]
    assert not trace(workshop, "visits", "b").is_known


def test_an_answer_that_was_lost_is_no_record_that_waits(workshop: Workshop) -> None:
    workshop.write("lost")
    workshop.people([("a", "Asha", YESTERDAY)])
    workshop.run("lost")
    with open_journal() as journal, journal.engine.begin() as connection:
        connection.exec_driver_sql("update delivery set state = 'uncertain'")
    assert outcomes(trace(workshop, "lost", "a")) == [("uncertain", NO_ANSWER)]


STRANGE = ("x' or '1'='1", "x'); drop table T; --", "Ünï ☃", '"quoted"', "per%cent ? :x")


@pytest.mark.parametrize("identity", STRANGE)
def test_no_identity_is_sql(workshop: Workshop, identity: str) -> None:
    workshop.write("strange")
    workshop.people([(identity, "Asha", YESTERDAY), ("b", "Ravi", YESTERDAY)])
    found = trace(workshop, "strange", identity)
    assert found.rows == 1
    assert found.row is not None
    assert found.row["ID"] == identity


@pytest.mark.parametrize(
    ("type_", "value", "asked", "found"),
    [
        ("number(38, 0)", "42", "42", "42"),
        ("number(38, 0)", "42", "042", None),
        ("number(38, 0)", "42", "+42", None),
        ("number(38, 0)", "-42", "-42", "-42"),
        ("number(38, 0)", "42", "42 or 1=1", None),
        ("number(38, 0)", "42", "nobody", None),
        ("varchar", "' 42 '", "42", " 42 "),
        ("varchar collate 'en-ci'", "'Ann'", "Ann", "Ann"),
        ("varchar collate 'en-ci'", "'Ann'", "ANN", None),
    ],
)
def test_an_identity_is_compared_in_the_type_of_its_column(
    workshop: Workshop, type_: str, value: str, asked: str, found: str | None
) -> None:
    workshop.write("typed", updated_on=None)
    workshop.sql(
        f"create or replace table T (ID {type_}, NAME varchar)", f"insert into T select {value}, 'Asha'"
    )
    record = trace(workshop, "typed", asked).record
    assert (record["identity"] if record else None) == found
