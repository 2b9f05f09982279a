"""Rows of JSON: objects line by line, an array of objects, or the answer of an API that has them at a path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from csctl.errors import Usage
from csctl.tabular.row import Row

_CHUNK = 1 << 16
# Numbers stay the text that they are: 19.99 is not a float.
_AS_TEXT: dict[str, Any] = {"parse_float": str, "parse_int": str, "parse_constant": str}


class JsonSource:
    """Rows of a JSON file. `columns`: each row names its own; objects in objects are taken apart, `billing.city`."""

    def __init__(self, file: TextIO, items: str | None = None) -> None:
        self.columns: list[str] | None = None
        self.above = 0
        self._file, self._items = file, items

    def __iter__(self) -> Iterator[Row]:
        first = next((line for line in self._file if line.strip()), "")
        if self._items:
            yield from self._at_path(first, self._items)
        elif first.lstrip().startswith("["):
            yield from _array(first, self._file)
        else:
            yield from self._lines(first)

    def _lines(self, first: str) -> Iterator[Row]:
        """One row for each line. A first line that is not an object may begin one of several lines."""
        number = 1
        if first and _parsed(first) is None:
            rest = self._file.read()
            if isinstance(whole := _parsed(first + rest), dict):
                yield _row(1, whole)
                return
            yield _row_of_line(1, first)
            first, lines = "", iter(rest.splitlines())
        else:
            lines = iter(self._file)
        if first:
            yield _row_of_line(number, first)
        for number, text in enumerate(lines, start=2):
            if text.strip():
                yield _row_of_line(number, text)

    def _at_path(self, first: str, path: str) -> Iterator[Row]:
        try:
            whole = json.loads(first + self._file.read(), **_AS_TEXT)
        except (ValueError, RecursionError) as error:
            raise Usage("the file is not one JSON document", cause=_why(error)) from None
        found = at_path(whole, path)
        if found is None:
            keys = ", ".join(whole) if isinstance(whole, dict) else "an array"
            raise Usage(f"the file has nothing at {path}", fix=f"its rows may be in one of: {keys}")
        for number, one in enumerate(found, start=1):
            yield _row(number, one)


def at_path(value: Any, path: str) -> list[Any] | None:
    """The elements at a path such as `data.list`: of a list, or the values of an object. None if nothing is there."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else None


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The texts of an object by path. What is null is left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield f"{prefix}{name}", "true" if value else "false"
        elif value is not None:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def _why(error: ValueError | RecursionError) -> str:
    return "too many objects inside each other" if isinstance(error, RecursionError) else str(error)


def _parsed(text: str) -> Any:
    """A JSON value; None for what is none."""
    try:
        return json.loads(text, **_AS_TEXT)
    except (ValueError, RecursionError):
        return None


def _row_of_line(line: int, text: str) -> Row:
    try:
        value = json.loads(text, **_AS_TEXT)
    except (ValueError, RecursionError) as error:
        return Row(line, {"text": text.strip()}, problem=Usage("the line is not JSON", cause=_why(error)))
    return _row(line, value, text.strip())


def _row(line: int, value: Any, text: str | None = None) -> Row:
    if not isinstance(value, dict):
        whole = text if text is not None else json.dumps(value)
        return Row(line, {"text": whole}, problem=Usage("the row is not a JSON object"))
    try:
        return Row(line, value, dict(flat(value)))
    except RecursionError as error:
        return Row(line, {"text": "(not kept)"}, problem=Usage("the row cannot be read", cause=_why(error)))


def _past(text: str, place: int) -> int:
    """The place after what stands between elements."""
    while place < len(text) and (text[place].isspace() or text[place] == ","):
        place += 1
    return place


def _array(first: str, file: TextIO) -> Iterator[Row]:
    """The elements of an array, one at a time: it may be long."""
    decoder = json.JSONDecoder(**_AS_TEXT)
    text, place, line, chunk = first, first.index("[") + 1, 1, _CHUNK
    while True:
        start = _past(text, place)
        line += text.count("\n", place, start)
        if text.startswith("]", start):
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            more = file.read(chunk)
            if not more:
                raise Usage(f"the array is not JSON from line {line} on", cause=_why(error)) from None
            text, place, chunk = text[start:] + more, 0, chunk * 2
            continue
        if end == len(text) and (more := file.read(_CHUNK)):  # a number may go on
            text, place = text[start:] + more, 0
            continue
        yield _row(line, value)
        line += text.count("\n", start, end)
        place, chunk = end, _CHUNK
