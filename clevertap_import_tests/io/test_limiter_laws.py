"""The request limiter under any history: whoever comes, stops or dies, the capacity is never passed."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from clevertap_import.io.database import default_url
from clevertap_import.io.request_limiter import DEAD_SECONDS
from clevertap_import_tests.io.lock_holders import CAPACITY, Process, open_processes


class AnyHistory(RuleBasedStateMachine):
    """Processes come, look, begin and end requests, stand still, leave and die in any order."""

    came = Bundle("came")

    def __init__(self) -> None:
        super().__init__()
        self.scope = ExitStack()
        folder = self.scope.enter_context(tempfile.TemporaryDirectory())
        self.processes = self.scope.enter_context(open_processes(default_url(Path(folder))))
        self.living: list[Process] = []
        self.dead: list[tuple[float, int]] = []

    @rule(target=came, wanted=st.integers(1, CAPACITY))
    def join(self, wanted: int) -> Process:
        process = self.processes.joined(wanted)
        self.living.append(process)
        return process

    @rule(process=came)
    def look(self, process: Process) -> None:
        if process in self.living:
            process.look()

    @rule(process=came, count=st.integers(1, CAPACITY))
    def begin(self, process: Process, count: int) -> None:
        if process in self.living:
            process.begin(count)

    @rule(process=came, count=st.integers(1, CAPACITY))
    def end(self, process: Process, count: int) -> None:
        if process in self.living:
            process.end(count)

    @rule(process=came)
    def kill(self, process: Process) -> None:
        """Its requests come to their end at CleverTap some time later."""
        if process in self.living:
            self.living.remove(process)
            self.dead.append((self.processes.clock.now, len(process.requests)))
            process.kill()

    @rule(process=came)
    def leave(self, process: Process) -> None:
        if process in self.living:
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
