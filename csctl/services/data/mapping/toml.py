"""Mappings from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from csctl.domain.record_kinds import KINDS
from csctl.errors import Usage
from csctl.services.data.mapping.language import Condition, FileRules, Mappings, Rule, Section, Template
from csctl.tabular.options import FileOptions, delimiter

_OPTIONS = ("format", "encoding", "delimiter", "skip_lines", "items", "apostrophe")
_FILE = (*_OPTIONS, "decimal", "amounts", "dates", "empty")
_RULE = ("column", "value", "values", "absolute", "word", "zone", "dates", "by", "total", "assumed")
_SECTION = ("where", "items", "repeats", "known_by")
_TOP = ("file", "rows", "from", "previous", "next")
_OLD_CONSTANT = ":="  # how a mapping file without tables writes a constant
_WORDS = ("first", "rest")

Table = Mapping[str, Any]


def read(path: Path, kind: str | None, named: Callable[[str], Table]) -> Mappings:
    """The mappings of a file. `kind` is what it maps where it has no sections. It may begin `from` one that is `named`.

    Raises Usage, naming the file, for what the language does not have.
    """
    try:
        table: Table = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors mark it
    except OSError as error:
        raise Usage(f"cannot read {path}", cause=error.strerror) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Usage(f"{path} is not valid TOML", cause=str(error)) from None
    try:
        if base := table.get("from"):
            table = _over(named(_text("from", base)), table)
        return of(table, kind, str(path))
    except Usage as error:
        raise Usage(f"{path}: {error.message}", cause=error.cause, fix=error.fix) from None


def of(table: Table, kind: str | None, label: str) -> Mappings:
    """The mappings that a table says."""
    where = _conditions(table.get("rows", {}).get("where", {}))
    kinds = [name for name in table if name in KINDS and isinstance(table[name], dict)]
    sections = [section for name in kinds for section in _sections(name, table[name], where)]
    loose = {name: value for name, value in table.items() if name not in (*_TOP, *kinds)}
    if loose and sections:
        raise Usage(f"{next(iter(loose))} is in no section", fix=f"write it below one of: [{'], ['.join(kinds)}]")
    if not sections and kind:
        sections = [_section(kind, kind, loose, where)]
        sections[0].automatic = True
    elif not sections:
        raise Usage("it has no section", fix=f"write what it maps below [customers], [orders]… ({', '.join(KINDS)})")
    return Mappings(_file(table.get("file", {})), sections, label, table.get("previous"), table.get("next"))


def _over(base: Table, table: Table) -> Table:
    """A table that says more than another, or something else."""
    merged = dict(base)
    for name, value in table.items():
        below = merged.get(name)
        nested = isinstance(below, dict) and isinstance(value, dict) and not {"column", "value"} & value.keys()
        merged[name] = _over(below, value) if nested and isinstance(below, dict) else value
    return merged


# -- the file


def _file(table: Table) -> FileRules:
    _known(table, _FILE, "[file]")
    options = {name: value for name, value in table.items() if name in _OPTIONS}
    if "delimiter" in options:
        options["delimiter"] = delimiter(_text("delimiter", options["delimiter"]))
    if table.get("decimal") not in (None, ".", ","):
        raise Usage(f"decimal {table['decimal']!r} is not known", fix='decimal = "." or decimal = ","')
    if table.get("amounts") not in (None, "minor", "decimal"):
        raise Usage(f"amounts {table['amounts']!r} is not known", fix='amounts = "minor" or "decimal"')
    return FileRules(
        FileOptions(**options),
        table.get("decimal"),
        table.get("amounts") == "minor",
        _several("dates", table.get("dates", [])),
        frozenset(_several("empty", table.get("empty", []))),
    )


# -- sections


def _sections(kind: str, table: Table, where: tuple[Condition, ...]) -> list[Section]:
    """The section of a kind, or its named ones, which share what is written above them."""
    fields = KINDS[kind].fields
    below = {
        name: value
        for name, value in table.items()
        if isinstance(value, dict) and name not in (*fields, *_SECTION) and not {"column", "value"} & value.keys()
    }
    shared = {name: value for name, value in table.items() if name not in below}
    if not below:
        return [_section(kind, kind, table, where)]
    return [_section(kind, f"{kind}.{name}", {**shared, **more}, where) for name, more in below.items()]


def _section(kind: str, name: str, table: Table, where: tuple[Condition, ...]) -> Section:
    if (repeats := table.get("repeats", "reject")) not in ("first", "reject"):
        raise Usage(f"repeats {repeats!r} is not known", fix='repeats = "first" or repeats = "reject"')
    rules = {field: value for field, value in table.items() if field not in _SECTION}
    section = Section(
        KINDS[kind],
        name,
        left_out=frozenset(field for field, value in rules.items() if value is False),
        where=(*where, *_conditions(table.get("where", {}))),
        items=table.get("items"),
        first=repeats == "first",
        known_by=table.get("known_by"),
    )
    for field, value in rules.items():
        if value is not False:
            section.set(field, _rule(field, value))
    return section


def _conditions(table: Table) -> tuple[Condition, ...]:
    if not isinstance(table, dict):
        raise Usage("where is not a table", fix='where = {Status = ["paid"]}')
    return tuple(_condition(column, value) for column, value in table.items())


def _condition(column: str, value: Any) -> Condition:
    negated = isinstance(value, dict)
    words = value.get("not") if isinstance(value, dict) and list(value) == ["not"] else value
    return Condition(column, frozenset(word.casefold() for word in _several(column, words)), negated)


def _rule(field: str, value: Any) -> Rule:
    if isinstance(value, list):
        value = {"column": value}
    if isinstance(value, str):
        if value.startswith(_OLD_CONSTANT):
            value = {"value": value.removeprefix(_OLD_CONSTANT).strip()}
        else:
            value = {"column": value}
    if not isinstance(value, dict):
        raise Usage(f"{field} is mapped to nothing", fix=f'{field} = "Column", {field} = {{value="…"}}, or false')
    _known(value, _RULE, field)
    if ("column" in value) is ("value" in value):
        raise Usage(f"{field} needs either a column or a value", fix=f'{field} = "Column", or {field} = {{value="…"}}')
    if value.get("word") not in (None, *_WORDS):
        raise Usage(f"{field}: word {value['word']!r} is not known", fix='word = "first" or word = "rest"')
    words = value.get("values")
    if words is not None and not (isinstance(words, dict) and all(isinstance(one, str) for one in words.values())):
        raise Usage(f"{field}: values is not a table of words", fix='values = {success="approved"}')
    return Rule(
        tuple(Template.parse(one) for one in _several(field, value.get("column", []))),
        _constant(field, value.get("value")),
        words,
        bool(value.get("absolute")),
        value.get("word"),
        _zone(field, value.get("zone")),
        _several(field, value.get("dates", [])),
        value.get("by"),
        bool(value.get("total")),
        bool(value.get("assumed")),
    )


def _constant(field: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value).strip()
    if not text or isinstance(value, (dict, list)):
        raise Usage(f"{field} is mapped to nothing", fix=f'{field} = {{value="…"}}')
    return text


def _zone(field: str, value: Any) -> Template | None:
    """A template whose holes are columns; without one it is the zone itself."""
    if value is None:
        return None
    text = _text(field, value)
    return Template.parse(text) if "{" in text else Template((text,))


# -- values


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Usage(f"{name} is not a text", fix=f'{name} = "…"')
    return value


def _several(name: str, value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise Usage(f"{name} is not a text or a list of texts", fix=f'{name} = "…" or {name} = ["…", "…"]')
    if name not in ("empty",) and isinstance(value, str) and not value.strip():
        raise Usage(f"{name} is mapped to nothing", fix=f'{name} = "Column"')
    return tuple(texts)


def _known(table: Table, names: tuple[str, ...], place: str) -> None:
    if not isinstance(table, dict):
        raise Usage(f"{place} is not a table")
    if unknown := [name for name in table if name not in names]:
        raise Usage(f"{place} has no {unknown[0]!r}", fix=f"one of: {', '.join(names)}")
