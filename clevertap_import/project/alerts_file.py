"""The file alerts.yaml in the folder of imports: where alerts go. Imports do not depend on it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clevertap_import.config.alert_rules import MAIL, OWNER, AlertRules, unknown_channels
from clevertap_import.config.dagster_project import PACKAGE
from clevertap_import.config.strict_model import shown
from clevertap_import.config.yaml_bounds import MOST_BYTES
from clevertap_import.config.yaml_file import ConfigProblem, LoadedImport, line_of, read_block
from clevertap_import.errors import did_you_mean

ALERTS_FILE = "alerts.yaml"
ADDRESS_VARIABLE = "CLEVERTAP_IMPORT_ALERTS_URL"
"""The address that gets all alerts if there is no alerts.yaml, or if it cannot be read. Also its channel."""

VARIABLE = re.compile(r"\$\{([^}]*)\}")
NO_SECRETS_OF = ("CLEVERTAP_IMPORT_", "DAGSTER_")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel and its address, which has secrets. `problem`: why it cannot be used."""

    name: str
    address: str = field(default="", repr=False)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class AlertsFile:
    """`rules`: None if the file has problems. `lines`: the line of each key."""

    file: Path
    rules: AlertRules | None
    problems: tuple[ConfigProblem, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def problem(self, key: str, message: str) -> ConfigProblem:
        return ConfigProblem(str(self.file), line_of(self.lines, key, 1), key, message)


def is_alerts_file(path: Path, root: Path, text: str) -> bool:
    """A file of that name may also be an import."""
    return path.name == ALERTS_FILE and path.parent == root and f"{PACKAGE}." not in text


def read_alerts_file(folder: Path) -> AlertsFile | None:
    """None if there is none."""
    file = folder / ALERTS_FILE
    try:
        if not file.is_file():
            return None
        if file.stat().st_size > MOST_BYTES:
            return unusable(file, f"The file has more than {MOST_BYTES:,} bytes.")
        text = file.read_text("utf-8-sig")
    except OSError as error:
        return unusable(file, f"The file cannot be read: {error.strerror or type(error).__name__}.")
    except UnicodeDecodeError:
        return unusable(file, "The file is not UTF-8 text. Save it as UTF-8.")
    if not is_alerts_file(file, folder, text):
        return None
    block = read_block(text, str(file), AlertRules)
    return AlertsFile(file, block.value, block.problems, block.lines)


def unusable(file: Path, message: str) -> AlertsFile:
    return AlertsFile(file, None, (ConfigProblem(str(file), 1, "", message),))


def channels_of(
    rules: AlertRules, environment: Mapping[str, str], prefixes: Iterable[str] = ()
) -> dict[str, Channel]:
    """The channels with their addresses. `prefixes`: of variables that no address may contain."""
    refused = (*NO_SECRETS_OF, *prefixes)
    return {name: channel(name, text, environment, refused) for name, text in rules.channels.items()}


def channel(name: str, text: str, environment: Mapping[str, str], refused: Sequence[str]) -> Channel:
    wanted = VARIABLE.findall(text)
    for variable in wanted:
        if variable.startswith(tuple(refused)) and variable != ADDRESS_VARIABLE:
            return Channel(
                name,
                problem=f"${{{variable}}} belongs to a connection, an account or the journal. An address"
                " would send it elsewhere. Use a variable of its own.",
            )
        if not environment.get(variable):
            hint = did_you_mean(variable, environment)
            return Channel(
                name,
                problem=f"The environment has no variable {shown(variable)}.{hint} Set it where Dagster's"
                " daemon and code server run, or in .env.",
            )
    address = VARIABLE.sub(lambda found: environment[found[1]], text).strip()
    if name == OWNER and not address.lower().startswith(MAIL):
        return Channel(
            name,
            problem=f"The channel {OWNER} sends mail to the owner of each import. Its address begins with"
            " mailto:// or mailtos:// and has no recipient.",
        )
    return Channel(name, address)


def secret_prefixes(imports: Iterable[LoadedImport]) -> set[str]:
    """Of the variables of connections and accounts."""
    names = {name for each in imports for name in (each.config.connection, each.config.account)}
    return {f"{name.upper()}_" for name in (*names, "snowflake", "clevertap")}


def override_problems(
    imports: Iterable[LoadedImport], file: AlertsFile | None
) -> Iterator[tuple[str, ConfigProblem]]:
    """By nickname: channels that imports name and alerts.yaml does not have. None if it cannot be read."""
    if file is not None and file.rules is None:
        return
    channels = file.rules.channels if file and file.rules else {}
    for each in imports:
        for place, message in unknown_channels(each.config.alerts.to, channels) if each.config.alerts else ():
            text = message if file else f"{message} There is no {ALERTS_FILE} in the folder of imports."
            yield each.config.nickname, each.problem(f"alerts.to[{place}]", text)
