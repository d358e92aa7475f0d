"""The contract with users as it is now, beside the one that was written down."""

from pathlib import Path
from typing import Any

import yaml

from clevertap_import_tests.contracts.declared import dagster_names, declared
from clevertap_import_tests.contracts.played import commands_played, files_left, furnish, recorded
from clevertap_import_tests.testing.workshop import Workshop

FILE = Path(__file__).with_name("public_contract.yaml")
HEAD = "# What users see and write. Made by `make contract`; a change here is a change for users.\n"
SECTIONS = (
    *("project", "commands", "yaml", "variables", "codes", "dagster"),
    *("exit_codes", "json", "tables", "csv", "metadata", "run_tags", "files"),
)


def present_contract(shop: Workshop) -> dict[str, Any]:
    """All sections, from the code and from runs of imports in `shop`."""
    furnish(shop)
    names = {"dagster": dagster_names(shop)}
    played = commands_played(shop)
    found = {**declared(), **names, **played, **recorded(shop), "files": files_left(shop)}
    return {section: found[section] for section in SECTIONS}


def written_contract() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


class Dumper(yaml.SafeDumper):
    """What is the same in two places is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def text_of(contract: dict[str, Any]) -> str:
    """In the order in which users see it."""
    return HEAD + yaml.dump(contract, Dumper=Dumper, sort_keys=False, width=110)
