"""Rows as dicts to CleverTap bodies, as a careful script would do it; for the plain script and for dlt."""

import calendar
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import requests

from .rows import IDENTITY_COLUMN, PROPERTIES

THREADS = 15
RECORDS_PER_REQUEST = 1000
READ_SECONDS = 120
OWN = threading.local()

Row = Mapping[Hashable, Any]
Encode = Callable[[object], bytes]


def as_json(value: object) -> object:
    """What an encoder does not know by itself. A timestamp without a zone is in UTC."""
    if isinstance(value, datetime):
        return f"$D_{calendar.timegm(value.utctimetuple())}"
    if isinstance(value, date):
        return f"$D_{calendar.timegm(value.timetuple())}"
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


def record(row: Row) -> dict[str, object]:
    # A value that does not equal itself is NaN or NaT; dlt leaves out the keys of nulls.
    data = {
        name: value
        for column, name in PROPERTIES.items()
        if (value := row.get(column)) is not None and value == value
    }
    return {"identity": row[IDENTITY_COLUMN], "type": "profile", "profileData": data}


def post(url: str, rows: Sequence[Row], encode: Encode) -> int:
    """Send `rows` in one request; returns how many CleverTap took."""
    if not hasattr(OWN, "session"):
        OWN.session = requests.Session()
    body = encode({"d": [record(row) for row in rows]})
    answer = OWN.session.post(f"{url}/1/upload", data=body, timeout=READ_SECONDS)
    answer.raise_for_status()
    return int(answer.json()["processed"])
