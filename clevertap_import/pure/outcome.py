"""What became of one POST. Each class says what may be done next; there are no others."""

from dataclasses import dataclass


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
    """Nothing was taken. Send the same batch again after a wait."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was taken, and nothing else will be. Stop the run. `status` is the HTTP status."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may have been taken. Profiles sent again give the same result; events might be stored twice."""

    reason: str


Outcome = Accepted | Busy | Refused | Uncertain
