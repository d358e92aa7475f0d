"""How long the connector tries a request again."""

import pytest
from snowflake.connector.errors import OperationalError

from clevertap_import.snowflake.retries import LONGEST_PAUSE, retry_pauses


def test_a_request_is_made_again_at_once_then_more_and_more_rarely() -> None:
    pauses = retry_pauses(600, clock=lambda: 0.0)()
    assert [next(pauses) for _ in range(8)] == [0, 1, 3, 7, 15, 16, 16, 16]


@pytest.mark.parametrize("seconds", [0, 1, 60, 600])
def test_a_request_is_given_up_when_its_time_is_over(seconds: int) -> None:
    now = [1000.0]
    pauses = retry_pauses(seconds, clock=lambda: now[0])()

    def attempts() -> None:
        for pause in pauses:
            now[0] += pause

    with pytest.raises(OperationalError, match=f"No usable answer came in {seconds} seconds"):
        attempts()
    assert seconds <= now[0] - 1000 < seconds + LONGEST_PAUSE


def test_each_request_has_its_own_time() -> None:
    now = [0.0]
    policy = retry_pauses(10, clock=lambda: now[0])
    next(policy())
    now[0] = 100
    later = policy()
    assert [next(later), next(later)] == [0, 1]


def test_it_says_what_the_last_attempt_ended_with() -> None:
    pauses = retry_pauses(0)()
    next(pauses)

    def attempt() -> None:
        try:
            raise RuntimeError(ValueError("Connection refused"))
        except RuntimeError:
            next(pauses)

    with pytest.raises(OperationalError, match=r"The last attempt ended with: Connection refused"):
        attempt()
