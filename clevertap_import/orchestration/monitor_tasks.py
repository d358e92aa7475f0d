"""What the sensor of monitoring does with the states of all imports, once a minute."""

from collections.abc import Mapping

from clevertap_import.orchestration.alerts import send_alerts
from clevertap_import.orchestration.monitor import Task

MONITOR_TASKS: Mapping[str, Task] = {"alerts": send_alerts}
"""By the name that its errors have in the log. If one fails, the others go on."""
