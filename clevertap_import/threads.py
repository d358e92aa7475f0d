"""Calls in threads that an interrupted process leaves behind: of CleverTap, and of Snowflake's connector."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Senders(Protocol):
    """Carries out calls beside each other. As a context, it leaves behind what has not ended by its end."""

    def __enter__(self) -> "Senders": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None: ...

    def submit(self, call: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        """Carry out `call` as soon as one of the senders is free."""

    def first_done(self, calls: Collection[Future[Result]], seconds: float) -> set[Future[Result]]:
        """Wait until at least one of `calls` has ended, or for `seconds`; all of them that have ended."""


class DaemonThreads:
    """Senders that are daemon threads. Python's own pool keeps a process until the last has ended."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[Any], Any], Any] | None] = SimpleQueue()

    def __enter__(self) -> "DaemonThreads":
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._calls.put(None)

    def submit(self, call: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        future: Future[Result] = Future()
        self._calls.put((future, call, argument))
        if len(self._threads) < self._most:
            self._threads.append(threading.Thread(target=self._work, name="clevertap", daemon=True))
            self._threads[-1].start()
        return future

    def first_done(self, calls: Collection[Future[Result]], seconds: float) -> set[Future[Result]]:
        return wait(calls, timeout=max(0.0, seconds), return_when=FIRST_COMPLETED).done

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            future, call, argument = given
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call(argument))
            except BaseException as error:
                future.set_exception(error)
            del given, future, argument


def in_own_thread(call: Callable[[], Result]) -> Result:
    """What `call` gives, in a thread of its own: an interrupt of this one leaves it behind at once."""
    with DaemonThreads(1) as threads:
        return threads.submit(lambda _: call(), None).result()
