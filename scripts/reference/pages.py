"""docs/reference.md: every command, key, type, code, check and variable, from what the code itself holds."""

from collections.abc import Iterable, Iterator, Sequence

import click

from clevertap_import.clevertap.unproven import OPERATIONS
from clevertap_import.cli.main import main
from clevertap_import.mapping import rejection_codes as codes
from clevertap_import.mapping.property_types import PROPERTY_TYPES
from clevertap_import.mapping.system_properties import ITEMS, SYSTEM_PROPERTIES
from clevertap_import.monitoring.alert_messages import MEANS, WORDS
from clevertap_import.orchestration.checks import DESCRIPTIONS
from clevertap_import.orchestration.import_center import CHECKS as CENTER_CHECKS
from clevertap_import.orchestration.import_center import METADATA as CENTER_METADATA
from clevertap_import.orchestration.metadata import MEANINGS, OF_WINDOWS
from clevertap_import.orchestration.metrics import DAEMON, GAUGES, ROWS
from clevertap_import.orchestration.status_checks import STATUS_DESCRIPTIONS
from clevertap_import.orchestration.telemetry import RUN_METRICS
from clevertap_import.snowflake.type_compatibility import INFERRED, READS, READS_WITH_FORMAT
from clevertap_import.snowflake.type_compatibility import shown as snowflake_name
from scripts.reference.keys import alert_keys, import_sections, schedule_sections
from scripts.reference.variables import variables
from scripts.reference.writing import code, example, heading, table

HEAD = """\
<!-- Made by `make docs`. Change the code, not this file. -->

# Reference

What there is, made from the code. How to use it is in the [guide](guide.md).
"""

EXIT_CODES = (
    "Exit codes: 0 success, 1 the data is wrong or a service refuses,"
    " 2 the command or configuration is wrong."
)

PAIRS = "`format`: only with a `format`. All other pairs are refused by `check`."

SAMPLE = {"yyyy": "2024", "MMM": "Mar", "MM": "03", "dd": "18", "HH": "09", "mm": "30", "ss": "00"}
VALUES: dict[type, str] = {
    click.IntRange: "NUMBER",
    type(click.INT): "NUMBER",
    click.DateTime: "DAY",
}
"""What stands for the value of an option, by its type."""

SPECIAL = {
    "iso8601": "2024-03-18, 2024-03-18T09:30:00Z, 2024-03-18 09:30:00.5+05:30",
    "epoch_seconds": "1710754200",
    "epoch_milliseconds": "1710754200000",
    "clevertap": "$D_1710754200",
}


def reference_page() -> str:
    sections = (
        command_section(),
        import_sections(),
        schedule_sections(),
        type_section(),
        date_section(),
        system_section(),
        unproven_section(),
        code_section(),
        check_section(),
        metadata_section(),
        metrics_section(),
        alert_section(),
        alert_keys(),
        variables(),
    )
    return "\n".join([HEAD, *(line for section in sections for line in section)]).rstrip() + "\n"


def alert_section() -> Iterable[str]:
    words = "Each is one message when it opens, one when it becomes worse, and one when it is over."
    yield from heading(2, "Alerts", words)
    rows = [(word, code(kind), MEANS[kind]) for kind, word in WORDS.items()]
    yield from table(("alert", "kind", "when, and how severe"), rows)


def command_section() -> Iterable[str]:
    yield from heading(2, "Commands", EXIT_CODES)
    for name, command in sorted(all_commands(main)):
        arguments = [each.make_metavar(click.Context(command)) for each in arguments_of(command)]
        usage = " ".join([f"clevertap-import {name}", *arguments])
        yield from heading(3, f"`{usage}`", " ".join((command.help or "").split()))
        options = [each for each in command.params if isinstance(each, click.Option)]
        if options:
            rows = [(code(spelled(each)), option_default(each), each.help or "") for each in options]
            yield from table(("option", "default", "does"), rows)


