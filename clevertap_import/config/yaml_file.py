"""From the text of a YAML file to imports; or to drafts, with every problem and the line it is on."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, ClassVar, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError, SafeConstructor

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.strict_model import not_a_key, shown
from clevertap_import.config.yaml_bounds import Loader, TooMuch, check_bounds
from clevertap_import.errors import did_you_mean
from clevertap_import.escapes import escaped

M = TypeVar("M", bound=BaseModel)

COMPONENT = "clevertap_import.components.CleverTapImport"
CENTER = "clevertap_import.components.ImportCenter"
"""The component that shows all imports of a Dagster project; its documents have no import."""

OWN_KEYS = ("type", "attributes")
DAGSTER_KEYS = ("requirements", "post_processing")
"""Keys that Dagster applies to a component in a project's own defs folder; here nothing applies them."""

NOT_APPLIED = "works only in the defs folder of your own Dagster project. Nothing would apply it here."

DOCUMENT_KEYS = (*OWN_KEYS, *DAGSTER_KEYS)

LONGEST_DRAFT_NAME = 100
"""As long as the name of an import may be in the journal's database."""

SYNTAX_HINTS: Mapping[str, str] = {
    "cannot start any token": "Indent with spaces, not tabs, and put text that begins with a sign in quotes.",
    "mapping values are not allowed": "Put text with ': ' in it in quotes; indent all keys of a block alike.",
    "unexpected end of stream": "Close the quote or bracket that opens here.",
    "did not find expected ','": "A bracket is not closed, or a comma is missing.",
    "undefined alias": "Put text that begins with * in quotes.",
    "could not determine a constructor": "Put text that begins with ! or = in quotes.",
    "control characters": "Remove the invisible character.",
}
ANY_SYNTAX_HINT = (
    "Look there and on the lines above for a missing ': ', an open quote or bracket, or uneven indents."
)


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing to change in a YAML file."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (f"{self.file}:{self.line}", self.key, self.message) if part)


@dataclass(frozen=True, slots=True)
class LoadedImport:
    """An import that can run. `lines` has the line of every key, such as `target.properties[2].column`."""

    config: ImportConfig
    file: str
    line: int
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def problem(self, key: str, message: str) -> ConfigProblem:
        return ConfigProblem(self.file, line_of(self.lines, key, self.line), key, message)


@dataclass(frozen=True, slots=True)
class Draft:
    """An import whose YAML has problems. It is listed, and the others go on working."""

    nickname: str
    file: str
    line: int
    problems: tuple[ConfigProblem, ...]


ImportFile = LoadedImport | Draft


def read_imports(text: str, file: str, *, in_project: bool = False) -> tuple[ImportFile, ...]:
    """Every import of a YAML file, in order. Documents of other Dagster components are passed over.

    `in_project`: the file is in the defs folder of a Dagster project, where Dagster applies its own keys.
    """
    if not text.strip():
        return (unreadable(file, 1, "The file is empty. Write the keys type and attributes, or remove it."),)
    found: list[ImportFile] = []
    try:
        check_bounds(text)
        for root in yaml.compose_all(text, Loader):
            found += _read_document(root, text, file, in_project=in_project)
    except TooMuch as error:
        found.append(unreadable(file, error.line, error.message))
    except yaml.YAMLError as error:  # the parser cannot go on behind it
        found.append(unreadable(file, *syntax_problem(error, text)))
    return tuple(found)


def unreadable(file: str, line: int, message: str) -> Draft:
    """The draft of a file, or of the rest of a file, whose nickname cannot be read."""
    return Draft(_draft_name(_name_of(file)), file, line, (ConfigProblem(file, line, "", message),))


def line_of(lines: Mapping[str, int], key: str, default: int) -> int:
    """The line of `key`; without one, the line of the nearest block around it."""
    while key and key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return lines.get(key, default)


