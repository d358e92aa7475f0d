"""Who sends the batches of a delivery: as many threads as requests may be in flight."""

from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Protocol, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Senders(Protocol):
    """Carries out calls beside each other. As a context, it ends when all that it was given has ended."""

    def __enter__(self) -> "Senders": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None: ...

    def submit(self, call: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        """Carry out `call` as soon as one of the senders is free."""

    def shutdown(self, *, cancel_futures: bool = False) -> None:
        """Take nothing more, and wait for the end of what was begun; `cancel_futures`: begin nothing more."""

    def first_done(self, calls: Collection[Future[Result]]) -> set[Future[Result]]:
        """Wait until at least one of `calls` has ended; all of them that have."""


class SendingThreads(ThreadPoolExecutor):
    """Senders that are threads."""

    def __init__(self, most: int) -> None:
        super().__init__(most, thread_name_prefix="clevertap")

    def first_done(self, calls: Collection[Future[Result]]) -> set[Future[Result]]:
        return wait(calls, return_when=FIRST_COMPLETED).done
