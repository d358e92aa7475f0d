"""What monitoring does with the states of all imports, once a minute."""

from collections.abc import Mapping

import dagster as dg

from clevertap_import.orchestration.alerts import send_alerts
from clevertap_import.orchestration.import_center import center_asset, look_now, show_import_center
from clevertap_import.orchestration.monitor import Task, monitor_sensor
from clevertap_import.orchestration.state_telemetry import export_states
from clevertap_import.orchestration.status_checks import show_status_checks
from clevertap_import.project.folder import Imports

MONITOR_TASKS: Mapping[str, Task] = {
    "checks": show_status_checks,
    "page": show_import_center,
    "alerts": send_alerts,
    "telemetry": export_states,
}
"""By the name that its errors have in the log. If one fails, the others go on."""


def monitor_definitions(imports: Imports) -> dg.Definitions:
    """The asset of all imports, its checks, and the sensor that keeps them current."""
    return dg.Definitions(
        assets=[center_asset()],
        asset_checks=[look_now(imports)],
        sensors=[monitor_sensor(imports, MONITOR_TASKS)],
    )
