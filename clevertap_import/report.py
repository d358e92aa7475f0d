"""The counts of a run. They add up, or the run fails."""

from dataclasses import dataclass, fields
from fractions import Fraction

from clevertap_import.errors import Unfinished


class CountsDisagree(Unfinished):
    """A row that was read has no outcome, or two."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of every row that a run read; each row is in exactly one count.

    accepted: CleverTap accepted it. unchanged: CleverTap had it already. invalid: our checks rejected it.
    rejected: CleverTap refused it. uncertain: it was sent, and the answer was lost. superseded: a newer row
    of the same identity was read, or was delivered before.
    """

    read: int = 0
    accepted: int = 0
    unchanged: int = 0
    invalid: int = 0
    rejected: int = 0
    uncertain: int = 0
    superseded: int = 0

    @property
    def successful(self) -> int:
        return self.accepted + self.unchanged

    @property
    def failed(self) -> int:
        return self.invalid + self.rejected + self.uncertain

    @property
    def health_percent(self) -> float | None:
        """Successful rows in percent of all rows that count; None if there are none."""
        total = self.successful + self.failed
        if not total:
            return None
        # Rounded down: 100 must mean that no row failed.
        return int(10_000 * self.successful / total) / 100

    @property
    def accounted(self) -> int:
        return self.successful + self.failed + self.superseded

    def checked(self) -> "Report":
        """This report, if its counts add up; otherwise raises CountsDisagree."""
        if self.read != self.accounted or any(getattr(self, field.name) < 0 for field in fields(self)):
            raise CountsDisagree(
                f"{self.read:,} rows were read, but {self.accounted:,} are accounted for: {self}."
            )
        return self


def is_over(part: int, whole: int, percent: float) -> bool:
    """Whether `part` is more than `percent` of `whole`: exactly, for the decimal number that people write."""
    return 100 * part > Fraction(str(percent)) * whole


def health_state(health_percent: float | None, *, has_run: bool = True, finished: bool = True) -> str:
    """The word beside the percentage: green, yellow, red, no_data, failed or none.

    The limits are those of CleverTap's Import Center; it shows the last three as one blank.
    """
    if not has_run:
        return "none"
    if not finished:
        return "failed"
    if health_percent is None:
        return "no_data"
    if health_percent >= 100:
        return "green"
    return "yellow" if health_percent >= 50 else "red"
