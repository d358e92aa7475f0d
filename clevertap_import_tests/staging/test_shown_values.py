"""Values that tables of problems show: also those that Python's calendar does not have."""

import pyarrow as pa
import pytest

from clevertap_import.journal.delivered import NothingDelivered
from clevertap_import.mapping.mapper import Mapper
from clevertap_import.snowflake.window_query import EPOCH_COLUMN
from clevertap_import.staging.stage import Stage, Stager
from clevertap_import_tests.staging.test_stage import HOURS
from clevertap_import_tests.testing.builders import profiles_import


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_moment_after_the_year_9999_is_shown(unit: str) -> None:
    ticks = 253_402_300_800 * {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    cells = pa.array([ticks], pa.int64()).cast(pa.timestamp(unit))
    rows = pa.record_batch({"ID": ["u"], "AT": cells, EPOCH_COLUMN: pa.array([None], pa.int64())})
    config = profiles_import({"column": "AT", "property": "At", "type": "date"}, show_values=True)
    with Stage() as stage:
        stager = Stager(
            Mapper(config, 1), HOURS, NothingDelivered(), lambda rejections: None, lambda counts: None
        )
        stager.fill(stage, [rows])
        ((fault, tally),) = stage.counts.problems.items()
    assert (fault.code, tally.rows) == ("date_out_of_range", 1)
    assert tally.example_value
