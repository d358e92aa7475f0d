"""The import center links to the report, if its address is set and is one."""

import pytest

from clevertap_import.orchestration.import_center import page_of
from clevertap_import.orchestration.report_link import REPORT_VARIABLE
from clevertap_import.project.folder import Imports


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("", None),
        ("javascript:alert(1)", None),
        ("https://intranet.example/imports (all).html", "https://intranet.example/imports%20%28all%29.html"),
    ],
)
def test_the_import_center_links_to_the_report(
    address: str, link: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REPORT_VARIABLE, address)
    found = page_of(Imports((), ()), []).metadata.get("report")
    assert (found.value if found else None) == link
