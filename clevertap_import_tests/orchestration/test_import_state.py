"""The count of deliveries only grows, and is entered again if the database has lost it."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from clevertap_import.journal.import_state import ImportState, import_state
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.tables import IMPORT_STATE
from clevertap_import.orchestration.delivered import DeliveryCounts, counted, recount, stale_journal
from clevertap_import_tests.testing.builders import events_import

CONFIG = events_import()


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    with Journal(journal_url) as opened:
        yield opened


def test_each_run_that_sends_is_one_more_than_the_journal_and_dagster_know(journal: Journal) -> None:
    assert import_state(journal.engine, CONFIG.nickname) == ImportState()
    assert [counted(journal, CONFIG, DeliveryCounts(begun)) for begun in (0, 1, 7, 2)] == [1, 2, 8, 9]


def test_a_count_that_a_failover_lost_is_entered_again_at_the_end_of_the_run(journal: Journal) -> None:
    assert recount(journal, CONFIG, counted(journal, CONFIG, DeliveryCounts()), 0)
    count = counted(journal, CONFIG, DeliveryCounts(1, 1))
    with journal.engine.begin() as connection:
        connection.execute(sa.update(IMPORT_STATE).values(deliveries=1))
    assert stale_journal(CONFIG, journal, DeliveryCounts(count, 1))
    assert recount(journal, CONFIG, count, 1)
    assert stale_journal(CONFIG, journal, DeliveryCounts(count, count)) is None
    assert recount(journal, CONFIG, 1, 1)
    assert import_state(journal.engine, CONFIG.nickname) == ImportState(2, ended=2)


def test_a_failover_that_lost_more_than_a_run_can_enter_again_is_not_hidden_by_it(journal: Journal) -> None:
    assert recount(journal, CONFIG, counted(journal, CONFIG, DeliveryCounts()), 0)
    count = counted(journal, CONFIG, DeliveryCounts(1, 1))
    with journal.engine.begin() as connection:
        connection.execute(sa.delete(IMPORT_STATE))
    assert not recount(journal, CONFIG, count, 1)
    assert stale_journal(CONFIG, journal, DeliveryCounts(count, 1))
