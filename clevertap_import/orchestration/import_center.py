"""The asset `clevertap/import_center`: all imports on one page, and checks that are red if one is bad."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg

from clevertap_import.config.asset_keys import IMPORT_CENTER
from clevertap_import.monitoring import verdicts
from clevertap_import.monitoring.center_page import Names, attention, listing, summary
from clevertap_import.monitoring.picture import ImportState, numbers
from clevertap_import.orchestration.dagster_internals import DATA_VERSION_TAG
from clevertap_import.orchestration.monitor import Situation, situation_now
from clevertap_import.orchestration.names import asset_key, draft_names
from clevertap_import.orchestration.report_link import report_link
from clevertap_import.orchestration.status_checks import evaluation, is_unwritten, latest
from clevertap_import.project.folder import Imports

KEY = asset_key(IMPORT_CENTER)

DESCRIPTION = """All imports at one look: what needs attention, and the whole listing.

The sensor `import_center` looks every minute. It writes the page when an import becomes worse or better; if
only counts have changed, at most once an hour; if nothing has changed, never. So the time of this page is
that of the last change. Whether the sensor looks, its last tick says (Automation, import_center). To see the
counts of this moment, press Execute all under Checks."""

CHECKS: Mapping[str, tuple[str, Callable[[Sequence[ImportState]], verdicts.Verdict]]] = {
    "all_healthy": ("No import has an error; a warning if one is worth a look.", verdicts.all_healthy),
    "none_late": ("Each import ran when it was due.", verdicts.none_late),
    "nothing_open": ("No rejected row is open, and no event waits for an answer.", verdicts.nothing_open),
}

METADATA = {
    "summary": "All in one sentence.",
    "attention": "What needs attention, the worst first: since when, why, and what to do, with links.",
    "listing": "A table of all imports.",
    "imports": "How many imports there are.",
    "unhealthy": "How many have an error.",
    "late": "How many are late.",
    "open_rejects": "How many rows were rejected and not accepted since.",
    "new_24h": "How many new rows CleverTap took in the last 24 hours.",
    "failed_24h": "How many rows failed in the last 24 hours.",
    "running": "How many imports run.",
    "report": "The address of the report, if CLEVERTAP_IMPORT_REPORT_URL has one.",
}
"""Every key of the page, and what it means; the reference is made of it."""

COUNTS_EVERY = timedelta(hours=1)
"""How often a page is written of which only counts have changed."""


def center_specs() -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name, asset=KEY, description=text) for name, (text, _) in CHECKS.items()]


def center_asset() -> dg.AssetSpec:
    return dg.AssetSpec(
        KEY, group_name="clevertap", kinds={"clevertap"}, description=DESCRIPTION, skippable=True
    )


def show_import_center(situation: Situation) -> str | None:
    """Write the page and its checks if they have changed, or if a run was to write the checks and did not."""
    instance, states = situation.instance, situation.states
    page = page_of(situation.imports, states)
    records = latest(instance, [each.key for each in center_specs()])
    if is_changed(instance, page, situation.now):
        instance.report_runless_asset_event(page)
    elif not any(is_unwritten(instance, records.get(each.key)) for each in center_specs()):
        return None
    for check in center_checks(states):
        instance.report_runless_asset_event(check)
    return f"The asset clevertap/{IMPORT_CENTER} was written."


def look_now(imports: Imports) -> dg.AssetChecksDefinition:
    """The checks as a person executes them in the UI. They also write the page."""

    @dg.multi_asset_check(specs=center_specs(), can_subset=True, name=f"{IMPORT_CENTER}_checks")
    def look(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        situation = situation_now(context.instance, imports)
        context.instance.report_runless_asset_event(page_of(imports, situation.states))
        names = {each.name for each in context.selected_asset_check_keys}
        yield from (each for each in center_results(situation.states) if each.check_name in names)

    return look


def page_of(imports: Imports, states: Sequence[ImportState]) -> dg.AssetMaterialization:
    names = names_of(imports)
    texts = {"attention": attention(states, names), "listing": listing(states, names)}
    metadata: dict[str, dg.MetadataValue] = {
        "summary": dg.MetadataValue.text(summary(states)),
        **{name: dg.MetadataValue.md(text) for name, text in texts.items()},
        **{name: dg.MetadataValue.int(number) for name, number in numbers(states).items()},
    }
    if report := report_link(os.environ):
        metadata["report"] = dg.MetadataValue.url(report)
    return dg.AssetMaterialization(KEY, metadata=metadata, tags={DATA_VERSION_TAG: fingerprint(states)})


def names_of(imports: Imports) -> Names:
    loaded = {each.config.nickname: each.config for each in imports.loaded}
    drafts = draft_names((each.nickname for each in imports.drafts), {IMPORT_CENTER, *loaded})
    owners = {name: config.created_by for name, config in loaded.items() if config.created_by}
    return Names({**drafts, **{name: name for name in loaded}}, owners)


def fingerprint(states: Sequence[ImportState]) -> str:
    """What must change before the page is written at once: how well an import is, not what it counts."""
    words = [
        [
            each.nickname,
            each.status in ("Paused", "Stopped", "Draft") and each.status,
            each.health_state,
            each.mute and each.mute.until.timestamp(),
            [[found.kind, found.severity] for found in each.concerns],
        ]
        for each in sorted(states, key=lambda each: each.nickname)
    ]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def is_changed(instance: dg.DagsterInstance, page: dg.AssetMaterialization, now: datetime) -> bool:
    entry = instance.get_latest_materialization_event(KEY)
    before = entry.asset_materialization if entry else None
    if entry is None or before is None:
        return True
    if (before.tags or {}).get(DATA_VERSION_TAG) != (page.tags or {})[DATA_VERSION_TAG]:
        return True
    is_old = now.timestamp() - entry.timestamp >= COUNTS_EVERY.total_seconds()
    return is_old and before.metadata != page.metadata


def center_checks(states: Sequence[ImportState]) -> Iterator[dg.AssetCheckEvaluation]:
    for name, (_, verdict) in CHECKS.items():
        yield evaluation(KEY, name, verdict(states))


def center_results(states: Sequence[ImportState]) -> Iterator[dg.AssetCheckResult]:
    """The same as results of a run that a person has started."""
    for each in center_checks(states):
        yield dg.AssetCheckResult(
            passed=each.passed,
            asset_key=KEY,
            check_name=each.check_name,
            severity=each.severity,
            description=each.description,
        )
