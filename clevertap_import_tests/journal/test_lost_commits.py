"""Commits that the database confirmed and does not have: what a failover to a standby behind it leaves."""

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from clevertap_import.journal.delivered_records import WindowRange
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import DELIVERY, JournalUnavailable
from clevertap_import_tests.testing.builders import events, profiles

RECORDS = profiles("a", "b", "c", number=3)


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    with Journal(journal_url) as opened:
        yield opened


def lose_all(journal: Journal) -> None:
    """All commits so far are gone, and the connections to the database that had them."""
    with journal.engine.begin() as connection:
        connection.execute(DELIVERY.delete())
    journal.engine.dispose()


def found(journal: Journal) -> list[tuple[int, str, int]]:
    """The number, the state and the records of each row, in order."""
    columns = (DELIVERY.c.batch_number, DELIVERY.c.state, sa.func.length(DELIVERY.c.digests) / 16)
    with journal.engine.connect() as connection:
        return [
            (row[0], row[1], int(row[2])) for row in connection.execute(sa.select(*columns).order_by("id"))
        ]


@pytest.mark.parametrize("reconnects", [True, False])
def test_an_answer_whose_entry_was_lost_is_entered_all_the_same(journal: Journal, reconnects: bool) -> None:
    entry = journal.begin("orders", "run-1", RECORDS)
    with journal.engine.begin() as connection:
        connection.execute(DELIVERY.delete())
    if reconnects:
        journal.engine.dispose()
    journal.record_answer(entry, RECORDS, [0], [2])
    assert sorted(found(journal)) == [(3, "answered", 1), (3, "uncertain", 1)]
    delivered = journal.delivered_before(WindowRange("orders", 0, 0), is_events=False)
    assert delivered.is_new(RECORDS.rows).tolist() == [False, True, True]


def test_all_that_is_under_way_is_entered_again_with_the_next_commit(journal: Journal) -> None:
    for number in range(3):
        journal.begin("orders", "run-1", events("a", number=number))
    lose_all(journal)
    journal.begin("orders", "run-1", events("b", number=3))
    assert found(journal) == [(number, "sending", 1) for number in range(4)]


def test_answers_that_were_entered_and_lost_are_entered_again_with_the_next_commit(journal: Journal) -> None:
    batches = [events("a", "b", number=number) for number in range(3)]
    for batch in batches:
        journal.record_answer(journal.begin("orders", "run-1", batch), batch, [0], [1])
    lose_all(journal)
    journal.begin("orders", "run-1", events("c", number=3))
    expected = [(number, state, 1) for number in range(3) for state in ("answered", "uncertain")]
    assert sorted(found(journal)) == [*expected, (3, "sending", 1)]


def test_a_number_that_was_given_out_again_is_not_taken_for_the_lost_one(journal: Journal) -> None:
    entry = journal.begin("orders", "run-1", RECORDS)
    with journal.engine.begin() as connection:
        connection.execute(DELIVERY.update().values(run_id="run-2", import_name="visits"))
    journal.record_answer(entry, RECORDS, [0, 1, 2], [])
    assert found(journal) == [(3, "sending", 3), (3, "answered", 3)]
    assert journal.of_run("run-2") == (0, 3)


def test_settling_again_what_was_settled_changes_nothing(journal: Journal) -> None:
    entry = journal.begin("orders", "run-1", RECORDS)
    for _ in range(3):
        journal.record_answer(entry, RECORDS, [0], [2])
    assert sorted(found(journal)) == [(3, "answered", 1), (3, "uncertain", 1)]


class LineCut(Exception):
    """Nobody knows what became of the transaction."""


@pytest.mark.parametrize("is_committed", [True, False])
def test_what_an_unconfirmed_commit_entered_is_not_sent_and_does_not_stay(
    journal: Journal, is_committed: bool
) -> None:
    def cut(connection: sa.Connection) -> None:
        if is_committed:
            connection.connection.commit()
        raise LineCut

    sa.event.listen(journal.engine, "commit", cut)
    with pytest.raises(LineCut):
        journal.begin("orders", "run-1", events("a"))
    sa.event.remove(journal.engine, "commit", cut)
    assert found(journal) == [(0, "sending", 1)] * is_committed
    journal.begin("orders", "run-1", events("b", number=1))
    assert found(journal) == [(1, "sending", 1)]


def test_a_commit_that_postgresql_confirms_is_on_disk_though_the_server_says_otherwise(
    postgresql_url: str,
) -> None:
    """The server of the tests runs with `synchronous_commit=off`."""
    for wanted, is_set in (("", "on"), ("off", "on"), ("remote_apply", "remote_apply")):
        url = f"{postgresql_url}%20-csynchronous_commit%3D{wanted}" if wanted else postgresql_url
        with Journal(url) as journal, journal.engine.connect() as connection:
            assert connection.scalar(sa.text("show synchronous_commit")) == is_set


def test_a_session_that_ends_as_a_transaction_begins_leaves_the_journal_usable(postgresql_url: str) -> None:
    with Journal(postgresql_url) as journal:
        ended: list[int] = []

        def end(connection: sa.Connection) -> None:
            if ended:
                return
            pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
            with psycopg.connect(postgresql_url.replace("+psycopg", "")) as other:
                other.execute("select pg_terminate_backend(%s, 10000)", [pid])
            ended.append(pid)

        sa.event.listen(journal.engine, "begin", end)
        with pytest.raises(JournalUnavailable), journal.together():
            pass
        with journal.together():
            journal.begin("orders", "run-1", RECORDS)
        assert found(journal) == [(3, "sending", 3)]