def _read_document(root: yaml.Node, text: str, file: str, *, in_project: bool) -> Iterator[ImportFile]:
    """Yields nothing for a document that is none of ours."""
    line = root.start_mark.line + 1
    # Lines first: construction folds merged keys into the nodes.
    lines, repeated = key_lines(root)
    try:
        document = Values().construct_document(root)
    except yaml.YAMLError as error:
        yield unreadable(file, *syntax_problem(error, text))
        return
    if document is None:  # only comments
        return
    if not isinstance(document, dict):
        yield unreadable(
            file, line, f"The document is {shown(document)}. Write the keys type and attributes."
        )
        return
    if not _is_other_component(document.get("type")):
        around = [
            ConfigProblem(
                file,
                at,
                key.removeprefix("attributes."),
                f"{key.rsplit('.')[-1]!r} is given twice. Keep one.",
            )
            for key, at in repeated
        ]
        for key, message in _document_problems(document, in_project=in_project):
            around.append(ConfigProblem(file, line_of(lines, key, line), key, message))
        yield _read_import(document, file, line, lines, around)


def _read_import(
    document: dict[object, object],
    file: str,
    line: int,
    lines: dict[str, int],
    around: Iterable[ConfigProblem],
) -> ImportFile:
    """`around`: the problems outside of the attributes."""
    attributes = document.get("attributes")
    own_lines = {key.removeprefix("attributes."): at for key, at in lines.items()}
    problems = list(around)
    if attributes is not None:
        try:
            config = ImportConfig.model_validate(attributes)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                key = key_path(each["loc"], attributes)
                at = line_of(lines, f"attributes.{key}", line)
                problems.append(ConfigProblem(file, at, key, each["msg"]))
    if problems:
        nickname = _draft_name(_nickname(attributes) or _name_of(file))
        return Draft(nickname, file, line, tuple(sorted(problems, key=lambda problem: problem.line)))
    return LoadedImport(config, file, line, own_lines)


def _document_problems(document: Mapping[object, object], *, in_project: bool) -> Iterator[tuple[str, str]]:
    """Key and message of each problem outside of the attributes."""
    kind = document.get("type")
    if kind is None:
        yield "type", f"'type' is missing. Write type: {COMPONENT}"
    elif kind != COMPONENT:
        yield "type", f"type is {shown(kind)}. Write {COMPONENT}"
    if document.get("attributes") is None:
        yield "attributes", "'attributes' is missing. The keys of the import belong below it."
    for key in document:
        if key in ImportConfig.model_fields:
            yield str(key), f"{key!r} is not a key here. Indent it, so that it is below attributes."
        elif key in DAGSTER_KEYS and not in_project:
            yield str(key), f"{key!r} {NOT_APPLIED}"
        elif key not in DOCUMENT_KEYS:
            yield str(key), not_a_key(key, DOCUMENT_KEYS if in_project else OWN_KEYS)


def _is_other_component(kind: object) -> bool:
    """Whether `type` names another component, and not ours with a typing error."""
    return kind == CENTER or (
        isinstance(kind, str) and kind != COMPONENT and not did_you_mean(kind, (COMPONENT,))
    )


def key_path(loc: tuple[int | str, ...], value: object) -> str:
    """A pydantic location as a path in the YAML: without the kinds that pydantic adds behind unions."""
    path = ""
    is_entered = False
    for step in loc:
        if is_entered and isinstance(value, dict) and value.get("kind") == step:
            is_entered = False
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
        value = _child(value, step)
        is_entered = True
    return path.removeprefix(".")


def _child(value: object, step: int | str) -> object:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) else None


def key_lines(root: yaml.Node) -> tuple[dict[str, int], list[tuple[str, int]]]:
    """The line of every key and list entry, and repeated keys. Enters each node once, aliased or not."""
    lines: dict[str, int] = {}
    repeated: list[tuple[str, int]] = []
    seen: set[int] = set()

    def walk(node: yaml.Node, path: str) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        for child_path, mark, child in _children(node, path):
            line = mark.line + 1
            if child_path in lines:
                repeated.append((child_path, line))
            lines[child_path] = line  # YAML uses the last of two equal keys
            walk(child, child_path)

    walk(root, "")
    return lines, repeated


