"""Divides a limited capacity fairly, and reduces the number of requests after a "too many"."""

from collections.abc import Sequence


def fair_shares(capacity: int, wanted: Sequence[int]) -> list[int]:
    """How much of `capacity` each gets. Nobody gets more than it asked for; equal requests get equal shares.

    A remainder goes to the first ones.
    """
    shares = [0] * len(wanted)
    left = capacity
    hungry = [place for place, count in enumerate(wanted) if count > 0]
    while left and hungry:
        each, rest = divmod(left, len(hungry))
        for place in hungry if each else hungry[:rest]:
            more = min(each or 1, wanted[place] - shares[place])
            shares[place] += more
            left -= more
        hungry = [place for place in hungry if shares[place] < wanted[place]]
    return shares


class Throttle:
    """The number of requests in flight that the server accepts: half after a "too many", then one more per
    round.

    `full` is the normal number. Not thread safe.
    """

    def __init__(self, full: int) -> None:
        self.full = full
        self.width = full
        self._taken = 0
        self._sent_before = 0

    def busy(self, in_flight: int) -> None:
        """One of `in_flight` requests was answered "too many". Those sent together with it count once."""
        if self._sent_before:
            self._sent_before -= 1
            return
        self.width = max(1, min(self.width, in_flight) // 2)
        self._sent_before = in_flight - 1
        self._taken = 0

    def taken(self) -> None:
        """CleverTap accepted one request."""
        self._sent_before = max(0, self._sent_before - 1)
        self._taken += 1
        if self.width < self.full and self._taken >= self.width:
            self.width += 1
            self._taken = 0
