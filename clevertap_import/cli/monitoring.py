"""The commands health and metrics."""

import sys

from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK
from clevertap_import.cli.printing import print_json, say, say_verdict
from clevertap_import.orchestration.health import health_of
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.metrics import metrics as metrics_text
from clevertap_import.selection import all_imports


def health(json_output: bool) -> None:
    imports = all_imports()
    with open_instance() as instance:
        found = health_of(instance, imports)
    if json_output:
        print_json(found.document)
    else:
        say_verdict(found.daemon.sentence, ok=found.daemon.alive)
        for state in found.states:
            say_verdict(f"{state.nickname}" + (f": {state.why}" if state.why else ""), ok=state.is_ok)
    sys.exit(EXIT_OK if found.is_ok else EXIT_FAILED)


def metrics() -> None:
    imports = all_imports()
    with open_instance() as instance:
        say(metrics_text(instance, imports).rstrip("\n"))
