"""Waits that take no time: an account whose patience sleeps by a clock of the test's own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from clevertap_import.clevertap.batch_sender import RetryPolicy
from clevertap_import.clevertap.client import REQUEST_SECONDS, AccountSettings
from clevertap_import.orchestration.resources import CleverTapAccount, account_key, clevertap_account
from clevertap_import_tests.testing.workshop import Workshop


@dataclass
class VirtualTime:
    """The seconds that were slept, and the actions at the first sleep or after a number of seconds."""

    seconds: float = 0.0
    at_first_wait: list[Callable[[], object]] = field(default_factory=list)
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    dice: Random = field(default_factory=lambda: Random(0))  # noqa: S311
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.seconds += seconds
            while self.at_first_wait:
                self.at_first_wait.pop(0)()
            while self.later and self.later[0][0] <= self.seconds:
                self.later.pop(0)[1]()


def with_virtual_time(workshop: Workshop, request_seconds: float = REQUEST_SECONDS) -> VirtualTime:
    """From now on the deliveries of `workshop` wait by the clock that is returned.

    `request_seconds`: how long a request may take, which cannot be virtual.
    """
    time = VirtualTime()

    class PatientAccount(CleverTapAccount):
        def retry_policy(self) -> RetryPolicy:
            return replace(super().retry_policy(), sleep=time.sleep, dice=time.dice.random)

        def settings(self) -> AccountSettings:
            return replace(super().settings(), request_seconds=request_seconds)

    usual = clevertap_account(workshop.name)
    fields = {name: getattr(usual, name) for name in CleverTapAccount.model_fields}
    workshop.resources[account_key(workshop.name)] = PatientAccount(**fields)
    return time
