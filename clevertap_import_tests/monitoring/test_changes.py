"""What is alerted: laws over random histories of states, then single stories."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.alerted import SEVERITIES, Memory, Severity
from clevertap_import.monitoring.changes import (
    KNOWN_NO_LONGER,
    NOT_AFTER_FAILURE,
    Change,
    changes,
)
from clevertap_import.monitoring.concerns import Concern, Kind
from clevertap_import.monitoring.facts import Status
from clevertap_import.monitoring.picture import ImportState

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KINDS: tuple[Kind, ...] = ("failed", "late", "stuck", "degraded", "open_rejects", "no_data", "volume")
NAMES = ("customers", "orders")


def concern(kind: Kind, severity: Severity = "error") -> Concern:
    return Concern(kind, severity, f"It is {kind}.", "Correct it.")


def a_state(*concerns: Concern, name: str = "customers", status: Status = "Scheduled") -> ImportState:
    ordered = sorted(concerns, key=lambda each: SEVERITIES.index(each.severity))
    return ImportState(name, status, concerns=tuple(ordered))


def alerted(found: Sequence[Change]) -> list[tuple[str, str, str | None]]:
    return [(each.nickname, each.kind, each.concern.severity if each.concern else None) for each in found]


class Watch:
    """Looks once a minute."""

    def __init__(self) -> None:
        self.memory: Memory = {}
        self.now = NOW

    def look(
        self, *states: ImportState, muted: Sequence[str] = (), renamed: Mapping[str, str] | None = None
    ) -> list[tuple[str, str, str | None]]:
        self.now += MINUTE
        found, self.memory = changes(self.memory, states, self.now, muted, renamed)
        return alerted(found)


PROBLEMS = st.dictionaries(st.sampled_from(KINDS), st.sampled_from(SEVERITIES), max_size=4)
HISTORY = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(NAMES, PROBLEMS)),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from([*NAMES, "journal"]), max_size=1),
)
"""The problems of each import; which are mute; which is away: an import from the folder, or the journal."""


@given(st.lists(HISTORY, max_size=12))
def test_each_change_is_alerted_once_and_none_while_mute(
    history: list[tuple[dict[str, dict[Kind, Severity]], set[str], set[str]]],
) -> None:
    watch, open_ones = Watch(), dict[tuple[str, str], Severity]()
    for problems, muted, away in history:
        extra = [concern("journal", "critical")] if "journal" in away else []
        states = [
            a_state(*(concern(kind, severity) for kind, severity in found.items()), *extra, name=name)
            for name, found in problems.items()
            if name not in away
        ]
        found = watch.look(*states, muted=sorted(muted))
        assert len({(name, kind) for name, kind, _ in found}) == len(found)
        assert not {name for name, _, _ in found} & (muted | away)
        if "journal" in away:
            assert not found
        # What people believe, who have read only the alerts.
        for name, kind, severity in found:
            before = open_ones.pop((name, kind), None)
            assert before != severity
            if severity in SEVERITIES:
                assert before is None or SEVERITIES.index(severity) < SEVERITIES.index(before)
                open_ones[name, kind] = severity
        for name in set(NAMES) - muted - away if "journal" not in away else ():
            believed = {kind for known, kind in open_ones if known == name}
            unknown = set(NOT_AFTER_FAILURE) if "failed" in problems[name] else set()
            assert believed - unknown == set(problems[name]) - unknown
            assert set(problems[name]) <= believed
        assert watch.look(*states, muted=sorted(muted)) == [], "nothing twice"


@given(st.lists(st.tuples(PROBLEMS, st.booleans()), max_size=10))
def test_a_process_that_stops_before_it_enters_its_changes_loses_none(
    history: list[tuple[dict[Kind, Severity], bool]],
) -> None:
    watch, never_stopped = Watch(), Watch()
    for problems, stops in history:
        state = a_state(*(concern(kind, severity) for kind, severity in problems.items()))
        expected, before = never_stopped.look(state), watch.memory
        if stops:
            watch.look(state)
            watch.memory, watch.now = before, watch.now - MINUTE
        assert watch.look(state) == expected


def test_a_problem_opens_becomes_worse_and_is_over() -> None:
    watch = Watch()
    assert watch.look(a_state(concern("failed", "error"))) == [("customers", "failed", "error")]
    assert watch.look(a_state(concern("failed", "critical"))) == [("customers", "failed", "critical")]
    assert watch.look(a_state(concern("failed", "error"))) == [], "less bad is no change"
    assert watch.look(a_state(concern("failed", "critical"))) == [], "as bad as it was already"
    assert watch.look(a_state()) == [("customers", "failed", None)]
    assert watch.look(a_state()) == []
    assert watch.look(a_state(concern("failed", "error"))) == [("customers", "failed", "error")]


def test_a_run_that_fails_does_not_say_that_the_health_is_good_again() -> None:
    watch = Watch()
    watch.look(a_state(concern("degraded", "warning")))
    assert watch.look(a_state(concern("failed"))) == [("customers", "failed", "error")]
    assert watch.look(a_state(concern("degraded", "warning"))) == [("customers", "failed", None)]
    assert watch.look(a_state()) == [("customers", "degraded", None)]


def test_a_draft_says_nothing_about_its_other_problems() -> None:
    watch = Watch()
    watch.look(a_state(concern("failed")))
    assert watch.look(a_state(concern("draft"), status="Draft")) == [("customers", "draft", "error")]
    assert watch.look(a_state(concern("failed"))) == [("customers", "draft", None)]


def test_an_import_that_is_away_for_a_while_is_not_recovered_and_one_that_is_gone_is_forgotten() -> None:
    watch = Watch()
    watch.look(a_state(concern("failed")))
    assert watch.look() == []
    assert watch.look(a_state(concern("failed"))) == []
    watch.now += KNOWN_NO_LONGER
    assert watch.look() == []
    assert watch.memory == {}


def test_an_import_that_stays_broken_for_a_year_is_alerted_once() -> None:
    watch = Watch()
    assert watch.look(a_state(concern("failed")))
    for _ in range(365):
        watch.now += timedelta(days=1)
        assert watch.look(a_state(concern("failed"))) == []


def test_a_new_nickname_takes_over_what_was_alerted() -> None:
    watch = Watch()
    watch.look(a_state(concern("failed"), name="old"))
    assert watch.look(a_state(concern("failed"), name="new"), renamed={"new": "old"}) == []
    assert watch.look(a_state(name="new"), renamed={"new": "old"}) == [("new", "failed", None)]
    assert watch.look(a_state(name="new"), renamed={"new": "old"}) == []


def test_files_with_one_nickname_are_one_import() -> None:
    watch = Watch()
    twins = [a_state(concern("draft"), status="Draft"), a_state(concern("draft"), status="Draft")]
    assert watch.look(*twins) == [("customers", "draft", "error")]
    well_and_draft = [a_state(), a_state(concern("draft"), status="Draft")]
    assert watch.look(*well_and_draft) == watch.look(*reversed(well_and_draft)) == []
    assert watch.look(a_state()) == [("customers", "draft", None)]


def test_the_end_of_a_mute_alerts_what_has_changed_since_its_begin() -> None:
    watch = Watch()
    watch.look(a_state(concern("failed"), concern("late")))
    mute = ["customers"]
    assert watch.look(a_state(concern("late"), concern("stuck"), concern("degraded")), muted=mute) == []
    assert watch.look(a_state(concern("late"), concern("degraded")), muted=mute) == []
    assert sorted(map(str, watch.look(a_state(concern("late"), concern("degraded"))))) == [
        "('customers', 'degraded', 'error')",
        "('customers', 'failed', None)",
    ]


def test_a_process_that_looked_earlier_changes_nothing_that_a_later_look_has_seen() -> None:
    healthy, broken = a_state(), a_state(concern("failed"))
    opened = changes({}, [broken], NOW)[1]
    over = changes(opened, [healthy], NOW + 2 * MINUTE)[1]
    assert changes(over, [broken], NOW + MINUTE) == ([], over)
    again = changes(over, [broken], NOW + 3 * MINUTE)[1]
    assert changes(again, [healthy], NOW + 2 * MINUTE) == ([], again)
    worse = [replace(broken, concerns=(concern("failed", "critical"),))]
    assert alerted(changes(again, worse, NOW + 4 * MINUTE)[0]) == [("customers", "failed", "critical")]
