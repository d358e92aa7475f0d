"""Counts the private words that are left: in comments, docstrings, texts and names.

python -m scripts.words            a table by package
python -m scripts.words FOLDER     each place in FOLDER, as file:line
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("clevertap_import", "clevertap_import_tests", "scripts")

IN_PROSE = {
    # A word or phrase, and what to write instead.
    r"told|tells?": "say, show, distinguish",
    r"held": "hold, withheld, in use",
    r"kept": "stored, unchanged",
    r"news": "new",
    r"met": "seen, fulfilled",
    r"whatever": "any, all",
    r"so many": "the number",
    r"(?:come|comes|came) to nothing": "fail",
    r"be it": "both",
    r"stands? still": "does not change",
    r"or else|(?<=[;,.] )else|^else": "otherwise",
    r"anew": "again",
    r"of old": "earlier",
    r"mend(?:s|ed|ing)?": "fix",
    r"deal(?:s|t) out": "allocate",
    r"for nothing": "without effect",
    r"none the less|nonetheless|all the same": "still, anyway",
}
"""As whole words in comments, docstrings and texts of code."""

IN_NAMES = ("told", "tell", "held", "kept", "news", "met")
"""As one of the words of a name."""

PROSE = [re.compile(rf"(?<![\w.-])(?:{word})(?![\w-])", re.IGNORECASE) for word in IN_PROSE]

Place = tuple[int, str]
"""A line, and the word that it has."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Comments and the texts of string literals, each with its first line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value


def names(module: Path) -> Iterator[tuple[int, str]]:
    """What the module itself names, with its line: modules, classes, functions, parameters, variables."""
    yield 1, module.stem
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def words_of(name: str) -> list[str]:
    """The words of a name in snake case or camel case, in small letters."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def private_words(module: Path) -> list[Place]:
    """Each private word in the prose and in the names of `module`, by line."""
    source = module.read_text()
    prose = [
        (line + text.count("\n", 0, found.start()), found.group().lower())
        for line, text in texts(source)
        for pattern in PROSE
        for found in pattern.finditer(text)
    ]
    named = [(line, word) for line, name in names(module) for word in IN_NAMES if word in words_of(name)]
    return sorted(prose + named)


def package_of(module: Path) -> str:
    """The folder below the first one, or the first one itself."""
    parts = module.relative_to(ROOT).parts
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def modules(folder: Path) -> Iterator[Path]:
    """All modules below `folder`, except this list of words and its test."""
    return (each for each in sorted(folder.rglob("*.py")) if each.name not in ("words.py", "test_words.py"))


def main(arguments: list[str]) -> None:
    """Write the counts, or each place of a folder."""
    if arguments:
        for module in modules(Path(arguments[0]).resolve()):
            for line, word in private_words(module):
                sys.stdout.write(f"{module.relative_to(ROOT)}:{line}: {word}\n")
        return
    counts = Counter(
        package_of(module)
        for folder in FOLDERS
        for module in modules(ROOT / folder)
        for _ in private_words(module)
    )
    for package, count in sorted(counts.items()):
        sys.stdout.write(f"{count:6,}  {package}\n")
    sys.stdout.write(f"{counts.total():6,}  all\n")


if __name__ == "__main__":
    main(sys.argv[1:])
