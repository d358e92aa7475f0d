"""The user's SQL: one SELECT or WITH, and the tables that it names."""

from collections.abc import Iterator
from itertools import dropwhile, pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from clevertap_import.errors import ConfigError

QUERY_WORDS = ("SELECT", "WITH")

OPENING = {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}

MORE_THAN_READING = (TokenType.INTO, TokenType.DARROW)
"""INTO writes; ->> is Snowflake's flow operator, which passes the result to another statement."""

PATH = (TokenType.COLON, TokenType.DOT)
"""Comes before a name inside a VARIANT, which may be any word: src:into."""


class NotASelect(ConfigError):
    """The SQL is not one query that only reads."""


def one_select(sql: str) -> str:
    """`sql` without a trailing semicolon, if it is one SELECT or WITH; otherwise raises NotASelect.

    Only the words are checked, not the grammar: Snowflake knows its own grammar better, and reports where it
    is wrong.
    """
    tokens = tokens_of(sql)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise NotASelect("The SQL is empty. Write one SELECT or WITH.")
    for problem in problems(tokens):
        raise NotASelect(problem)
    return sql[: tokens[-1].end + 1]


def problems(tokens: list[Token]) -> Iterator[str]:
    """Why these words are not one SELECT or WITH."""
    begun = [*dropwhile(lambda token: token.token_type is TokenType.L_PAREN, tokens)] or tokens
    first = begun[0].text.upper()
    if first not in QUERY_WORDS:
        yield f"The SQL begins with {first}. Only one SELECT or WITH is run here."
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            yield f"The SQL has a second statement after line {token.line}. Only one SELECT or WITH is run."
    if not balanced(tokens):
        yield "The parentheses of the SQL do not match."
    if first == "WITH" and (word := word_after_with(begun)) not in ("SELECT", "("):
        yield f"After its WITH the SQL has {word}. Only one SELECT or WITH is run here."
    for before, token in pairwise(tokens):
        if token.token_type in MORE_THAN_READING and before.token_type not in PATH:
            yield (
                f"The SQL has {token.text.upper()} on line {token.line}, which does more than read."
                " Only one SELECT or WITH is run."
            )


def tokens_of(sql: str) -> list[Token]:
    try:
        # In sqlglot {# begins a comment, as in Jinja; in Snowflake it does not.
        return list(sqlglot.tokenize(sql.replace("{#", "{{"), dialect="snowflake"))
    except SqlglotError:
        raise NotASelect("The SQL has a quote or a comment that is never closed.") from None


def balanced(tokens: list[Token]) -> bool:
    """Whether every parenthesis is closed, and none is closed before it is opened."""
    depth = 0
    for token in tokens:
        depth += OPENING.get(token.token_type, 0)
        if depth < 0:
            return False
    return depth == 0


def word_after_with(tokens: list[Token]) -> str:
    """The first word after the definitions of a WITH: after a closing parenthesis, and not AS or a comma."""
    depth = 0
    for token, following in pairwise(tokens):
        depth += OPENING.get(token.token_type, 0)
        word = str(following.text).upper()
        if depth == 0 and token.token_type is TokenType.R_PAREN and word not in ("AS", ","):
            return word
    return "nothing"


def tables_named(sql: str) -> tuple[str, ...]:
    """The tables that `sql` reads, as written, sorted; empty if the parser does not understand the SQL.

    They are used only for lineage, so an unknown table is not an error.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="snowflake")
    except (SqlglotError, RecursionError):
        return ()
    defined = {cte.alias_or_name.upper() for cte in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if table.name]
    return tuple(sorted({table_name(table) for table in tables if plain_name(table).upper() not in defined}))


def plain_name(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)


def table_name(table: exp.Table) -> str:
    """The name as written, with its quotes: without them it would be another table."""
    return ".".join(quoted(part.name) if part.args.get("quoted") else part.name for part in table.parts)


def quoted(name: str) -> str:
    """`name` as a quoted identifier, which Snowflake takes literally."""
    return '"' + name.replace('"', '""') + '"'
