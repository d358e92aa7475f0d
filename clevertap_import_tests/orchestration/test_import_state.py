"""The count of deliveries only grows, and is entered again if the database has lost it."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from clevertap_import.io.database import IMPORT_STATE
from clevertap_import.io.import_state import ImportState, import_state
from clevertap_import.io.journal import Journal
from clevertap_import.orchestration.delivered import behind, counted, recount
from clevertap_import_tests.builders import events_import

CONFIG = events_import()


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    with Journal(journal_url) as opened:
        yield opened


def test_each_run_that_sends_is_one_more_than_the_journal_and_dagster_know(journal: Journal) -> None:
    assert import_state(journal.engine, CONFIG.nickname) == ImportState(0, None)
    assert [counted(journal, CONFIG, told) for told in (0, 1, 7, 2)] == [1, 2, 8, 9]


def test_a_count_that_a_failover_lost_is_entered_again_at_the_end_of_the_run(journal: Journal) -> None:
    counted(journal, CONFIG, 0)
    count = counted(journal, CONFIG, 1)
    with journal.engine.begin() as connection:
        connection.execute(sa.update(IMPORT_STATE).values(deliveries=1))
    assert behind(CONFIG, journal, count)
    recount(journal, CONFIG, count)
    assert behind(CONFIG, journal, count) is None
    recount(journal, CONFIG, 1)
    assert import_state(journal.engine, CONFIG.nickname).deliveries == 2
