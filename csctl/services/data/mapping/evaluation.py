"""The rules of a section, applied to the rows of one pass over a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from csctl.clock import parse_time
from csctl.domain.record_kinds import IDENTIFIERS, read_cell
from csctl.domain.zones import zone_of
from csctl.errors import Usage
from csctl.services.data.mapping.header import Names
from csctl.services.data.mapping.language import COUNTER, OTHERS, FileRules, Rule, Section, Template
from csctl.tabular.json_rows import at_path, flat
from csctl.tabular.row import Original

_Cells = Mapping[str, str]
_Reader = Callable[[_Cells], str]
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+", re.ASCII)
_MILLISECONDS = 100_000_000_000  # a count since 1970 that is larger is not of seconds


class Evaluation:
    """The records of a section, from the rows of a file. Each section has its own counters.

    `names` are the columns that the header has, of a CSV file; None where each row names its own. `ignored` are
    columns that nothing is mapped to.
    """

    def __init__(self, section: Section, file: FileRules, names: Names | None, header: Sequence[str] = ()) -> None:
        self.section, self._file, self._names = section, file, names
        self._empty = frozenset(word.casefold() for word in file.empty)
        self.readers: dict[str, _Reader] = {name: self._reader(name, rule) for name, rule in section.rules.items()}
        if names is not None and section.automatic:
            free = (name for name in section.kind.fields if name in names and name not in self.readers)
            self.readers |= {name: self._reader(name, Rule((Template(("", name, "")),))) for name in free}
        self._conditions = [(self._cell(condition.column), condition) for condition in section.where]
        self._seen: set[str] = set(header)
        used = set((names or {}).values())
        self.ignored: dict[str, None] = dict.fromkeys(name for name in header if name and name not in used)

    def applies(self, cells: _Cells) -> bool:
        """Whether the section takes this row."""
        return all(
            (read(cells).casefold() in condition.words) is not condition.negated for read, condition in self._conditions
        )

    def key(self, cells: _Cells) -> str:
        """The text by which the record is known again; empty where the row has none."""
        reader = self.readers.get(self.section.kind.key)
        return reader(cells) if reader else ""

    def values(self, cells: _Cells) -> dict[str, str]:
        """The fields that a row gives: what is empty is not given. Raises Usage, naming the field."""
        found: dict[str, str] = {}
        for name, reader in self.readers.items():
            if text := reader(cells):
                found[name] = text
        return found

    def learn(self, cells: _Cells) -> None:
        """Take note of the columns of a row that names its own."""
        if self._names is not None or self._seen.issuperset(cells):
            return
        free = self.section.kind.fields if self.section.automatic else ()
        mapped = set(self.section.columns)
        for column in cells.keys() - self._seen:
            field = column.replace(".", "_")
            if field in free and field not in self.section.rules and field not in self.section.left_out:
                self.readers.setdefault(field, self._reader(field, Rule((Template(("", column, "")),))))
            elif column not in mapped and field not in mapped:
                self.ignored[column] = None
        self._seen |= cells.keys()

    @property
    def never_seen(self) -> list[str]:
        """Mapped columns that no row had."""
        seen = self._seen | {column.replace(".", "_") for column in self._seen}
        return sorted(set(self.section.columns) - seen)

    # -- how the text of a field is read

    def _reader(self, field: str, rule: Rule) -> _Reader:
        read = self._plain(field, rule)
        if rule.absolute:
            read = _then(read, _absolute)
        if rule.values is not None:
            read = _then(read, _translator(field, rule))
        if rule.word:
            read = _then(read, _first if rule.word == "first" else _rest)
        if field in IDENTIFIERS:
            read = _then(read, lambda text: _not_rounded(field, text))
        dates = rule.dates or self._file.dates
        if _is_time(field) and (dates or rule.zone):
            return self._time(field, read, rule.zone, dates)
        return read

    def _plain(self, field: str, rule: Rule) -> _Reader:
        if rule.constant is not None:
            constant = rule.constant
            return lambda _cells: constant
        readers = [self._template(template, field) for template in rule.sources]
        if len(readers) == 1:
            return readers[0]
        return lambda cells: next((text for read in readers if (text := read(cells))), "")

    def _template(self, template: Template, field: str = "") -> _Reader:
        if template.column:
            return self._cell(template.column, field)
        holes = [None if hole == COUNTER else self._cell(hole, field) for hole in template.pieces[1::2]]
        counts: dict[str, int] = {}

        def fill(cells: _Cells) -> str:
            text = template.pieces[0]
            for hole, after in zip(holes, template.pieces[2::2], strict=True):
                if hole is None:
                    counts[text] = counts.get(text, 0) + 1
                    value = str(counts[text])
                elif not (value := hole(cells)):
                    return ""  # half a text would be another one
                text += value + after
            return text

        return fill

    def _cell(self, column: str, field: str = "") -> _Reader:
        names, empty = self._names, self._empty
        name = names.get(column, column) if names is not None else column
        apostrophe, csv = self._file.options.apostrophe, names is not None

        def read(cells: _Cells) -> str:
            text = cells.get(name, "").strip()
            if csv and text[:1] in ("'", "="):
                text = read_cell(field, text, apostrophe=apostrophe).strip()
            return "" if empty and text.casefold() in empty else text

        return read

    def _time(self, field: str, read: _Reader, zone: Template | None, dates: Sequence[str]) -> _Reader:
        of_zone = self._template(zone) if zone else None

        def time(cells: _Cells) -> str:
            text = read(cells)
            if not text:
                return ""
            moment = _moment(field, text, dates)
            if of_zone and moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone_of(of_zone(cells) or "UTC"))
            return moment.isoformat()

        return time


def _then(read: _Reader, change: Callable[[str], str]) -> _Reader:
    def both(cells: _Cells) -> str:
        text = read(cells)
        return change(text) if text else ""

    return both


def _absolute(text: str) -> str:
    return re.sub(r"[-+()\u2212]", "", text).strip()


def _first(text: str) -> str:
    return text.split()[0]


def _rest(text: str) -> str:
    return " ".join(text.split()[1:])


def _translator(field: str, rule: Rule) -> Callable[[str], str]:
    exact = dict(rule.values or {})
    words = {word.casefold(): value for word, value in exact.items()}
    others = exact.get(OTHERS)

    def translate(text: str) -> str:
        found = exact.get(text, words.get(text.casefold(), others))
        if found is None:
            raise Usage(
                f"{field}: the mapping does not know {text[:40]!r}", fix=f"it knows: {', '.join(list(exact)[:20])}"
            )
        return found

    return translate


def _not_rounded(field: str, text: str) -> str:
    if _ROUNDED.fullmatch(text):
        raise Usage(
            f"{field}: {text} is not the whole number",
            cause="a spreadsheet has rounded it, and other records have the same",
            fix="make the column a text in the spreadsheet, or use the file as it was exported",
        )
    return text


def _is_time(field: str) -> bool:
    return field.endswith(("_at", "_on", "_until"))


def _moment(field: str, text: str, dates: Sequence[str]) -> datetime:
    """A time as the file writes it; without an offset where the file has none. Raises Usage."""
    for form in dates:
        try:
            if form == "unix":
                seconds = float(text)
                return datetime.fromtimestamp(seconds / (1000 if seconds > _MILLISECONDS else 1), UTC)
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone comes from the mapping, or is the shop's
        except (ValueError, OverflowError, OSError):
            continue
    if dates:
        raise Usage(f"{field}: {text[:40]!r} is not a time", cause=f"the file writes them as {' or '.join(dates)}")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parse_time(text)


def records(section: Section, cells: _Cells, original: Original) -> Iterator[tuple[_Cells, Original]]:
    """The records of a row, each with what is written back if it is refused: the row, or an element of its list."""
    if section.items is None or not isinstance(original, dict):
        yield cells, original
        return
    path = section.items
    rest = {column: text for column, text in cells.items() if column != path and not column.startswith(f"{path}.")}
    for element in at_path(original, path) or []:
        below = dict(flat(element, f"{path}.")) if isinstance(element, dict) else {}
        yield {**rest, **below}, _with(original, path.split("."), [element])


def _with(original: Mapping[str, Any], path: Sequence[str], value: Any) -> Mapping[str, Any]:
    """The object with something else at a path."""
    name, *further = path
    below = original.get(name)
    return {**original, name: _with(below, further, value) if further and isinstance(below, dict) else value}
