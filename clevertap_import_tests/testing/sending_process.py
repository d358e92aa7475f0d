"""A process that delivers events of an import, as a run does after its stage: journal, locks and gate.

Arguments: the journal's URL, CleverTap's URL, the account's id and passcode, its requests in flight, the
import's name, how many batches, and how many records each. It reports its steps in lines of JSON.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence

from clevertap_import.clevertap.account_limiter import under, upload_limiter
from clevertap_import.clevertap.batch_sender import BatchSender, RetryPolicy
from clevertap_import.clevertap.client import AccountSettings, CleverTap
from clevertap_import.clevertap.delivery import Deliverer, Delivery, stop_reason
from clevertap_import.errors import CleverTapImportError
from clevertap_import.journal.import_lock import import_lock, run_lock
from clevertap_import.journal.journal import Journal
from clevertap_import.journal.locks import open_locks
from clevertap_import.records import Batch, Rejection
from clevertap_import_tests.testing.builders import events

BEGAN = time.monotonic()


def report(**facts: object) -> None:
    sys.stdout.write(json.dumps({**facts, "seconds": round(time.monotonic() - BEGAN, 2)}) + "\n")
    sys.stdout.flush()


def batches(name: str, count: int, size: int) -> Iterator[Batch]:
    for number in range(count):
        identities = (f"{name}-{number}-{place}" for place in range(size))
        yield events(*identities, name=name, number=number)


def ignored(_: Sequence[Rejection]) -> None:
    """CleverTap takes all of these events."""


def sent(delivery: Delivery) -> None:
    report(sent=delivery.settled)


def deliver(journal: Journal, settings: AccountSettings, name: str, count: int, size: int) -> Delivery:
    run_id, purpose = f"run-of-{name}", f"Run of {name!r}"
    with (
        open_locks(journal.engine) as locks,
        run_lock(locks, run_id, name),
        import_lock(locks, name, purpose, lambda others: report(waits_for=others)) as lock,
        upload_limiter(locks, settings, count, purpose) as limiter,
    ):
        report(locked=name)
        journal.import_lock = lock
        attempts = BatchSender(
            limiter.upload(under(lock, CleverTap(settings).post)), RetryPolicy(), resends=None
        )
        deliverer = Deliverer(
            journal, attempts, name, run_id, lambda: limiter.width, settings.max_in_flight, ignored, sent
        )
        delivery = deliverer.deliver(batches(name, count, size))
    if stopped := stop_reason(delivery):
        raise stopped
    return delivery


def main() -> None:
    journal_url, url, account_id, passcode, most, name, count, size = sys.argv[1:]
    settings = AccountSettings(url, account_id, passcode, int(most))
    try:
        with Journal(journal_url) as journal:
            delivery = deliver(journal, settings, name, int(count), int(size))
    except CleverTapImportError as error:
        report(error=f"{type(error).__name__}: {error}")
        sys.exit(1)
    report(accepted=delivery.accepted)


if __name__ == "__main__":
    main()