def _children(node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Mark, yaml.Node]]:
    match node:
        case yaml.MappingNode():
            for key, child in node.value:
                yield f"{path}.{key.value}".removeprefix("."), key.start_mark, child
        case yaml.SequenceNode():
            for index, child in enumerate(node.value):
                yield f"{path}[{index}]", child.start_mark, child


def _or_text(tag: str) -> Callable[[SafeConstructor, yaml.ScalarNode], object]:
    construct = SafeConstructor.yaml_constructors[tag]

    def constructed(values: SafeConstructor, node: yaml.ScalarNode) -> object:
        try:
            return construct(values, node)
        except ValueError:
            return node.value

    return constructed


class Values(SafeConstructor):
    """Values of nodes. Text that looks like a day or number but is none, such as 2026-13-01, stays text.

    All keys stay text too: YAML would read `on` as true.
    """

    yaml_constructors: ClassVar = SafeConstructor.yaml_constructors | {
        tag: _or_text(tag) for tag in map("tag:yaml.org,2002:{}".format, ("timestamp", "int", "float"))
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a list or block is in the place of a key", key.start_mark)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def syntax_problem(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Line and message. A quote or bracket that is never closed is reported at its opening line."""
    last_line = text.rstrip().count("\n") + 1
    if isinstance(error, yaml.MarkedYAMLError):
        marks = (error.problem_mark, error.context_mark)
        lines = [mark.line + 1 for mark in marks if mark and mark.line < last_line]
        what = error.problem or str(error)
    else:
        lines = [text.count("\n", 0, getattr(error, "position", 0)) + 1]
        what = getattr(error, "reason", str(error))
    hint = next((hint for words, hint in SYNTAX_HINTS.items() if words in what), ANY_SYNTAX_HINT)
    return lines[0] if lines else last_line, f"This line is not YAML: {what}. {hint}"


def _nickname(attributes: object) -> str:
    nickname = attributes.get("nickname") if isinstance(attributes, dict) else None
    return nickname if isinstance(nickname, str) else ""


def _name_of(file: str) -> str:
    """The name of its folder, as Dagster names components; or of the file, if it is not a defs.yaml."""
    path = PurePath(file)
    return path.stem if path.stem != "defs" else path.parent.name or path.stem


def _draft_name(name: str) -> str:
    """`name`, which may be any text, in one line of letters that each terminal and database takes."""
    return escaped(name, "")[:LONGEST_DRAFT_NAME]


@dataclass(frozen=True, slots=True)
class Block(Generic[M]):
    """A YAML file that is no import. `value`: None if it has problems. `lines`: the line of each key."""

    value: M | None
    problems: tuple[ConfigProblem, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)


def read_block(text: str, file: str, model: type[M]) -> Block[M]:
    """The one document of the file, as `model`."""

    def wrong(line: int, message: str) -> Block[M]:
        return Block(None, (ConfigProblem(file, line, "", message),))

    try:
        check_bounds(text)
        root = yaml.compose(text, Loader)
        if root is None:
            return wrong(1, "The file is empty. Write its keys, or remove it.")
        lines, repeated = key_lines(root)
        value = Values().construct_document(root)
    except TooMuch as error:
        return wrong(error.line, error.message)
    except yaml.YAMLError as error:
        return wrong(*syntax_problem(error, text))
    problems = [ConfigProblem(file, at, key, f"{key!r} is given twice. Keep one.") for key, at in repeated]
    try:
        found = model.model_validate(value)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            key = key_path(each["loc"], value)
            problems.append(ConfigProblem(file, line_of(lines, key, 1), key, each["msg"]))
    if problems:
        return Block(None, tuple(sorted(problems, key=lambda problem: problem.line)), lines)
    return Block(found, (), lines)
