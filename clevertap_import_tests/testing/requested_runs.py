"""What a tick asked for, as runs in Dagster's history that somebody else would carry out."""

import secrets
from datetime import UTC, date, datetime

import dagster as dg

from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.automation import Tick
from clevertap_import.orchestration.names import asset_key
from clevertap_import.orchestration.partitions import KeyRange, tagged_range
from clevertap_import.orchestration.run_history import NICKNAME_TAG
from clevertap_import_tests.testing.builders import profiles_import
from clevertap_import_tests.testing.dagster_internals import (
    InProcessCodeLocationOrigin,
    LoadableTargetOrigin,
    RemoteRepositoryOrigin,
    create_run_for_test,
)

START = date(2026, 3, 2)
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED


def scheduled_import(kind: str, **keys: object) -> ImportConfig:
    """An import of daily windows whose name no other test has."""
    return profiles_import(
        nickname=f"i{secrets.token_hex(4)}",
        updated_on={"column": "UPDATED_AT"},
        start=START,
        window="day",
        schedule={"kind": kind, **keys},
    )


def requested(tick: Tick) -> list[KeyRange | None]:
    """The windows of each run that is asked for; none if the tick says why not."""
    return [] if isinstance(tick, dg.SkipReason) else [tagged_range(request.tags) for request in tick]


def reason(tick: Tick) -> str | None:
    return tick.skip_message if isinstance(tick, dg.SkipReason) else None


def enter(
    instance: dg.DagsterInstance, config: ImportConfig, tick: Tick, status: dg.DagsterRunStatus
) -> list[str]:
    """The ids of the runs that the tick asked for, now in the history with this status."""
    assert not isinstance(tick, dg.SkipReason), tick
    tagged = [{NICKNAME_TAG: config.nickname, **request.tags} for request in tick]
    job = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(LoadableTargetOrigin()), "r").get_job_origin("j")
    return [
        create_run_for_test(instance, tags=tags, status=status, remote_job_origin=job).run_id
        for tags in tagged
    ]


def end(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    assert run
    instance.report_run_failed(run)


def materialize(instance: dg.DagsterInstance, config: ImportConfig, *keys: str | None) -> None:
    """As a run that just now read these windows; no key: an import without windows, or an upstream asset."""
    for key in keys or (None,):
        found = dg.AssetMaterialization(asset_key(config.nickname), partition=key)
        instance.report_runless_asset_event(found)
