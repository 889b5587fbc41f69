"""Xero's `where` and `order`: the documented part of its C#-like filter language, as Python predicates.

Grammar: comparisons (== != > >= < <=) of a field, or of a field with .ToLower()/.ToUpper(), with a literal
("text", true, number, null, DateTime(y, m, d[, h, m, s]), Guid("…")); field.StartsWith/EndsWith/Contains("…");
AND, OR, &&, ||, !, parentheses. Text is compared without case. Anything else is refused, as in Xero.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from xero.simulator.wire import bad_query

MOST_TOKENS = 300
"""Keeps the recursion of nested parentheses within bounds."""

Predicate = Callable[[Any], bool]
Getter = Callable[[Any], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*")|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z_0-9]*)"""
    r"""|(?P<sign>==|!=|>=|<=|&&|\|\||[=<>().,!]))"""
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_METHODS: Mapping[str, Callable[[str, str], bool]] = {
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": operator.contains,
}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_where(text: str, fields: Mapping[str, Getter]) -> Predicate:
    """`fields` says, by Xero's field name, how to read a field. Raises Refusal (400) for anything that is not
    understood."""
    tokens = _tokenize(text)
    if len(tokens) > MOST_TOKENS:
        raise bad_query("The filter is too long")
    parser = _Parser(tokens, fields)
    predicate = parser.either()
    parser.expect_end()
    return predicate


def parse_order(text: str, fields: Sequence[str]) -> list[tuple[str, bool]]:
    """Pairs of field and descending, of `Name ASC, UpdatedDateUTC DESC`; the direction may be left out."""
    known = {field.upper(): field for field in fields}
    order = []
    for part in text.split(","):
        words = part.split()
        field = known.get(words[0].upper()) if words else None
        if field is None or len(words) > 2 or (words[1:] and words[1].upper() not in ("ASC", "DESC")):
            raise bad_query(f"The order {part.strip()!r} is not supported")
        order.append((field, words[1:] != [] and words[1].upper() == "DESC"))
    return order


def _tokenize(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_query(f"Syntax error (at index {position})")
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match.group(kind), match.start(kind)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: either → both → negation → comparison."""

    def __init__(self, tokens: list[_Token], fields: Mapping[str, Getter]) -> None:
        self._tokens = tokens
        self._fields = {name.upper(): getter for name, getter in fields.items()}
        self._next = 0

    def either(self) -> Predicate:
        parts = [self._both()]
        while self._take("OR", "||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._error()

    def _both(self) -> Predicate:
        parts = [self._negation()]
        while self._take("AND", "&&"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _negation(self) -> Predicate:
        if self._take("!", "NOT"):
            inner = self._negation()
            return lambda row: not inner(row)
        if self._take("("):
            group = self.either()
            self._expect(")")
            return group
        return self._comparison()

    def _comparison(self) -> Predicate:
        getter = self._field()
        while self._take("."):
            method = self._word().upper()
            self._expect("(")
            if method in ("TOLOWER", "TOUPPER"):
                self._expect(")")
                continue
            if method not in _METHODS:
                raise bad_query(f"No applicable method '{method}' exists")
            argument = self._text()
            self._expect(")")
            return _method_predicate(getter, _METHODS[method], argument)
        sign = self._peek()
        if sign is None or sign.text not in _COMPARISONS:
            return lambda row: getter(row) is True
        self._next += 1
        return _comparison_predicate(getter, _COMPARISONS[sign.text], self._literal())

    def _field(self) -> Getter:
        token = self._peek()
        name = self._word()
        # A dot leads to a part (Contact.Name) or to a method; the names of the fields show which.
        while self._starts_field(name):
            self._next += 1
            name = f"{name}.{self._word()}"
        getter = self._fields.get(name.upper())
        if getter is None:
            index = token.at if token else 0
            raise bad_query(f"No property or field '{name}' exists (at index {index})")
        return getter

    def _starts_field(self, name: str) -> bool:
        dot = self._peek()
        return (
            dot is not None
            and dot.text == "."
            and any(f.startswith(f"{name.upper()}.") for f in self._fields)
        )

    def _literal(self) -> Any:
        token = self._advance()
        if token.kind == "text":
            return token.text[1:-1].casefold()
        if token.kind == "number":
            return Decimal(token.text)
        word = token.text.upper()
        if word in ("TRUE", "FALSE", "NULL"):
            return {"TRUE": True, "FALSE": False, "NULL": None}[word]
        if word == "DATETIME":
            return self._date()
        if word == "GUID":
            return self._guid()
        self._next -= 1
        raise self._error()

    def _date(self) -> datetime:
        self._expect("(")
        parts = [self._whole()]
        while self._take(","):
            parts.append(self._whole())
        self._expect(")")
        try:
            year, month, day, hour, minute, second = parts + [0] * (6 - len(parts))
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            raise bad_query("DateTime needs year, month and day of a real date") from error

    def _whole(self) -> int:
        text = self._advance_kind("number")
        if not text.isdecimal() or len(text) > 4:
            raise bad_query(f"{text[:20]} is no part of a date")
        return int(text)

    def _guid(self) -> str:
        self._expect("(")
        text = self._text()
        self._expect(")")
        try:
            return str(UUID(text))
        except ValueError as error:
            raise bad_query(f"{text!r} is not a Guid") from error

    def _word(self) -> str:
        return self._advance_kind("word")

    def _text(self) -> str:
        return self._advance_kind("text")[1:-1].casefold()

    def _advance_kind(self, kind: str) -> str:
        token = self._peek()
        if token is None or token.kind != kind:
            raise self._error()
        self._next += 1
        return token.text

    def _advance(self) -> _Token:
        token = self._peek()
        if token is None:
            raise self._error()
        self._next += 1
        return token

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, *texts: str) -> bool:
        token = self._peek()
        if token is None or token.kind == "text" or token.text.upper() not in texts:
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._error()

    def _error(self) -> Exception:
        token = self._peek()
        at = f"'{token.text}' (at index {token.at})" if token else "the end"
        return bad_query(f"Syntax error: {at} was not expected")


def _comparable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    return value.casefold() if isinstance(value, str) else value


def _method_predicate(getter: Getter, method: Callable[[str, str], bool], argument: str) -> Predicate:
    def predicate(row: Any) -> bool:
        value = getter(row)
        if value is not None and not isinstance(value, str):
            raise bad_query("The method is for text only")
        return method((value or "").casefold(), argument)

    return predicate


def _comparison_predicate(getter: Getter, compare: Callable[[Any, Any], bool], literal: Any) -> Predicate:
    """A blank text equals null. Values of types that cannot be compared are refused."""

    def predicate(row: Any) -> bool:
        value = _comparable(getter(row))
        try:
            if literal is None:
                return compare(value or None, None)
            return compare(value, literal)
        except TypeError as error:
            raise bad_query("Operator incompatible with operand types") from error

    return predicate
