"""Calls in threads that do not block the end of an interrupted process: to CleverTap, and to Snowflake."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Senders(Protocol):
    """Runs calls at the same time. As a context manager, it does not wait at its end for calls that still
    run."""

    def __enter__(self) -> "Senders": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None: ...

    def submit(self, call: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        """Run `call` as soon as one of the threads is free."""

    def first_done(self, calls: Collection[Future[Result]], seconds: float) -> set[Future[Result]]:
        """Wait until at least one of `calls` has ended, or for `seconds`; returns all that have ended."""


class DaemonThreads:
    """Senders that are daemon threads. Python's own pool blocks the end of a process until all have ended."""

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
    """The result of `call`, which runs in its own thread: an interrupt of this thread does not wait for
    it."""
    with DaemonThreads(1) as threads:
        return threads.submit(lambda _: call(), None).result()
