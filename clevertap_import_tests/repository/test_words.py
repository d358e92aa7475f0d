"""The code has one word for each idea, the field's own: names that were given up do not come back.

Plain English words that were such names, as `found` or `whole`, may serve as variables, and are not listed.
"""

from pathlib import Path

import pytest

from clevertap_import_tests.repository.test_architecture import MODULES, name_of
from scripts.words import names, private_words

GIVEN_UP = {
    # A name that was given up, and the one in its place.
    "Past": "DeliveredBefore",
    "NoPast": "NothingDelivered",
    "is_news": "is_new",
    "is_doubtful": "may_be_stored",
    "OPEN": "UNANSWERED",
    "Held": "UnansweredBatch",
    "HeldEvents": "EventsWithheld",
    "TurnLost": "LockLost",
    "in_turn": "while_locked",
    "LEASE_TURN": "the allocation's mutex",
    "beats": "heartbeats",
    "Sight": "LastSeen",
    "_dealt": "_allocate",
    "aim": "set_target",
    "Gate": "RequestLimiter",
    "upload_gate": "upload_limiter",
    "Breaker": "CircuitBreaker",
    "Outage": "TooManyFailures",
    "Attempts": "BatchSender",
    "Patience": "RetryPolicy",
    "Waits": "Backoff",
    "Settling": "BatchInProgress",
    "Piece": "SubBatch",
    "go_on": "record_and_send_next",
    "called_back": "cancel_unsent",
    "put_down": "settle_after_error",
    "SPARE": "BATCHES_AHEAD",
    "try_out": "server_dry_run",
    "tried_out": "server_dry_run",
    "TriedOut": "ServerDryRunResult",
    "TriedOutBadly": "ServerDryRunRefused",
    "Tally": "ProblemCount",
    "Finding": "Violation",
    "Reading": "ReadOptions or ActiveRun",
    "Problem": "ConfigProblem or CellProblem",
    "Cells": "MappedColumn",
    "Plan": "ColumnTypes",
    "PropertyPlan": "PropertyMapper",
    "keep_only": "retain_only",
    "KeptSnowflake": "CachedSession",
    "_twin": "_duplicate",
    "_without_twins": "_reject_duplicate_nicknames",
    "completed": "with_sql_loaded",
    "Wish": "RunRange",
    "wished_ranges": "selected_ranges",
    "make_way": "fail_dead_runs",
    "tell_who_is_first": "announce_active_run",
    "Look": "Evaluate",
    "LOOKS": "EVALUATORS",
    "sensed": "sensor_result",
    "living_runs": "active_runs",
    "silent": "without_heartbeat",
    "Looks": "HeartbeatLog",
    "Switch": "ScheduleState",
    "unmended": "still_rejected",
    "readers": "last_runs",
    "WELL": "EXIT_OK",
    "NO": "EXIT_FAILED",
    "Knobs": "Behaviour",
    "Flight": "Request",
    "Door": "Endpoint",
    "spoilt": "apply_fault",
    "Loss": "DroppedProperty",
    "Told": "DeliveryCounts",
    "told_deliveries": "counts_in_dagster",
    "Behind": "StaleJournal",
    "left_behind": "abandoned",
    "Asked": "WindowRange",
    "asked_window": "requested_window",
    "asking_to_end": "end_on_signal",
    "news": "new_records, or is_new",
    "wish": "options",
    "piece": "sub_batch, or chunk",
    "pieces": "sub_batches, or chunks",
    "finding": "violation",
    "findings": "violations, or diagnostics",
    "Findings": "Diagnostics",
    "Sent": "SendTimes, or DeliveryResult",
    "settle_held": "settle_unanswered",
    "held_batches": "unanswered_batches",
    "take_over": "copy_from_dagster, or adopt_destination",
    "KeptRejects": "StoredRejects",
    "kept_rejects": "stored_rejects",
    "told_apart": "within_limit",
    "told_in_one_line": "errors_in_one_line",
    "kept_otherwise": "wrong_parameters",
    "check_kept": "check_parameters",
    "given_up": "last_error",
    "unremembered": "count_unentered",
    "goes_by": "set_connection",
    "tallies": "problems",
    "held_events": "unanswered_events",
    "Mend": "Fix",
    "MENDS": "FIXES",
}


PROSE_MODULES = [module for module in MODULES if module.name not in ("words.py", "test_words.py")]
"""All but the list of words and its test."""


def test_names_are_read_wherever_code_makes_them(tmp_path: Path) -> None:
    module = tmp_path / "module_name.py"
    module.write_text("class A:\n    def b(self, c):\n        self.d = e = [f for f in c]\n")
    assert {"module_name", "A", "b", "c", "d", "e", "f"} <= {name for _, name in names(module)}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_name_that_was_given_up_comes_back(module: Path) -> None:
    """Each with the name that the code has for it now."""
    assert {name: GIVEN_UP[name] for _, name in names(module) if name in GIVEN_UP} == {}


def test_private_words_are_found_with_their_line(tmp_path: Path) -> None:
    module = tmp_path / "some_module.py"
    module.write_text(
        '"""Told to nobody, by hand."""\n# No news; else nothing.\nkept_rows = "They are held."\n'
    )
    found = [(1, "told"), (2, "else"), (2, "news"), (3, "held"), (3, "kept")]
    assert private_words(module) == found


@pytest.mark.parametrize("module", PROSE_MODULES, ids=name_of)
def test_no_private_word_comes_back(module: Path) -> None:
    """Each with its line; `scripts/words.py` has the words and what to write instead."""
    assert private_words(module) == []
