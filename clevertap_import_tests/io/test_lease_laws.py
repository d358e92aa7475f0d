"""Leases under any history: whoever comes, stands still, leaves or dies, the capacity is never passed."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from clevertap_import.io.database import default_url, open_database
from clevertap_import.io.leases import DEAD_SECONDS, STALE_SECONDS
from clevertap_import_tests.io.test_leases import CAPACITY, Process, Processes


@contextmanager
def database() -> Iterator[sa.Engine]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(default_url(Path(folder)))
        try:
            yield engine
        finally:
            engine.dispose()


class AnyHistory(RuleBasedStateMachine):
    """Holders come, beat, begin and end requests, stand still, leave and die in any order."""

    living = Bundle("living")

    def __init__(self) -> None:
        super().__init__()
        self.scope = ExitStack()
        self.processes = Processes(self.scope.enter_context(database()), self.scope)
        self.requests: dict[str, list[ExitStack]] = {}
        self.dead: list[tuple[float, int]] = []

    @rule(target=living, wanted=st.integers(1, CAPACITY))
    def join(self, wanted: int) -> Process:
        process = self.processes.joined(wanted)
        self.requests[process.lease.holder] = []
        return process

    @rule(process=living)
    def beat(self, process: Process) -> None:
        if process.lease.holder in self.requests:
            process.beat()

    @rule(process=living, count=st.integers(1, CAPACITY))
    def begin(self, process: Process, count: int) -> None:
        for _ in range(count):
            if process.lease.holder in self.requests and process.lease.has_room(CAPACITY):
                request = ExitStack()
                request.enter_context(process.lease.one())
                self.requests[process.lease.holder].append(request)

    @rule(process=living, count=st.integers(1, CAPACITY))
    def end(self, process: Process, count: int) -> None:
        for request in self.requests.get(process.lease.holder, [])[:count]:
            request.close()
            self.requests[process.lease.holder].remove(request)

    @rule(process=living)
    def kill(self, process: Process) -> None:
        """Its requests come to their end at CleverTap before anybody takes it for gone."""
        if process.lease.holder in self.requests:
            under_way = len(self.requests.pop(process.lease.holder))
            self.dead.append((self.processes.clock.now, under_way))

    @rule(process=living)
    def leave(self, process: Process) -> None:
        if self.requests.get(process.lease.holder) == []:
            del self.requests[process.lease.holder]
            process.scope.close()

    @rule(seconds=st.floats(0.1, STALE_SECONDS - 1))
    def let_time_pass(self, seconds: float) -> None:
        """Requests last no longer than it takes to be taken for gone, and the living beat in time."""
        for process in self.alive():
            process.beat()
        self.processes.clock.now += seconds

    def alive(self) -> list[Process]:
        return [process for process in self.all() if process.lease.holder in self.requests]

    def all(self) -> list[Process]:
        return [value for values in self.bundles.values() for value in map(self.value_of, values)]

    def value_of(self, variable: object) -> Process:
        process: Process = self.names_to_values[variable.name]  # type: ignore[attr-defined]
        return process

    @invariant()
    def never_more_than_the_capacity_in_flight(self) -> None:
        limit = self.processes.clock.now - DEAD_SECONDS
        ending = sum(under_way for died, under_way in self.dead if died > limit)
        assert sum(map(len, self.requests.values())) + ending <= CAPACITY

    def teardown(self) -> None:
        self.scope.close()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
