"""Plays a script to its end, then runs the import without faults until all is well, and checks the result."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable

from clevertap_import.clevertap.client import AccountSettings
from clevertap_import.errors import EventsWithheld, JournalLost, ScopeChanged
from clevertap_import.journal.import_state import accept_lack, import_state
from clevertap_import.journal.tables import JournalUnavailable
from clevertap_import.orchestration.delivered import counts_in_dagster
from clevertap_import.orchestration.run_values import SoFar
from clevertap_import_tests.simulation.clevertap import MOST_IN_FLIGHT, Account, SimulatedCleverTap
from clevertap_import_tests.simulation.database import Database, SharedEngine
from clevertap_import_tests.simulation.import_run import RECORDS_PER_REQUEST, Ended, Start, carry_out
from clevertap_import_tests.simulation.instance import SimulatedInstance
from clevertap_import_tests.simulation.locks import Resource
from clevertap_import_tests.simulation.process import Process
from clevertap_import_tests.simulation.scheduler import Scheduler
from clevertap_import_tests.simulation.script import Fault, Run, Script, Step
from clevertap_import_tests.simulation.source import Source

HOUR = 3600.0
MOST_RUNS_TO_THE_END = 8
WELL_IN_A_ROW = 2
MOST_COPIES = 3
"""Of one event, by one run: after a lost answer the run sends it again, at most twice."""
SHORT_OUTAGE_SECONDS = 60


class Simulation:
    """The world of one script."""

    def __init__(self, script: Script, shared: SharedEngine) -> None:
        self.script = script
        self.scheduler = Scheduler()
        faults = [fault for step in script.steps for run in step.runs for fault in run.faults]
        fails_over = any(fault.do == "failover" for fault in faults)
        self.database = Database(self.scheduler, shared, fails_over=fails_over)
        self.source = Source(script.sends == "events", script.holds)
        self.source.add(script.rows)
        self.accounts: defaultdict[str, Account] = defaultdict(Account)
        self.account = "A"
        self.resources: defaultdict[str, Resource] = defaultdict(Resource)
        self.instance = SimulatedInstance()
        self.runs: list[Ended] = []
        self.must_force = False
        self.worst_outage = 0
        self.excused = False

    def play(self) -> None:
        """Raises AssertionError if anything does not hold."""
        for step in self.script.steps:
            self.do(step)
        self.database.down_until = 0
        self.bring_to_a_good_end()

    def do(self, step: Step) -> None:
        deeds: dict[str, Callable[[], object]] = {
            "run": lambda: self.start(step.runs, step.schedule),
            "change": lambda: self.source.change(step.amount),
            "back": lambda: self.source.change_back(step.amount),
            "add": lambda: self.source.add(step.amount),
            "wait": lambda: self.scheduler.wait(step.amount * HOUR),
            "account": self.change_account,
            "wipe": self.wipe,
            "copy": self.database.keep_copy,
            "put back": self.database.put_back,
        }
        deeds[step.do]()

    def change_account(self) -> None:
        self.account = "B" if self.account == "A" else "A"

    def wipe(self) -> None:
        self.accounts[self.account].wipe()
        self.must_force = True

    def start(self, runs: tuple[Run, ...], schedule: int) -> list[Ended]:
        """Start `runs` and wait for their ends."""
        self.scheduler.reseed(schedule)
        self.worst_outage = 0
        self.database.forget_commits()
        failovers = self.database.failovers
        started = [self.started(run) for run in runs]
        self.scheduler.run(lambda: all(ended.process.is_over for ended in started))
        for ended in started:
            self.look_back_on(ended, failovers)
        return started

    def started(self, run: Run) -> Ended:
        number = len(self.runs) + 1
        root = self.runs[-1].process.root_run_id if run.reexecutes and self.runs else f"run-{number}"
        force = run.force or self.must_force or (run.reexecutes and bool(self.runs) and self.runs[-1].force)
        process = Process(f"run-{number}", root, self.scheduler, run.faults, self.befall)
        settings = AccountSettings("https://simulated", self.account, "secret", MOST_IN_FLIGHT)
        client = SimulatedCleverTap(self.scheduler, process, self.accounts[self.account], settings)
        so_far = SoFar(self.source.is_events)
        ended = Ended(process, so_far, force)
        start = Start(process, self.database, self.resources, client, self.source, force, self.instance)

        def carried_out() -> None:
            if run.delay:
                self.scheduler.pause(run.delay)
            carry_out(start, ended)

        process.start(carried_out)
        self.runs.append(ended)
        return ended

    def befall(self, fault: Fault) -> None:
        if fault.do == "outage":
            self.database.down_until = self.scheduler.now + fault.amount
            self.worst_outage = max(self.worst_outage, fault.amount)
        elif fault.do == "failover":
            self.database.fail_over(fault.amount)

    def look_back_on(self, ended: Ended, failovers: int) -> None:
        """Compare the journal with the report of the run. For a killed run the journal is the report."""
        found = self.database.journal().of_run(ended.process.run_id)
        ended.accepted_by_journal, ended.uncertain_by_journal = found
        if ended.force and ended.process.reached["post"]:
            self.must_force = False
        if isinstance(ended.error, ScopeChanged):
            self.must_force = True
        ended.failed_over = self.database.failovers > failovers
        if ended.failed_over and (ended.was_killed or not self.database.is_noticed):
            ended.forgotten = ended.so_far.staged.counts.staged
        if ended.was_killed or ended.failed_over:
            return
        if isinstance(ended.error, JournalUnavailable) and ended.process.reached["post"]:
            assert self.worst_outage > SHORT_OUTAGE_SECONDS, "a short outage of the journal ended a delivery"
        reported = ended.so_far.delivery
        assert reported.accepted <= found[0], (
            f"{reported.accepted} reported as accepted, {found[0]} in the journal"
        )
        most = reported.accepted + reported.uncertain
        assert found[0] <= most, (
            f"{found[0]} in the journal as accepted, {most} reported as accepted or uncertain"
        )
        if ended.error is None:
            ended.so_far.report.checked()
            assert reported.accepted == found[0]

    def bring_to_a_good_end(self) -> None:
        """Run the import again, as a careful person does and the errors say, until nothing is left to do."""
        well = 0
        for _ in range(MOST_RUNS_TO_THE_END):
            self.scheduler.wait(HOUR)
            (ended,) = self.start((Run(),), 0)
            well = well + 1 if ended.error is None else 0
            if well == WELL_IN_A_ROW:
                return self.check()
            match ended.error:
                case EventsWithheld():
                    self.settle_unanswered()
                case JournalLost():
                    self.repair_journal()
        raise AssertionError(f"no good end after {MOST_RUNS_TO_THE_END} runs: {ended.error}")

    def repair_journal(self) -> None:
        """A person puts the newest journal back. If it lacks nothing, they accept it; otherwise they force.

        No script copies the journal during a run, so it lacks nothing if it has the numbers of Dagster.
        """
        if self.database.put_newest():
            return
        config, engine = self.source.config, self.database.engine
        known, in_dagster = (
            import_state(engine, config.nickname),
            counts_in_dagster(self.instance.real, config.nicknames),
        )
        if known.deliveries < in_dagster.begun or known.ended < in_dagster.ended:
            self.must_force = True
            return
        with engine.begin() as connection:
            accept_lack(
                connection,
                config.nickname,
                in_dagster.begun,
                in_dagster.ended,
                self.database.now().timestamp(),
            )

    def settle_unanswered(self) -> None:
        """A person looks into CleverTap for the events of each batch.

        If a batch arrived in part, neither answer is right: then lost events are excused.
        """
        account = self.accounts[self.account]
        journal, name = self.database.journal(), self.source.config.nickname
        for batch in journal.unanswered(name):
            arrived = account.taken[batch.run_id, batch.batch_number]
            self.excused |= arrived.total() not in (0, batch.records)
            journal.settle_unanswered(name, batch.run_id, batch.batch_number, arrived=bool(arrived))

    def check(self) -> None:
        account = self.accounts[self.account]
        wanted = self.source.wanted
        if not self.source.is_events:
            found = {name: city(line) for name, line in account.profiles.items()}
            old = {name: found.get(name) for name, newest in wanted if found.get(name) != newest}
            assert not old, f"lost, or not the newest: {old}"
            return
        stored = Counter({(person(line), city(line)): count for line, count in account.events.items()})
        missing = wanted - stored
        assert self.excused or not missing, f"lost: {dict(missing)}"
        often = max((arrived.total() for arrived in account.taken.values()), default=0)
        assert often <= MOST_COPIES * RECORDS_PER_REQUEST, f"a batch arrived too often: {often} events"
        surplus = (stored - self.source.ever).total()
        reported = 0 if self.source.holds else sum(map(doubtful, self.runs))
        roots = {ended.process.root_run_id for ended in self.runs if ended.force}
        most = reported + len(roots) * wanted.total()
        assert surplus <= most, (
            f"{surplus} surplus copies, {reported} reported as possible, {len(roots)} forced"
        )


def doubtful(ended: Ended) -> int:
    """How many copies a run may have made, by its report; for a killed run, by the journal.

    If a failover lost the last entries of a run that had ended or was killed, nobody can know what it sent.
    """
    if ended.was_killed:
        return ended.uncertain_by_journal * MOST_COPIES + ended.forgotten
    return ended.so_far.delivery.possible_duplicates + ended.so_far.delivery.uncertain + ended.forgotten


def person(line: bytes) -> str:
    return str(json.loads(line)["identity"])


def city(line: bytes) -> str:
    record = json.loads(line)
    return str((record.get("profileData") or record["evtData"])["City"])


def fault_of(script: Script, shared: SharedEngine) -> str | None:
    """Play `script`; returns the rule that it breaks, or None."""
    try:
        Simulation(script, shared).play()
    except AssertionError as error:
        return str(error) or "an assertion"
    return None
