"""The commands health and metrics."""

import os
import sys

from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, word
from clevertap_import.cli.printing import print_json, say
from clevertap_import.orchestration.health import health as health_document
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.metrics import metrics as metrics_text
from clevertap_import.project.folder import imports_folder
from clevertap_import.selection import all_imports


def health(json_output: bool) -> None:
    imports, folder = all_imports(), imports_folder(os.environ)
    with open_instance() as instance:
        document = health_document(instance, imports, folder)
    if json_output:
        print_json(document)
    else:
        daemon = document["daemon"]
        beat = f", its last heartbeat was at {daemon['last_heartbeat']}" if daemon["last_heartbeat"] else ""
        say(f"{word(ok=daemon['alive'])} Dagster's daemon{'' if daemon['alive'] else ' does not run'}{beat}")
        for line in document["imports"]:
            say(f"{word(ok=line['ok'])} {line['nickname']}" + (f": {line['why']}" if line["why"] else ""))
    sys.exit(EXIT_OK if document["ok"] else EXIT_FAILED)


def metrics() -> None:
    imports, folder = all_imports(), imports_folder(os.environ)
    with open_instance() as instance:
        say(metrics_text(instance, imports, folder).rstrip("\n"))
