"""The request limiter under any history: whoever comes, stops or dies, the capacity is never passed."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clevertap_import.clevertap.request_limiter import DEAD_SECONDS
from clevertap_import.journal.tables import default_url
from clevertap_import_tests.testing.lock_holders import CAPACITY, Process, open_processes

MOST_PROCESSES = 20
PLACES = st.integers(0, MOST_PROCESSES)


class AnyHistory(RuleBasedStateMachine):
    """Processes come, look, begin and end requests, stop for a while, leave and die in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.scope = ExitStack()
        folder = self.scope.enter_context(tempfile.TemporaryDirectory())
        self.processes = self.scope.enter_context(open_processes(default_url(Path(folder))))
        self.living: list[Process] = []
        self.dead: list[tuple[float, int]] = []

    def one_of(self, place: int) -> Process:
        return self.living[place % len(self.living)]

    @rule()
    @precondition(lambda self: len(self.living) < MOST_PROCESSES)
    def join(self) -> None:
        self.living.append(self.processes.joined())

    @rule(wanted=st.integers(1, CAPACITY))
    @precondition(lambda self: len(self.living) < MOST_PROCESSES)
    def join_with_less_to_send(self, wanted: int) -> None:
        self.living.append(self.processes.joined(wanted))

    @rule(place=PLACES)
    @precondition(lambda self: self.living)
    def look(self, place: int) -> None:
        self.one_of(place).look()

    @rule(place=PLACES, count=st.integers(1, CAPACITY))
    @precondition(lambda self: self.living)
    def begin(self, place: int, count: int) -> None:
        self.one_of(place).begin(count)

    @rule(place=PLACES)
    @precondition(lambda self: self.living)
    def begin_all(self, place: int) -> None:
        self.one_of(place).begin()

    @rule(place=PLACES, count=st.integers(1, CAPACITY))
    @precondition(lambda self: self.living)
    def end(self, place: int, count: int) -> None:
        self.one_of(place).end(count)

    @rule(place=PLACES)
    @precondition(lambda self: self.living)
    def kill(self, place: int) -> None:
        """Its requests come to their end at CleverTap some time later."""
        process = self.one_of(place)
        self.living.remove(process)
        self.dead.append((self.processes.clock.now, len(process.requests)))
        process.kill()

    @rule(place=PLACES)
    @precondition(lambda self: self.living)
    def leave(self, place: int) -> None:
        process = self.one_of(place)
        self.living.remove(process)
        process.leave()

    @rule(seconds=st.floats(0.1, 2 * DEAD_SECONDS))
    def let_time_pass(self, seconds: float) -> None:
        """Whoever is not called meanwhile is stopped, for any time."""
        self.processes.pass_time(seconds)

    @invariant()
    def never_more_than_the_capacity_in_flight(self) -> None:
        limit = self.processes.clock.now - DEAD_SECONDS
        ending = sum(requests for died, requests in self.dead if died > limit)
        assert sum(len(process.requests) for process in self.living) + ending <= CAPACITY

    def teardown(self) -> None:
        self.scope.close()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
