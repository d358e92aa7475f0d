"""A process of the simulation: the points that it reaches, the faults that come there, and its senders."""

from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from dagster import DagsterExecutionInterruptedError

from clevertap_import.journal.ending import Ending
from clevertap_import_tests.simulation.scheduler import Killed, Scheduler, Task
from clevertap_import_tests.simulation.script import Fault, Point

Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(eq=False)
class Process:
    """One run of the import, with its tasks. `befall` carries out faults of the world around it."""

    run_id: str
    root_run_id: str
    scheduler: Scheduler
    faults: tuple[Fault, ...]
    befall: Callable[[Fault], None]
    is_dead: bool = False
    main: Task | None = None
    stored: int = 0
    posts: int = 0
    reached: Counter[Point] = field(default_factory=Counter)
    on_kill: list[Callable[[], None]] = field(default_factory=list)
    ending: Ending | None = None

    def start(self, call: Callable[[], object]) -> None:
        self.main = self.scheduler.start(self, call)

    @property
    def is_over(self) -> bool:
        return self.is_dead or self.main is None or self.main.is_over

    def reach(self, point: Point) -> Fault | None:
        """Let others go on, then carry out the fault that the script has for this point. Returns it.

        Before a commit the others wait: while one transaction writes, SQLite lets no other write.
        """
        if point != "commit":
            self.scheduler.pause()
        self.reached[point] += 1
        number = self.reached[point]
        fault = next((each for each in self.faults if is_at(each, point, number)), None)
        if fault is None:
            return None
        if fault.do == "kill":
            self.kill()
        elif fault.do == "interrupt":
            self.interrupt()
        self.befall(fault)
        return fault

    def kill(self) -> None:
        self.is_dead = True
        for end in self.on_kill:
            end()
        raise Killed

    def interrupt(self) -> None:
        """Ask a delivery to end. Outside of a delivery, raise an exception at any line of the main thread."""
        if self.ending is not None:
            self.ending.request()
            return
        error = DagsterExecutionInterruptedError()
        if self.main and self.scheduler.current is not self.main:
            self.main.interrupts.append(error)
        else:
            raise error

    def senders(self, most: int) -> "SendingTasks":
        return SendingTasks(self, most)


def is_at(fault: Fault, point: Point, number: int) -> bool:
    return fault.at == point and fault.number <= number < fault.number + fault.times


class SendingTasks:
    """Senders that are tasks of the scheduler."""

    def __init__(self, process: Process, most: int) -> None:
        self.process = process
        self.most = most
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.busy = 0

    def __enter__(self) -> "SendingTasks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.process.scheduler.pause(goes_on=lambda: not self.busy)

    def submit(self, call: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        future: Future[Result] = Future()
        self.waiting.append((future, lambda: call(argument)))
        if self.busy < self.most:
            self.busy += 1
            self.process.scheduler.start(self.process, self.work)
        return future

    def work(self) -> None:
        try:
            while self.waiting:
                future, call = self.waiting.pop(0)
                if future.set_running_or_notify_cancel():
                    carry_out(future, call)
        finally:
            self.busy -= 1

    def first_done(self, calls: Collection[Future[Result]], seconds: float) -> set[Future[Result]]:
        """Wait until a call is done, or until the process is asked to end."""
        ending = self.process.ending
        was_requested = ending is not None and ending.is_requested

        def goes_on() -> bool:
            is_requested = ending is not None and ending.is_requested
            return any(call.done() for call in calls) or (is_requested and not was_requested)

        if seconds > 0:
            self.process.scheduler.pause(goes_on=goes_on)
        return {call for call in calls if call.done()}


def carry_out(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        result = call()
    except Killed:
        raise
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
