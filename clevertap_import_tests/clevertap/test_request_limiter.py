"""The request limiter on both databases: never over the capacity, fair, free when a holder is gone."""

from collections.abc import Iterator

import pytest

from clevertap_import.clevertap.request_limiter import DEAD_SECONDS, LOOK_SECONDS
from clevertap_import.journal.import_lock import import_lock_name, under_way
from clevertap_import_tests.testing.lock_holders import CAPACITY, Processes, open_processes


@pytest.fixture
def processes(journal_url: str) -> Iterator[Processes]:
    with open_processes(journal_url) as opened:
        yield opened


def test_one_alone_has_all(processes: Processes) -> None:
    assert processes.joined().begin() == CAPACITY


def test_two_have_half_each_after_a_look_of_each(processes: Processes) -> None:
    first = processes.joined()
    assert first.begin() == CAPACITY
    second = processes.joined()
    assert second.begin() == 0
    assert (first.look(), second.look()) == (8, 7)
    first.end()
    assert (first.begin(), second.begin()) == (8, 7)


def test_who_wants_little_leaves_the_rest_to_others(processes: Processes) -> None:
    large, small = processes.joined(), processes.joined(wanted=1)
    assert (large.look(), small.look()) == (14, 1)
    assert (large.begin(), small.begin()) == (14, 1)


def test_a_share_shrinks_only_as_requests_end(processes: Processes) -> None:
    first = processes.joined()
    assert first.begin() == CAPACITY
    second = processes.joined()
    first.look()
    assert second.begin() == 0
    first.end(3)
    assert second.begin() == 3
    first.end(3)
    assert (first.begin(), second.begin()) == (9, 6)
    first.end(2)
    assert (first.begin(), second.begin()) == (8, 7)


def test_nothing_new_is_begun_beyond_a_smaller_share(processes: Processes) -> None:
    first = processes.joined()
    first.begin()
    processes.joined()
    first.look()
    first.end()
    assert first.begin() == 8


def test_what_is_left_goes_back(processes: Processes) -> None:
    first, second = processes.joined(), processes.joined()
    first.look()
    assert (first.begin(), second.begin()) == (8, 7)
    second.leave()
    assert first.look() == CAPACITY
    assert first.begin() == CAPACITY


def test_slots_that_are_of_no_use_for_a_while_go_back(processes: Processes) -> None:
    """As of a delivery that waits minutes before it tries again."""
    idle = processes.joined()
    idle.begin()
    idle.end()
    other = processes.joined()
    processes.pass_time(LOOK_SECONDS)
    idle.look()
    assert other.begin() == 7


def test_a_killed_process_leaves_its_slots_when_its_requests_have_ended(processes: Processes) -> None:
    """CleverTap goes on with requests whose sender is gone."""
    killed, other = processes.joined(), processes.joined()
    killed.look()
    assert (killed.begin(), other.begin()) == (8, 7)
    killed.kill()
    assert other.look() == CAPACITY
    assert other.begin() == 7
    processes.pass_time(DEAD_SECONDS - 0.1)
    assert other.begin() == 7
    processes.pass_time(0.1)
    assert other.begin() == CAPACITY


def test_slots_of_the_dead_rest_though_whoever_found_them_leaves_or_dies_too(processes: Processes) -> None:
    first, second, third = processes.joined(), processes.joined(), processes.joined()
    assert (first.look(), second.look(), third.look()) == (5, 5, 5)
    assert (first.begin(), second.begin(), third.begin()) == (5, 5, 5)
    first.kill()
    second.look()
    assert second.begin() == 5
    second.kill()
    processes.pass_time(1)
    assert third.look() == CAPACITY
    assert third.begin() == 5
    processes.pass_time(DEAD_SECONDS)
    assert third.begin() == CAPACITY


def test_slots_that_have_rested_and_are_of_no_use_go_back(processes: Processes) -> None:
    killed, other = processes.joined(), processes.joined()
    killed.look()
    assert (killed.begin(), other.begin()) == (8, 7)
    killed.kill()
    other.look()
    other.begin()
    other.end()
    for seconds in (DEAD_SECONDS, LOOK_SECONDS):
        processes.pass_time(seconds)
        other.look()
    assert other.limiter.slots.count == 0


def test_others_take_what_one_holds_only_for_their_turn_when_there_are_more_of_them_than_slots(
    processes: Processes,
) -> None:
    large, small = processes.joined(capacity=1), processes.joined(wanted=1, capacity=1)
    large.look()
    assert (large.begin(), small.begin()) == (1, 0)
    large.end()
    assert large.limiter.poll_at > processes.clock.now
    assert small.begin() == 1
    assert large.begin() == 0
    small.end()
    assert large.begin() == 1


def test_a_new_process_gets_in_beside_one_that_had_the_only_slot_for_long(processes: Processes) -> None:
    large = processes.joined(capacity=1)
    assert large.begin() == 1
    small = processes.joined(wanted=1, capacity=1)
    processes.pass_time(LOOK_SECONDS)
    large.look()
    large.end()
    assert small.begin() == 1


def test_other_resources_are_shared_by_themselves(processes: Processes) -> None:
    assert processes.joined().begin() == CAPACITY
    assert processes.joined(3, "lookups", 3).begin() == 3


def test_who_lost_its_row_comes_back(processes: Processes) -> None:
    """As one whose session with PostgreSQL was away for so long that others took it for dead."""
    slow, other = processes.joined(), processes.joined()
    other.limiter.slots.participants.remove([slow.limiter.me])
    assert other.look() == CAPACITY
    assert slow.look() == 7
    assert other.look() == 8


def test_nobody_is_under_way_once_it_is_dead(processes: Processes) -> None:
    name = import_lock_name("orders")
    killed = processes.joined(1, name, 1)
    assert under_way(processes.locks(), "orders") == "Run 1"
    killed.kill()
    processes.joined(2, name, 1)
    assert under_way(processes.locks(), "orders") == "Run 2"