def all_commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """By what is typed for each, those of groups in the group included."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def arguments_of(command: click.Command) -> list[click.Argument]:
    return [each for each in command.params if isinstance(each, click.Argument)]


def spelled(option: click.Option) -> str:
    """As it is written, with a word for its value."""
    if option.is_flag:
        return "/".join(option.opts)
    word = option.metavar or VALUES.get(type(option.type), "TEXT")
    return f"{'/'.join(option.opts)} {word}"


def option_default(option: click.Option) -> str:
    return code(str(option.default)) if option.show_default else ""


def type_section() -> Iterable[str]:
    yield from heading(2, "Property types", "Left out, the type follows the column: see the last line.")
    rows = [
        (
            code(each.name),
            each.reads,
            ", ".join(f"{quoted(text)} → {code(example(value))}" for text, value in each.accepts),
            ", ".join(f"{quoted(text)}: {name}" for text, name in each.rejects),
        )
        for each in PROPERTY_TYPES.values()
    ]
    yield from table(("type", "reads", "accepts", "rejects"), rows)
    yield from heading(3, "Snowflake types", PAIRS)
    reads = (*READS_WITH_FORMAT.values(), *READS.values())
    columns = list(dict.fromkeys(each for pairs in reads for each in pairs))
    cells = [(code(name), *(reading(name, column) for column in columns)) for name in READS]
    left_out = ("left out", *(INFERRED.get(column, "") for column in columns))
    yield from table(("type", *map(snowflake_name, columns)), [*cells, left_out])
    yield "A NUMBER without decimals becomes `integer`. BINARY cannot be sent: convert it to text in SQL."
    yield "OBJECT becomes text only where the mapping says `type: string`; so does an object in a VARIANT."
    yield ""


def reading(name: str, column: str) -> str:
    if column in READS[name]:
        return "yes"
    return "`format`" if column in READS_WITH_FORMAT.get(name, ()) else ""


def quoted(text: str) -> str:
    return code(f'"{text}"') if len(text) < 40 else f"{len(text):,} characters"


def date_section() -> Iterable[str]:
    from clevertap_import.config.target import DateFormat
    from scripts.reference.keys import choices

    yield from heading(2, "Date formats", "For `format` of a property of type date, and of `created_on`.")
    yield from table(("format", "reads"), [(code(each), code(written(each))) for each in choices(DateFormat)])


def written(date_format: str) -> str:
    """The moment 2024-03-18 09:30 in that format."""
    if date_format in SPECIAL:
        return SPECIAL[date_format]
    for field, digits in SAMPLE.items():
        date_format = date_format.replace(field, digits)
    return date_format


def system_section() -> Iterable[str]:
    words = (
        "Profile properties that CleverTap knows by name, case included. They take no other types than these."
        " `Items` is one of the event Charged alone."
    )
    yield from heading(2, "System properties", words)
    rows = [
        (
            code(each.name),
            ", ".join(map(code, each.types)),
            ", ".join(map(code, each.accepts)),
            ", ".join(map(code, each.rejects)),
            code_link(each.code) if each.code else "",
        )
        for each in (*SYSTEM_PROPERTIES.values(), ITEMS)
    ]
    yield from table(("property", "type", "accepts", "rejects", "code of wrong values"), rows)


def unproven_section() -> Iterable[str]:
    words = (
        "Operations of CleverTap's upload API whose effect its pages do not say, or say in two ways."
        " `clevertap-import probe --test-project` finds out what a test project does with each."
    )
    yield from heading(2, "What is not proven", words)
    rows = [(each.name, each.does, each.known) for each in OPERATIONS]
    yield from table(("operation", "is", "what CleverTap says"), rows)


def code_link(name: str) -> str:
    return f"`{name}`: {codes.CODES[name].reason}"


def code_section() -> Iterable[str]:
    words = (
        "Why a row was not imported. Numbers are CleverTap's, words are ours. The column `check` names the"
        " check that finds it. A number can also come from CleverTap itself: such a row counts as rejected,"
        " not as invalid, and `rejects` shows it without a column."
    )
    yield from heading(2, "Error codes", words)
    rows: Sequence[Sequence[str]] = [
        (code(each.code), each.reason, each.check, each.example, each.remedy) for each in codes.ALL
    ]
    yield from table(("code", "means", "check", "example", "what to do"), rows)


def check_section() -> Iterable[str]:
    words = "They look at every row before a run sends anything. Alone they are the dry run, on a sample."
    yield from heading(2, "Asset checks", words)
    rows = [(code(name), text, "no" if name == "impact" else "yes") for name, text in DESCRIPTIONS.items()]
    yield from table(("check", "passes if, or shows", "can stop a run"), rows)
    words = (
        "They say how the import stands. Its runs write them, and the sensor `import_center` between runs."
    )
    yield from heading(3, "Of an import between runs", words)
    yield from table(
        ("check", "passes if"), [(code(name), text) for name, text in STATUS_DESCRIPTIONS.items()]
    )
    yield from heading(3, "Of all imports", "On the asset `clevertap/import_center`.")
    yield from table(
        ("check", "passes if"), [(code(name), text) for name, (text, _) in CENTER_CHECKS.items()]
    )


def metadata_section() -> Iterable[str]:
    words = (
        "On an observation of every run, also a failed one. The materialization of a window has the marked"
        " keys, with the counts of the rows of that window alone; `result`, `query_id`, `seconds` and"
        " `records_per_second` are those of its run. A full import has no windows: its materialization has"
        " the keys of the run."
    )
    yield from heading(2, "Metadata", words)
    rows = [(code(key), "yes" if key in OF_WINDOWS else "", text) for key, text in MEANINGS.items()]
    yield from table(("key", "of a window", "means"), rows)
    yield from heading(3, "Of the import center", "On each materialization of `clevertap/import_center`.")
    yield from table(("key", "means"), [(code(key), text) for key, text in CENTER_METADATA.items()])


def metrics_section() -> Iterable[str]:
    words = "What `clevertap-import metrics` prints: for each import, but for `daemon_alive`."
    yield from heading(2, "Metrics", words)
    meanings = {"rows_total": ROWS, **GAUGES, "daemon_alive": DAEMON}
    rows = [(code(f"clevertap_import_{name}"), text) for name, text in meanings.items()]
    yield from table(("metric", "means"), rows)
    words = "What runs send by OpenTelemetry besides; see [monitoring](monitoring.md#opentelemetry)."
    yield from heading(3, "Metrics of runs", words)
    yield from table(("metric", "means"), [(code(name), text) for name, text in RUN_METRICS.items()])
