"""The heartbeat: monitoring calls an address, and a service elsewhere notices when it does not."""

import requests

from clevertap_import.alerting.quiet_logs import quiet_logs

HEARTBEAT_VARIABLE = "CLEVERTAP_IMPORT_HEARTBEAT_URL"
SECONDS = 5


def ping(address: str) -> str | None:
    """Returns why it was not taken, without the address; None if it was."""
    with quiet_logs():
        try:
            answer = requests.get(address, timeout=SECONDS)
        except requests.RequestException as error:
            return f"The heartbeat was not taken: {type(error).__name__}."
    return None if answer.ok else f"The heartbeat was not taken: HTTP {answer.status_code}."
