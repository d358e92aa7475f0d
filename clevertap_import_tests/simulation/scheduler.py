"""Any number of tasks in one thread, and one clock. The scheduler alone decides which task goes on next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from greenlet import getcurrent, greenlet

Condition = Callable[[], bool]


class Killed(BaseException):
    """The process of this task was killed: it does nothing more, not even in its `finally` blocks."""


class Stuck(AssertionError):
    """All tasks wait for each other."""


class Owner(Protocol):
    """The owner of a task. `is_dead`: it was killed."""

    is_dead: bool


@dataclass(eq=False)
class Task:
    """A call that may pause at any depth."""

    owner: Owner
    fiber: greenlet
    due: float = 0.0
    goes_on: Condition = lambda: True
    interrupts: list[BaseException] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.fiber.dead)


class Scheduler:
    """Runs one task at a time until it pauses. A seed chooses the next one; with 0 it is the oldest."""

    def __init__(self) -> None:
        self.now = 0.0
        self.dice: Random | None = None
        self.tasks: list[Task] = []
        self.hub = getcurrent()

    def reseed(self, seed: int) -> None:
        self.dice = Random(seed) if seed else None  # noqa: S311

    @property
    def found(self) -> Task | None:
        """The task that asks; None outside of tasks."""
        fiber = getcurrent()
        return next((task for task in self.tasks if task.fiber is fiber), None)

    @property
    def current(self) -> Task:
        task = self.found
        assert task
        return task

    def start(self, owner: Owner, call: Callable[[], object]) -> Task:
        """Make `call` a task. It begins when the scheduler chooses it, and may raise no error but Killed."""

        def guarded() -> None:
            try:
                call()
            except Killed:
                return

        task = Task(owner, greenlet(guarded, self.hub), self.now)
        self.tasks.append(task)
        return task

    def pause(self, seconds: float = 0.0, goes_on: Condition = lambda: True) -> None:
        """Let others go on for at least `seconds`, and until the condition is true."""
        task = self.current
        if task.owner.is_dead:
            raise Killed
        task.due, task.goes_on = self.now + seconds, goes_on
        self.hub.switch()
        if task.owner.is_dead:
            raise Killed
        if task.interrupts:
            raise task.interrupts.pop(0)

    def run(self, until: Condition) -> None:
        """Let tasks go on until the condition is true. Time passes only while no task can go on."""
        while not until():
            self.bury()
            ready = [task for task in self.tasks if self.can_go_on(task)]
            if ready:
                (self.dice.choice(ready) if self.dice else ready[0]).fiber.switch()
                continue
            later = [task.due for task in self.tasks if task.due > self.now]
            if not later:
                raise Stuck(f"{len(self.tasks)} tasks wait for each other")
            self.now = min(later)
        self.bury()

    def can_go_on(self, task: Task) -> bool:
        return task.due <= self.now and (bool(task.interrupts) or task.goes_on())

    def bury(self) -> None:
        """End the tasks of killed processes, and forget the tasks that are over."""
        for task in list(self.tasks):
            # One that has not begun has nothing to end.
            if task.owner.is_dead and task.fiber:
                task.fiber.throw(Killed)
        self.tasks = [task for task in self.tasks if not task.is_over and not task.owner.is_dead]

    def wait(self, seconds: float) -> None:
        """Let this time pass, with all that happens in it. Only for callers outside of tasks."""
        end = self.now + seconds
        clock = self.start(Bystander(), lambda: self.pause(seconds))
        self.run(lambda: clock.is_over)
        self.now = max(self.now, end)


class Bystander:
    """An owner that is never killed."""

    is_dead = False
