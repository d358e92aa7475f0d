"""Dagster's SQLite storage, with the events of all windows of a run written together.

A run of a range has two events for each window, planned and materialized. Dagster writes each event in its
own transactions, on its own connections: 30 milliseconds for each window. The files are the same.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from dagster import DagsterEventType, EventLogEntry, serialize_value

from clevertap_import.orchestration.dagster_internals import (
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    ConfigurableClassData,
    DagsterSqliteStorage,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)
from clevertap_import.orchestration.storage_trouble import storage_translated

BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
"""Dagster passes events in batches only if this is set. Its PostgreSQL storage uses the same variable."""

BATCH_SIZE = 500

NUMBER = SqlEventLogStorageTable.c.id

INSERT = SqlEventLogStorageTable.insert().returning(NUMBER, sort_by_parameter_order=True)

TOGETHER = (DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_MATERIALIZATION_PLANNED)


class BatchingEventLog(SqliteEventLogStorage):
    """Overrides only how events are written, and the error if that fails."""

    def store_event(self, event: EventLogEntry) -> None:
        with storage_translated():
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        together = [event for event in events if event.dagster_event_type in TOGETHER]
        with storage_translated():
            for run_id in dict.fromkeys(event.run_id for event in together):
                self._store_together(run_id, [event for event in together if event.run_id == run_id])
        for event in events:
            if event.dagster_event_type not in TOGETHER:
                self.store_event(event)

    def _store_together(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        """All of them or none: first into the file of the run, then into the file of all runs.

        Dagster repeats events that could not be written, so none of them may stay in one of the files.
        """
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as connection:
            written = list(connection.execute(INSERT, rows).scalars())
        try:
            self._store_in_index(rows, events)
        except BaseException:
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.delete().where(NUMBER.in_(written)))
            raise

    def _store_in_index(self, rows: Sequence[dict[str, Any]], events: Sequence[EventLogEntry]) -> None:
        with self.index_transaction() as connection:
            numbers = list(connection.execute(INSERT, rows).scalars())
            self._store_asset_event_tags(connection, events, numbers)
            for event, number in last_of_each_asset(events, numbers):
                self._store_asset_event(connection, event, number)

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """Like Dagster's own method, which repeats the event for each window in one statement."""
        planned: Any = event.get_dagster_event().event_specific_data
        subset = planned.partitions_subset
        shared = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
        }
        rows = [{**shared, "partition": key} for key in (subset.get_partition_keys() if subset else [None])]
        with self.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.insert(), rows)


def last_of_each_asset(
    events: Sequence[EventLogEntry], numbers: Sequence[int]
) -> Iterable[tuple[EventLogEntry, int]]:
    """The last event of each type for each asset: Dagster stores these with the asset itself."""
    last = {
        (event.get_dagster_event().asset_key, event.dagster_event_type): (event, number)
        for event, number in zip(events, numbers, strict=True)
    }
    return last.values()


class BatchingSqliteStorage(DagsterSqliteStorage):
    """For `storage: custom` in dagster.yaml; takes the same base_dir as `storage: sqlite`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchingEventLog(self._event_log_storage._base_dir)
        os.environ.setdefault(BATCH_VARIABLE, str(BATCH_SIZE))

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData,
        config_value: Any,  # noqa: ANN401 - Dagster's own
    ) -> "BatchingSqliteStorage":
        return cls.from_local(config_value["base_dir"], inst_data)
