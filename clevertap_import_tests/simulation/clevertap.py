"""The simulated CleverTap. It may answer anything; a test knows exactly what it stores."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clevertap_import.clevertap.answers import read_answer
from clevertap_import.clevertap.client import AccountSettings
from clevertap_import.clevertap.outcomes import Busy, Outcome, Uncertain
from clevertap_import.records import Batch
from clevertap_import_tests.simulation.process import Process
from clevertap_import_tests.simulation.scheduler import Bystander, Scheduler
from clevertap_import_tests.simulation.script import Fault

MOST_IN_FLIGHT = 3
ANSWER_SECONDS = 1.0
READ_SECONDS = 120.0


@dataclass
class Account:
    """The content of one project, and the runs that have a request there at this moment."""

    events: Counter[bytes] = field(default_factory=Counter)
    profiles: dict[str, bytes] = field(default_factory=dict)
    in_flight: list[Process] = field(default_factory=list)
    wiped: int = 0
    taken: defaultdict[tuple[str, int], Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter))

    def store(self, records: Iterable[bytes]) -> None:
        for line in records:
            record = json.loads(line)
            if record["type"] == "event":
                self.events[line] += 1
            else:
                self.profiles[record["identity"]] = line

    def wipe(self) -> None:
        self.events.clear()
        self.profiles.clear()
        self.wiped += 1


@dataclass
class SimulatedCleverTap:
    """The client of one process for one account. The script of the process decides the answers."""

    scheduler: Scheduler
    process: Process
    account: Account
    settings: AccountSettings

    def post(self, batch: Batch) -> Outcome:
        """Send `batch` once."""
        fault = self.process.reach("post")
        others = [each for each in self.account.in_flight if each is not self.process]
        assert not others, "two runs deliver one import at once"
        self.account.in_flight.append(self.process)
        assert len(self.account.in_flight) <= MOST_IN_FLIGHT, "more in flight than the account allows"
        try:
            outcome = self.answered(batch, fault)
        finally:
            self.account.in_flight.remove(self.process)
        self.process.reach("answer")
        return outcome

    def abandon(self) -> None:
        """Requests in flight end in their own time."""

    def answered(self, batch: Batch, fault: Fault | None) -> Outcome:
        records = batch.rows["record"].to_pylist()
        deed = fault.do if fault else ""
        stored = taken(deed, records)
        if deed == "late" and fault:
            self.later(fault.amount, records)
        self.account.store(stored)
        arrived = records if deed == "late" else stored
        self.account.taken[self.process.run_id, batch.number].update(arrived)
        self.process.stored += bool(stored)
        if deed in ("lost before", "lost after", "late", "partly"):
            self.scheduler.pause(READ_SECONDS)
            return Uncertain("ReadTimeout")
        self.scheduler.pause(ANSWER_SECONDS)
        if deed == "unreachable":
            return Busy("ConnectionError", is_answered=False)
        status, body = said(deed, len(records))
        return read_answer(len(records), status, json.dumps(body).encode())

    def later(self, seconds: float, records: list[bytes]) -> None:
        def apply() -> None:
            self.scheduler.pause(seconds)
            account.store(records)

        account, wiped = self.account, self.account.wiped
        self.scheduler.start(Bystander(), lambda: apply() if account.wiped == wiped else None)


def taken(deed: str, records: list[bytes]) -> list[bytes]:
    """The records that CleverTap stores at once."""
    if deed in ("lost before", "late", "429", "500 before", "401", "malformed", "unreachable"):
        return []
    if deed == "partly":
        return records[: len(records) // 2]
    return records[1:] if deed in ("555", "reject") else records


def said(deed: str, size: int) -> tuple[int, dict[str, Any]]:
    """The answer in CleverTap's words."""
    if deed in ("429", "401", "500 before", "500 after"):
        return int(deed[:3]), {"status": "fail", "error": "no"}
    if deed == "malformed":
        return 400, {"status": "fail", "error": "Malformed request"}
    if deed in ("555", "reject"):
        code = {"555": 555, "reject": 515}[deed]
        problem = {"status": "fail", "code": code, "error": "no Skipped record number : 1"}
        return 200, {"status": "partial", "processed": size - 1, "unprocessed": [problem]}
    return 200, {"status": "success", "processed": size, "unprocessed": []}
