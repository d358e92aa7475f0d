"""Faults of the fake CleverTap, at moments that a test chooses.

A call number counts the accepted calls to one endpoint: authenticated, and with a slot.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from clevertap_import.sandbox.clevertap.rules import Refusal, refusal

FaultKind = Literal[
    "status",
    "passcode_rotated",
    "malformed",
    "html",
    "empty",
    "nothing_taken",
    "truncated",
    "timeout",
    "reset",
    "slow",
    "drip",
    "endless_headers",
    "endless_continue",
    "endless_body",
    "gzip_bomb",
    "reject",
]
STATUS_WORDS = {
    400: "Malformed request",
    401: "Passcode Invalid",
    429: "Too many concurrent requests",
    500: "An unknown error occurred",
    503: "Service unavailable, please try again later",
}
# By default an answer is lost or cut after the batch was stored: the ambiguous outcome.
APPLIED_BY_DEFAULT = frozenset(
    {
        *("truncated", "timeout", "reset", "slow"),
        *("drip", "endless_headers", "endless_continue", "endless_body", "gzip_bomb"),
    }
)


class Fault(BaseModel):
    """One fault: what goes wrong, and for which calls.

    `call`, `from_call`, `identities` and `dry_run` select the calls; without them it is the next call.
    `times` is the number of calls that get it, None for all. With `share` a seeded random draw decides per
    call. `echoes`: the error text repeats the first record. A `reject` refuses single records instead: those
    of `identities` (all if empty), on their first `attempts` tries. `numbered`: each time with another text.
    `late`: the batch is stored after all, as soon as this number of other batches was stored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    on: Literal["upload", "profile"] = "upload"
    call: int | None = Field(default=None, ge=1)
    from_call: int | None = Field(default=None, ge=1)
    identities: tuple[str, ...] = ()
    dry_run: bool | None = None
    times: int | None = Field(default=1, ge=1)
    share: float = Field(default=1, gt=0, le=1)
    status: int = 500
    error: str | None = None
    echoes: bool = False
    numbered: bool = False
    applied: bool | None = None
    late: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=600, gt=0)
    code: int = 555
    attempts: int | None = Field(default=None, ge=1)

    @property
    def is_applied(self) -> bool:
        """Whether the batch is stored although its answer is broken."""
        if self.late:
            return False
        if self.applied is None or self.kind == "slow":
            return self.kind in APPLIED_BY_DEFAULT
        return self.applied

    @property
    def words(self) -> str:
        """The error text of a whole-request failure."""
        return self.error if self.error is not None else STATUS_WORDS.get(self.answer_status, "Failed")

    def about(self, records: Sequence[object]) -> "Fault":
        """The fault of a request with these records."""
        if not self.echoes:
            return self
        said = json.dumps(records[0], ensure_ascii=False, separators=(",", ":"))
        return self.model_copy(update={"error": f"{self.words}: {said}"})

    @property
    def answer_status(self) -> int:
        """The HTTP status of a whole-request failure."""
        return {
            "passcode_rotated": 401,
            "malformed": 400,
            "html": 502,
            "empty": 200,
            "nothing_taken": 200,
        }.get(self.kind, self.status)

    def applies_to(self, call: int, identities: Iterable[str | None], *, is_dry_run: bool) -> bool:
        """Whether the fault applies to a call with these identities."""
        if self.dry_run not in (None, is_dry_run):
            return False
        if self.call is not None and call != self.call:
            return False
        if self.from_call is not None and call < self.from_call:
            return False
        return not self.identities or not set(self.identities).isdisjoint(identities)


class FaultPlan:
    """The faults that are still to come, in the order in which they were added."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []
        self._given: Counter[int] = Counter()
        self._tries: Counter[tuple[int, str | None]] = Counter()

    def add(self, faults: Iterable[Fault]) -> None:
        """Add faults; earlier ones come first."""
        self.pending += faults

    def take(
        self, on: str, call: int, identities: Sequence[str | None], seed: int, *, is_dry_run: bool = False
    ) -> Fault | None:
        """The first fault for this call, which uses it up."""
        for index, fault in enumerate(self.pending):
            if fault.kind == "reject" or fault.on != on or not self._is_left(index):
                continue
            if fault.applies_to(call, identities, is_dry_run=is_dry_run) and _is_drawn(
                fault, index, call, seed
            ):
                self._given[index] += 1
                return fault
        return None

    def rejected(self, identity: str | None, *, is_dry_run: bool = False) -> Refusal | None:
        """The refusal for this record, if any; each call is one try."""
        for index, fault in enumerate(self.pending):
            if fault.kind != "reject" or (fault.identities and identity not in fault.identities):
                continue
            if fault.dry_run not in (None, is_dry_run):
                continue
            self._tries[index, identity] += 1
            if fault.attempts is None or self._tries[index, identity] <= fault.attempts:
                number = f" ({sum(self._tries.values())})" if fault.numbered else ""
                return refusal(fault.code, f"{fault.error}{number}" if number else fault.error)
        return None

    @property
    def rejects_records(self) -> bool:
        """Whether any single records are refused."""
        return any(fault.kind == "reject" for fault in self.pending)

    def _is_left(self, index: int) -> bool:
        # A rotated passcode stays rotated: only `times` can end it, and its default is no end.
        fault = self.pending[index]
        if fault.kind == "passcode_rotated" and "times" not in fault.model_fields_set:
            return True
        return fault.times is None or self._given[index] < fault.times


def _is_drawn(fault: Fault, index: int, call: int, seed: int) -> bool:
    # Drawn from the call number, so that the order of the ends of calls does not change the result.
    return fault.share == 1 or Random(f"{seed}/{index}/{call}").random() < fault.share  # noqa: S311
