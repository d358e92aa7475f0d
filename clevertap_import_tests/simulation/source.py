"""The table that an import reads, and the records that must arrive."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from clevertap_import.config.model import ImportConfig
from clevertap_import.snowflake.window_query import EPOCH_COLUMN, SUPERSEDED_COLUMN
from clevertap_import_tests.testing.builders import events_import, profiles_import

CITY = {"column": "CITY", "property": "City"}


@dataclass
class Source:
    """Rows by their person. Some events are equal."""

    is_events: bool
    holds: bool
    cities: dict[str, int] = field(default_factory=dict)
    added: int = 0
    ever: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Each person with each city: the largest number of such rows that the table had at one time.

    If the row of an event changes, that is another event, and CleverTap keeps the first one."""
    EQUAL: ClassVar[int] = 4

    @property
    def config(self) -> ImportConfig:
        if not self.is_events:
            return profiles_import(CITY)
        return events_import(CITY, uncertain_events="hold" if self.holds else "resend")

    def add(self, rows: int) -> None:
        for _ in range(rows):
            self.cities[f"u{self.added}"] = 0
            self.added += 1
        self.ever |= self.wanted

    def change(self, rows: int) -> None:
        for name in list(self.cities)[:rows]:
            self.cities[name] += 1
        self.ever |= self.wanted

    def change_back(self, rows: int) -> None:
        for name in list(self.cities)[:rows]:
            self.cities[name] = 0
        self.ever |= self.wanted

    def identity(self, name: str) -> str:
        """Every fourth event is the same as the one before."""
        number = int(name[1:])
        is_equal = self.is_events and number % self.EQUAL == self.EQUAL - 1
        return f"u{number - 1}" if is_equal else name

    @property
    def wanted(self) -> Counter[tuple[str, str]]:
        """Each person with its city, as often as the table has it."""
        return Counter((self.identity(name), f"C{city}") for name, city in self.cities.items())

    def chunks(self) -> Iterator[pa.RecordBatch]:
        names = list(self.cities)
        columns: dict[str, pa.Array] = {
            "ID": pa.array([self.identity(name) for name in names], pa.string()),
            "CITY": pa.array([f"C{city}" for city in self.cities.values()], pa.string()),
            EPOCH_COLUMN: pa.array([None] * len(names), pa.int64()),
        }
        if self.is_events:
            columns["AT"] = pa.array([1_700_000_000] * len(names), pa.timestamp("s"))
        else:
            columns[SUPERSEDED_COLUMN] = pa.array([0] * len(names), pa.int64())
        yield pa.record_batch(columns)
