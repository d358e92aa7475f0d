"""What the journal forgets when time passes, and what later runs make of it; and a journal on PostgreSQL."""

from collections.abc import Callable

import sqlalchemy as sa

from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import DELIVERY, default_url
from clevertap_import.orchestration.resources import home
from clevertap_import_tests.scenarios.people import TARGETS, fill
from clevertap_import_tests.scenarios.test_faults import change
from clevertap_import_tests.testing.workshop import Line, Workshop, days_ago

ROWS = 1200
NAME = "signups"
COME_TODAY = "insert into T values ('new', 'Chitra', {today})"


def run(workshop: Workshop, **options: bool) -> Line:
    (line,) = workshop.run(NAME, **options)
    return line


def let_days_pass(days: int) -> None:
    """Date all that was sent `days` back."""
    with Journal(default_url(home())) as journal, journal.engine.begin() as connection:
        moved = sa.func.datetime(DELIVERY.c.sent_at, f"-{days} days")
        connection.execute(sa.update(DELIVERY).values(sent_at=sa.type_coerce(moved, sa.String)))


def test_events_that_the_journal_has_forgotten_are_not_sent_again_unless_forced(workshop: Workshop) -> None:
    fill(workshop, ROWS)
    workshop.write(NAME, target=TARGETS["events"], start=days_ago(40), journal_retention_days=7)
    assert run(workshop)["successful_syncs"] == ROWS
    let_days_pass(8)
    assert run(workshop, full=True)["unchanged"] == ROWS, "nothing is forgotten before a run has ended well"
    change(workshop, (COME_TODAY,))
    assert run(workshop)["successful_syncs"] == 1
    refused = run(workshop, full=True)
    assert refused["status"] == "Failed"
    assert "were delivered more than 7 days ago" in refused["problem"]
    assert "force the run" in refused["problem"]
    assert len(workshop.clevertap.events()) == ROWS + 1
    assert run(workshop, full=True, force=True)["successful_syncs"] == ROWS + 1
    assert workshop.clevertap.counters()["duplicate_events"] == ROWS + 1


def test_events_within_their_retention_are_remembered(workshop: Workshop) -> None:
    fill(workshop, ROWS)
    workshop.write(NAME, target=TARGETS["events"], start=days_ago(40), journal_retention_days=7)
    run(workshop)
    let_days_pass(6)
    change(workshop, (COME_TODAY,))
    run(workshop)
    assert run(workshop, full=True)["unchanged"] == ROWS + 1


def test_a_full_import_remembers_what_its_last_run_read_and_sends_only_what_differs(
    workshop: Workshop,
) -> None:
    fill(workshop, ROWS)
    workshop.write(NAME, target=TARGETS["profiles"], updated_on=None, start=None, journal_retention_days=7)
    assert run(workshop)["successful_syncs"] == ROWS
    let_days_pass(8)
    change(workshop, ("update T set NAME = 'Bela' where ID = 'p7'", "delete from T where ID = 'p8'"))
    second = run(workshop)
    assert (second["unchanged"], second["successful_syncs"]) == (ROWS - 2, ROWS - 1)
    with Journal(default_url(home())) as journal, journal.engine.connect() as connection:
        runs = connection.scalars(sa.select(DELIVERY.c.run_id).distinct()).all()
    assert runs == [second["run_id"]]
    assert run(workshop)["unchanged"] == ROWS - 1
    change(workshop, ("insert into T values ('p8', 'Asha', {yesterday})",))
    assert run(workshop)["unchanged"] == ROWS - 1, "the journal forgot whom the last runs did not meet"
    assert workshop.clevertap.counters()["records_accepted"] == ROWS + 2


def test_a_whole_import_with_its_journal_on_postgresql(
    workshop: Workshop, postgresql_url: str, use_journal: Callable[[str], None]
) -> None:
    use_journal(postgresql_url)
    fill(workshop, ROWS)
    workshop.write(NAME, target=TARGETS["events"], uncertain_events="hold")
    workshop.clevertap.faults([{"kind": "reset", "dry_run": False, "identities": ["p1100"]}])
    first = run(workshop)
    assert (first["status"], first["uncertain"]) == ("Failed", ROWS - 1000)
    assert run(workshop)["uncertain"] == ROWS - 1000
    with Journal(postgresql_url) as journal:
        for batch in journal.unanswered(NAME):
            journal.settle_unanswered(NAME, batch.run_id, batch.batch_number, arrived=True)
    assert run(workshop)["unchanged"] == ROWS
    assert len(workshop.clevertap.events()) == ROWS
    assert workshop.clevertap.counters()["peak_in_flight"] <= 2
    assert not (home() / "clevertap_import" / "journal.db").exists()
