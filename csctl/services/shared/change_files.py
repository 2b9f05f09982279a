"""CSV files with changes: one record for each line, named by `id` or `external_id`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.record_kinds import read_cell
from csctl.errors import CsctlError, NotFound, Usage
from csctl.services.shared.chunks import chunks
from csctl.services.shared.exported_ids import is_exported, mark_of, own_number
from csctl.tabular.options import FileOptions
from csctl.tabular.reading import Table
from csctl.tabular.row import Row


@dataclass(frozen=True)
class Line:
    """One line of a file. `given` is its name of the record; `values` holds the cells that are not empty."""

    number: int
    given: str
    values: dict[str, str]
    problem: CsctlError | None = None


def line_of(ref: ids.Ref, values: dict[str, str]) -> Line:
    """The changes of one record from the command line, in the form of a line."""
    return Line(0, ref.given, {"id": str(ref.id), **values})


def number_of(session: Session, model: Any, prefix: str, line: Line) -> int:
    """The id of the record that a line names. Raises the problem of the line, Usage, or NotFound."""
    return number_in(known(session, model, prefix, [line]), prefix, line)


def known(session: Session, model: Any, prefix: str, lines: Iterable[Line]) -> dict[str, int]:
    """The ids of the records that lines name by an external id, by that."""
    names = sorted({line.values["external_id"] for line in lines if not line.problem and "external_id" in line.values})
    found: dict[str, int] = {}
    if exported := [name for name in names if is_exported(name)]:
        mark = mark_of(session)
        own = {name: own_number(name, prefix, mark) for name in exported}
        found = {name: number for name, number in own.items() if number is not None}
    for some in chunks(names):
        named = select(model.external_id, model.id).where(model.external_id.in_(some))
        found.update((name, number) for name, number in session.execute(named))
    return found


def number_in(found: Mapping[str, int], prefix: str, line: Line) -> int:
    """The id of the record that a line names, of those that are `known`. Raises as `number_of`."""
    if line.problem:
        raise line.problem
    if "id" in line.values:
        return ids.parse(prefix, line.values["id"]).id
    external_id = line.values["external_id"]
    if external_id not in found:
        raise NotFound(f"there is no {ids.PREFIXES[prefix][0]} with the external id {external_id}")
    return found[external_id]


def read(
    path: Path, *, known: Collection[str], required: Sequence[str] = (), form: FileOptions | None = None
) -> list[Line]:
    """The lines of a file with a header; `-` is standard input. Columns have the names of the fields.

    An empty file has none. Raises Usage for a file that cannot be read as a whole: an unknown column or a missing one.
    A single invalid line has a `problem`.
    """
    allowed = ("id", "external_id", *known)
    with closing(Table(path, form or FileOptions())) as table, table.rows(allowed) as source:
        if source.columns == []:
            return []
        _check(source.columns, allowed, required)
        return [_line(path, row, allowed) for row in source]


def _check(header: list[str] | None, allowed: Sequence[str], required: Sequence[str]) -> None:
    if header is None:
        return
    names = [name.casefold() for name in header]
    if not {"id", "external_id"} & set(names):
        raise Usage(
            "the file names no records",
            cause=f"its columns are: {', '.join(header)}"[:200],
            fix="give it a header with a column id or external_id, or name its --delimiter",
        )
    if unknown := [name for name in header if name.casefold() not in allowed]:
        raise Usage(
            f"there is no field {unknown[0]!r}", cause="the header names it", fix=f"one of: {', '.join(allowed)}"
        )
    if len(set(names)) < len(names):
        raise Usage("the header names a column twice")
    if missing := [name for name in required if name not in names]:
        raise Usage(f"the file has no column {missing[0]}", fix=f"its header needs {', '.join(required)}")


def _line(path: Path, row: Row, allowed: Sequence[str]) -> Line:
    if isinstance(row.original, str):
        raise Usage(f"line {row.line} cannot be read as CSV", cause=row.problem.cause if row.problem else None)
    csv = isinstance(row.original, list)
    values: dict[str, str] = {}
    for column, cell in row.cells.items():
        name = column.casefold().replace(".", "_")
        if name in allowed and (text := (read_cell(name, cell.strip()) if csv else cell).strip()):
            values[name] = text
    if any("\ud800" <= char <= "\udfff" for text in values.values() for char in text):
        raise Usage(f"{path} is not UTF-8", fix="name its encoding: --encoding cp1252")
    given = values.get("id") or values.get("external_id") or f"line {row.line}"
    problem: CsctlError | None = row.problem and Usage(f"line {row.line}: {row.problem.message}")
    if problem is None and given == f"line {row.line}":
        problem = Usage(f"line {row.line} names no record", fix="fill in id or external_id")
    return Line(row.line, given, values, problem)
