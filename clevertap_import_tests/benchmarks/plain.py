"""The usual script, to compare with: pandas rows as dicts, json, requests in 15 threads.

It has no checks and no journal.
"""

import calendar
import json
import sys
import threading
import time
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import requests

from .counting_server import counted
from .process import CLIENT_CORE, Measured, client_arguments, cpu_seconds, peak_mib, pin_to_core
from .rows import IDENTITY_COLUMN, PROPERTIES, Rows

THREADS = 15
RECORDS_PER_REQUEST = 1000
OWN = threading.local()


def as_json(value: object) -> object:
    """What json does not know by itself."""
    if isinstance(value, datetime):
        return f"$D_{int(value.timestamp())}"
    if isinstance(value, date):
        return f"$D_{calendar.timegm(value.timetuple())}"
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


def record(row: dict[Hashable, Any]) -> dict[str, object]:
    # A value that does not equal itself is NaN or NaT.
    data = {
        name: row[column]
        for column, name in PROPERTIES.items()
        if row[column] is not None and row[column] == row[column]
    }
    return {"identity": row[IDENTITY_COLUMN], "type": "profile", "profileData": data}


def post(url: str, rows: list[dict[Hashable, Any]]) -> int:
    """Send `rows`; returns how many CleverTap took."""
    if not hasattr(OWN, "session"):
        OWN.session = requests.Session()
    body = json.dumps({"d": [record(row) for row in rows]}, default=as_json)
    answer = OWN.session.post(f"{url}/1/upload", data=body.encode(), timeout=60)
    answer.raise_for_status()
    return int(answer.json()["processed"])


def run(rows: Rows, url: str) -> Measured:
    cpu_before, began = cpu_seconds(), time.perf_counter()
    frame = pa.Table.from_batches(rows).to_pandas()
    dicts = frame.to_dict("records")
    staged = time.perf_counter()
    pieces = [dicts[at : at + RECORDS_PER_REQUEST] for at in range(0, len(dicts), RECORDS_PER_REQUEST)]
    with ThreadPoolExecutor(THREADS) as pool:
        accepted = sum(pool.map(lambda piece: post(url, piece), pieces))
    done = time.perf_counter()
    return Measured(
        rows=len(dicts),
        seconds=done - began - rows.seconds,
        stage_seconds=staged - began - rows.seconds,
        deliver_seconds=done - staged,
        cpu_seconds=cpu_seconds() - cpu_before - rows.cpu_seconds,
        peak_mib=peak_mib(),
        accepted=accepted,
        invalid=0,
        server_records=counted(url).records,
    )


def main() -> None:
    arguments = client_arguments(__doc__)
    pin_to_core(CLIENT_CORE)
    sys.stdout.write(run(Rows(arguments.rows), arguments.url).as_json() + "\n")


if __name__ == "__main__":
    main()
