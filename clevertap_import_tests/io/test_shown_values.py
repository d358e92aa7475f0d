"""Values that tables of problems show: also those that Python's calendar does not have."""

import pyarrow as pa
import pytest

from clevertap_import.io.stage import Stage, Stager
from clevertap_import.pure.mapping import Mapper
from clevertap_import.pure.past import NoPast
from clevertap_import.pure.sql import EPOCH_COLUMN
from clevertap_import_tests.builders import profiles_import
from clevertap_import_tests.io.test_stage import HOURS


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_moment_after_the_year_9999_is_shown(unit: str) -> None:
    ticks = 253_402_300_800 * {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    cells = pa.array([ticks], pa.int64()).cast(pa.timestamp(unit))
    rows = pa.record_batch({"ID": ["u"], "AT": cells, EPOCH_COLUMN: pa.array([None], pa.int64())})
    config = profiles_import({"column": "AT", "property": "At", "type": "date"}, show_values=True)
    with Stage() as stage:
        stager = Stager(Mapper(config, 1), HOURS, NoPast(), lambda rejections: None, lambda counts: None)
        stager.fill(stage, [rows])
        ((fault, tally),) = stage.counts.tallies.items()
    assert (fault.code, tally.rows) == ("date_out_of_range", 1)
    assert tally.example_value
