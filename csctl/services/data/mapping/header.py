"""A mapping and the header of a file: which column is which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from csctl.errors import Usage
from csctl.services.data.mapping.language import FileRules, Mappings, Section

Names = dict[str, str]  # columns as a mapping calls them -> as the header does


def wanted(sections: Iterable[Section]) -> list[str]:
    """The columns by which the header of a file is known."""
    return [
        name for section in sections for name in (*section.columns, *(section.kind.fields if section.automatic else ()))
    ]


def resolve(mappings: Mappings, section: Section, header: Sequence[str]) -> Names:
    """The columns that a section names, by the names in the header, whose case may differ. An empty file has none.

    Raises Usage, naming all of them, for columns that the header does not have, and for one that it has twice.
    """
    if not header:
        return {}
    found = {column: name for column in section.columns if (name := _find(header, column)) is not None}
    missing = [" or ".join(columns) for columns in _needed(section) if not any(column in found for column in columns)]
    if missing:
        fields = ", ".join(field for field, rule in section.rules.items() if set(rule.columns) & set(missing))
        one = f"the file has no column {missing[0]!r}"
        raise Usage(
            one if len(missing) == 1 else f"the file lacks {len(missing)} columns: {', '.join(missing)}",
            cause=_cause(mappings, missing, fields),
            fix=f"its columns are: {', '.join(name for name in header if name)}{_hint(header, mappings.file)}",
        )
    if section.automatic:
        found |= _automatic(section, header)
    used = set(found.values())
    if twice := next((name for name in header if name in used and header.count(name) > 1), None):
        raise Usage(f"the header names the column {twice!r} twice", fix="rename one of them")
    return found


def _cause(mappings: Mappings, missing: Sequence[str], fields: str) -> str:
    """Where the missing columns are named."""
    one = len(missing) == 1
    if mappings.label:
        named = f"the mapping {mappings.label} names {'it' if one else 'them'}"
        return f"{named} for {fields}" if fields else named
    return f"{'it is' if one else 'they are'} mapped to {fields}"


def _needed(section: Section) -> list[list[str]]:
    """The columns that a file needs, where one is enough as the columns that can replace each other."""
    rules = [list(rule.columns) for rule in section.rules.values() if len(rule.sources) > 1]
    single = [[column] for rule in section.rules.values() if len(rule.sources) <= 1 for column in rule.columns]
    needed = [*rules, *single, *([condition.column] for condition in section.where)]
    return [list(columns) for columns in dict.fromkeys(map(tuple, needed))]


def _automatic(section: Section, header: Sequence[str]) -> Names:
    free = [name for name in section.kind.fields if name not in section.rules and name not in section.left_out]
    return {name: column for name in free if (column := _find(header, name)) is not None}


def require(section: Section, given: Iterable[str], header: Sequence[str], file: FileRules, *, new_ones: bool) -> None:
    """Raises Usage if a file cannot name records, or, where `new_ones` are made, lacks what they need."""
    kind, fields = section.kind, set(given)
    if not fields:
        raise Usage(
            f"no column of the file is a field of {kind.name}",
            cause=f"its columns are: {', '.join(name for name in header if name)}"[:300],
            fix=f"name them (--map FIELD=COLUMN); the fields are: {', '.join(kind.fields)}{_hint(header, file)}",
        )
    missing = kind.missing(fields) if new_ones else sorted({kind.key} - fields)
    if missing:
        raise Usage(
            f"nothing gives the field {missing[0]}",
            cause=f"{kind.name} need {', '.join(kind.required)}",
            fix=f"name the column: --map {missing[0]}=COLUMN, or a value for all rows: --map {missing[0]}:=VALUE",
        )


def _hint(header: Sequence[str], file: FileRules) -> str:
    """Another delimiter, where the header looks as if it had one."""
    if len(header) > 1 or not header or file.options.delimiter:
        return ""
    likely = max(";\t|,", key=header[0].count)
    return f"; or --delimiter {'tab' if likely == chr(9) else repr(likely)}" if header[0].count(likely) else ""


def _find(header: Sequence[str], column: str) -> str | None:
    if column in header:
        return column
    alike = [name for name in header if name.casefold() == column.casefold()]
    return alike[0] if len(alike) == 1 else None
