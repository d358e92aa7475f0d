"""The outcomes of one POST. Each class says what may be done next; there are no others."""

from dataclasses import dataclass

MAX_REASON_CHARS = 200
"""The limit for CleverTap's texts that are stored and shown."""


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """One record that CleverTap did not accept: its 0-based place in the batch, the code and the text."""

    index: int
    code: str
    reason: str

    @property
    def is_final(self) -> bool:
        """555 is a temporary fault of CleverTap; other codes do not change later (API errors page)."""
        return self.code != "555"


@dataclass(frozen=True, slots=True)
class Accepted:
    """CleverTap read the batch and accepted all records except `problems`. No record may be sent again."""

    processed: int
    problems: tuple[RecordProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Busy:
    """No record was stored. Send the same batch again after a wait.

    `is_answered`: CleverTap itself said so (HTTP 429), so it works; otherwise no byte left this machine.
    """

    reason: str
    is_answered: bool = True


@dataclass(frozen=True, slots=True)
class NothingTaken:
    """CleverTap answered that it stored none of the records, and named no cause. Send the same batch
    again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No record was stored, and no later request will succeed: stop the run, unless the body may be
    malformed.

    `status` is the HTTP status.
    """

    status: int
    reason: str

    @property
    def is_malformed(self) -> bool:
        """Whether the answer is about this body: one record of it may be malformed, or none.

        CleverTap's own loader retries profiles after this answer, so it also comes without a cause.
        """
        return self.status == 400 and "malformed" in self.reason.lower()


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The records may be stored. Profiles sent again give the same result; events may be stored twice."""

    reason: str


Outcome = Accepted | Busy | NothingTaken | Refused | Uncertain


@dataclass(frozen=True, slots=True)
class TooManyFailures:
    """Not an outcome of one POST: too many in a row failed, so no more are sent."""

    posts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Not an outcome of a POST: nothing more is sent because of `error` on our side; None if asked to end."""

    error: Exception | None = None


Stop = Outcome | TooManyFailures | Ended
"""Why records have no final outcome."""
