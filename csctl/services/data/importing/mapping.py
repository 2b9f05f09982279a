"""Which column of a file is which field of a record."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from csctl.domain.record_kinds import REFERENCES, RecordKind
from csctl.errors import Usage
from csctl.services.data.importing.source import Row

_CONSTANT = ":="
_FORM = "write field=Column, or field:=value for a value that all rows share"


@dataclass
class Mapping:
    """Fields that are columns, and fields that all rows share. `ignored` are columns that nothing maps to."""

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def values(self, row: Row) -> dict[str, str]:
        """The fields that a row gives: what is empty is not given."""
        found = dict(self.constants)
        for name, column in self.columns.items():
            if text := row.cells.get(column, "").strip():
                found[name] = text
        return found

    def note(self, row: Row, fields: Sequence[str]) -> None:
        """Learn the columns of a row that names its own."""
        for column in row.cells.keys() - self.seen:
            self.seen.add(column)
            if column in fields and column not in self.columns and column not in self.constants:
                self.columns[column] = column
            elif column not in self.columns.values():
                self.ignored[column] = None

    @property
    def never_seen(self) -> list[str]:
        """Mapped columns that no row had."""
        return sorted(set(self.columns.values()) - self.seen)

    def is_reference(self, column: str) -> bool:
        """Whether a column holds somebody else's numbers, which may look like a card's."""
        return any(column == mapped and name in REFERENCES for name, mapped in self.columns.items())


def given(kind: RecordKind, options: Iterable[str], file: Path | None) -> Mapping:
    """What a mapping file and the options say, which override it. Raises Usage."""
    mapping = Mapping()
    for name, target in _in_file(file).items() if file else ():
        _add(mapping, kind, name, target)
    named: set[str] = set()
    for option in options:
        name, target = _split(option)
        if name in named:
            raise Usage(f"--map names the field {name} twice")
        named.add(name)
        _add(mapping, kind, name, target)
    return mapping


def resolve(mapping: Mapping, kind: RecordKind, header: Sequence[str] | None) -> None:
    """Complete a mapping with the columns that are called like fields.

    Raises Usage for a mapped column that the header does not have, or has twice.
    """
    if header is None:
        return
    for name, column in mapping.columns.items():
        if column not in header:
            raise Usage(
                f"the file has no column {column!r}",
                cause=f"it is mapped to the field {name}",
                fix=f"its columns are: {', '.join(header)}",
            )
    taken = {*mapping.columns, *mapping.constants}
    mapping.columns |= {name: name for name in kind.fields if name in header and name not in taken}
    used = set(mapping.columns.values())
    if twice := next((column for column in header if column in used and header.count(column) > 1), None):
        raise Usage(f"the header names the column {twice!r} twice", fix="rename one of them")
    mapping.seen = set(header)
    mapping.ignored = {column: None for column in header if column and column not in used}


def require(mapping: Mapping, kind: RecordKind, *, new_ones: bool) -> None:
    """Raises Usage if a file cannot name records, or, where `new_ones` are made, lacks what they need."""
    needed = kind.required if new_ones else (kind.key,)
    for name in needed:
        if name not in mapping.columns and name not in mapping.constants:
            raise Usage(
                f"nothing gives the field {name}",
                cause=f"{kind.name} need {', '.join(kind.required)}",
                fix=f"name the column: --map {name}=COLUMN, or a value for all rows: --map {name}:=VALUE",
            )


def _split(option: str) -> tuple[str, str]:
    name, sign, target = option.partition("=")
    if name.endswith(":"):
        name, target = name.removesuffix(":"), _CONSTANT + target
    if not sign or not name.strip() or not target.strip():
        raise Usage(f"{option!r} maps nothing", fix=_FORM)
    return name.strip(), target.strip()


def _add(mapping: Mapping, kind: RecordKind, name: str, target: str) -> None:
    if name not in kind.fields:
        raise Usage(f"{kind.name} have no field {name!r}", fix=f"one of: {', '.join(kind.fields)}")
    mapping.columns.pop(name, None)
    mapping.constants.pop(name, None)
    if target.startswith(_CONSTANT):
        mapping.constants[name] = target.removeprefix(_CONSTANT).strip()
    else:
        mapping.columns[name] = target


def _in_file(path: Path) -> dict[str, str]:
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors mark it
    except OSError as error:
        raise Usage(f"cannot read {path}", cause=error.strerror) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Usage(f"{path} is not valid TOML", cause=str(error)) from None
    for name, target in found.items():
        if not isinstance(target, str) or not target.removeprefix(_CONSTANT).strip():
            raise Usage(
                f"{path} maps {name} to nothing", fix=f'write {name} = "Column", or {name} = ":=value" for all rows'
            )
    return found
