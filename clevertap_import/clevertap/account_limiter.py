"""The request limiter of one CleverTap account: each request needs one of the account's slots."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from xxhash import xxh3_64_hexdigest, xxh3_128_hexdigest

from clevertap_import.clevertap.client import MAX_LOOKUPS_IN_FLIGHT, AccountSettings
from clevertap_import.clevertap.fair_share import Throttle
from clevertap_import.clevertap.outcomes import Accepted, Busy, Outcome
from clevertap_import.clevertap.request_limiter import RequestLimiter, request_limiter
from clevertap_import.journal.import_lock import ImportLock
from clevertap_import.journal.locks import NamedLocks
from clevertap_import.records import Batch

A = TypeVar("A")
B = TypeVar("B")


class AccountLimiter:
    """A share of an account's requests in flight. After CleverTap's "too many" it is smaller for a while."""

    def __init__(self, limiter: RequestLimiter) -> None:
        self.limiter = limiter
        self._throttle = Throttle(limiter.capacity)
        self._lock = threading.Lock()

    @property
    def width(self) -> int:
        """How many requests may be in flight now; at least one."""
        return max(1, min(self.limiter.share, self._throttle.width))

    def upload(
        self, send: Callable[[Batch], Outcome], check: Callable[[], None] = lambda: None
    ) -> Callable[[Batch], Outcome]:
        """`send` that waits for a slot. `check` is called while it waits; if `check` raises, the wait
        ends."""

        def width() -> int:
            check()
            return self._throttle.width

        def limited_send(batch: Batch) -> Outcome:
            with self.limiter.one(width) as in_flight:
                outcome = send(batch)
            with self._lock:
                if isinstance(outcome, Busy) and outcome.is_answered:
                    self._throttle.busy(in_flight)
                elif isinstance(outcome, Accepted):
                    self._throttle.taken()
            return outcome

        return limited_send

    def ask(self, question: Callable[[A], B]) -> Callable[[A], B]:
        """`question` that waits for a slot."""

        def limited(about: A) -> B:
            with self.limiter.one():
                return question(about)

        return limited


@contextmanager
def upload_limiter(
    locks: NamedLocks, settings: AccountSettings, wanted: int, purpose: str
) -> Iterator[AccountLimiter]:
    """For uploads, dry runs included; `wanted` is the most requests in flight that are useful."""
    capacity = settings.max_in_flight
    resource = f"uploads {account_digest(settings)}"
    with request_limiter(locks, resource, capacity, max(1, min(wanted, capacity)), purpose) as limiter:
        yield AccountLimiter(limiter)


@contextmanager
def lookup_limiter(locks: NamedLocks, settings: AccountSettings, purpose: str) -> Iterator[AccountLimiter]:
    """For profile look-ups, which CleverTap counts separately."""
    resource, most = f"lookups {account_digest(settings)}", MAX_LOOKUPS_IN_FLIGHT
    with request_limiter(locks, resource, most, most, purpose) as limiter:
        yield AccountLimiter(limiter)


def account_digest(settings: AccountSettings) -> str:
    """The same for all users of the account, for any name and address of it; it does not reveal the account's
    id."""
    return xxh3_64_hexdigest(settings.account_id.encode())


PORTS = {"http": 80, "https": 443}
"""The default ports of addresses without a port."""


def destination(settings: AccountSettings) -> str:
    """The account and its address. A server elsewhere may not have the same records of an account.

    It is the same for all spellings of the address, and does not reveal the account's id.
    """
    address = urlsplit(settings.url)
    scheme = address.scheme.lower()
    port = address.port or PORTS.get(scheme)
    place = f"{scheme}://{address.hostname}:{port}{address.path.rstrip('/')}"
    return xxh3_128_hexdigest(f"{settings.account_id}\n{place}".encode())


def under(lock: ImportLock, send: Callable[[Batch], Outcome]) -> Callable[[Batch], Outcome]:
    """`send`, while this run has the import lock. Raises ImportLockLost or JournalUnavailable."""

    def limited_send(batch: Batch) -> Outcome:
        lock.check()
        return send(batch)

    return limited_send
