"""The ways from rows to CleverTap that are compared: each a program of its own, with its number of rows."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv-peers"
RECORDS_PER_REQUEST = 1000
MAX_IN_FLIGHT = 15


@dataclass(frozen=True, slots=True)
class Way:
    """`share`: it gets one row in `share`. `in_flight`: the most requests that it has on the way at once."""

    name: str
    label: str
    module: str
    share: int = 1
    in_flight: int = MAX_IN_FLIGHT
    is_peer: bool = False

    @property
    def python(self) -> str:
        return str(PEERS / "bin" / "python") if self.is_peer else sys.executable

    @property
    def is_ours(self) -> bool:
        return self.name in (ARROW, SNOWFLAKE)

    def rows(self, rows: int, latency_ms: float, seconds: float) -> int:
        """How many of `rows`: its share, and no more than CleverTap takes in `seconds`.

        Ways that are not ours get half of these. With a latency, whole rounds of requests: a last round with
        few in flight would hide the rate.
        """
        wanted = max(1, rows // self.share)
        if not latency_ms:
            return wanted
        a_round = self.in_flight * RECORDS_PER_REQUEST
        allowed = seconds if self.is_ours else seconds / 2
        rounds = min(wanted // a_round, int(allowed * 1000 / latency_ms))
        return max(1, rounds) * a_round if wanted >= a_round else wanted


ARROW, SNOWFLAKE = "arrow", "snowflake"

WAYS = (
    Way(ARROW, "ours, from Arrow batches", "ours"),
    Way(SNOWFLAKE, "ours, from the local Snowflake", "ours_from_snowflake", share=2),
    Way("plain", "pandas, json, 15 threads", "plain", share=8),
    Way("orjson", "pandas, orjson, 15 threads", "plain_orjson", share=8, is_peer=True),
    Way("dlt", "dlt, rows, typed-jsonl", "dlt_rows", share=10, is_peer=True),
    Way("dlt-arrow", "dlt, Arrow, parquet", "dlt_arrow", share=10, is_peer=True),
    Way("drt", "drt, batches of 1,000", "drt_sync", share=20, in_flight=1, is_peer=True),
    Way("drt-large", "drt, batches of 10,000", "drt_large", share=20, in_flight=1, is_peer=True),
)


def has_peers() -> bool:
    """Whether the peers' environment was set up to its end."""
    return (PEERS / "ready").exists()


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """That of this process, with this package to be found, and `more`."""
    return {**os.environ, **more, "PYTHONPATH": str(ROOT)}
