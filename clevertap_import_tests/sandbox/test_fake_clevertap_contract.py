"""The fake CleverTap against what was recorded of the real one."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap

RECORDED = Path(__file__).parents[1] / "contracts" / "clevertap_recorded.yaml"
EXCHANGES: list[dict[str, Any]] = yaml.safe_load(RECORDED.read_text())


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each["name"]) for each in EXCHANGES])
def test_the_fake_answers_as_recorded(fake_clevertap: FakeCleverTap, exchange: dict[str, Any]) -> None:
    fake_clevertap.knobs(answer_style=exchange["style"])
    answer = fake_clevertap.post(json.dumps({"d": exchange["records"]}).encode(), exchange.get("headers"))
    assert (answer.status_code, answer.text) == (exchange["status"], exchange["text"])
    assert answer.headers["content-type"] == "application/json;charset=utf-8"


def test_every_recorded_code_is_in_the_contract() -> None:
    texts = " ".join(exchange["text"] for exchange in EXCHANGES)
    assert [
        code for code in (514, 515, 516, 517, 518, 519, 520, 523, 525) if f'"code" : {code}' not in texts
    ] == []
