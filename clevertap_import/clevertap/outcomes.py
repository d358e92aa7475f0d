"""What became of one POST. Each class says what may be done next; there are no others."""

from dataclasses import dataclass

MAX_REASON_CHARS = 200
"""Of CleverTap's words that are kept and shown."""


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """One record that CleverTap did not take: its 0-based place in the batch, the code and the text."""

    index: int
    code: str
    reason: str

    @property
    def is_final(self) -> bool:
        """555 is CleverTap's own passing fault; other codes will be the same tomorrow (API errors page)."""
        return self.code != "555"


@dataclass(frozen=True, slots=True)
class Accepted:
    """CleverTap read the batch and took all records but `problems`. Nothing of it may be sent again."""

    processed: int
    problems: tuple[RecordProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was taken. Send the same batch again after a wait.

    `is_answered`: CleverTap said so itself (HTTP 429), so it is alive; else nothing left this machine.
    """

    reason: str
    is_answered: bool = True


@dataclass(frozen=True, slots=True)
class NothingTaken:
    """CleverTap answered that it took none of the records, and blames none of them. Send the same again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was taken, and nothing else will be: stop the run, unless the body may be at fault.

    `status` is the HTTP status.
    """

    status: int
    reason: str

    @property
    def is_malformed(self) -> bool:
        """Whether it is about this body: one record of it may be at fault, or none.

        CleverTap's own loader repeats profiles on these words, so they also come without a cause.
        """
        return self.status == 400 and "malformed" in self.reason.lower()


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may have been taken. Profiles sent again give the same result; events may be there once more."""

    reason: str


Outcome = Accepted | Busy | NothingTaken | Refused | Uncertain


@dataclass(frozen=True, slots=True)
class TooManyFailures:
    """No outcome of one POST: so many in a row came to nothing that no more are sent."""

    posts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """No outcome of a POST: nothing more is sent because of `error` on our side; None if asked to end."""

    error: Exception | None = None


Stop = Outcome | TooManyFailures | Ended
"""Why records were left without an outcome that can stand."""
