"""CSV files with changes: one record for each line, named by `id` or `external_id`."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.errors import CsctlError, NotFound, Usage


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
    if line.problem:
        raise line.problem
    if "id" in line.values:
        return ids.parse(prefix, line.values["id"]).id
    external_id = line.values["external_id"]
    found: int | None = session.scalar(select(model.id).where(model.external_id == external_id))
    if found is None:
        raise NotFound(f"there is no {ids.PREFIXES[prefix][0]} with the external id {external_id}")
    return found


def read(path: Path, *, known: Collection[str], required: Sequence[str] = ()) -> list[Line]:
    """The lines of a CSV file with a header; `-` is standard input. Columns have the names of the fields.

    Raises Usage for a file that cannot be read as a whole: no header, an unknown column or a missing one. A single
    invalid line has a `problem`.
    """
    try:
        with _opened(path) as file:
            return list(_lines(file, known, required))
    except OSError as error:
        raise Usage(f"cannot read {path}", cause=error.strerror) from None
    except UnicodeDecodeError:
        raise Usage(f"{path} is not UTF-8", fix="iconv -f WINDOWS-1252 -t UTF-8 FILE > utf8.csv") from None


def _opened(path: Path) -> TextIO:
    if str(path) != "-":
        return path.open(encoding="utf-8-sig", newline="")
    if sys.stdin.isatty():
        raise Usage("- reads standard input, and that is a terminal", fix="pipe a CSV file in, or name it")
    return io.TextIOWrapper(io.BytesIO(sys.stdin.buffer.read()), encoding="utf-8-sig", newline="")


def _lines(file: TextIO, known: Collection[str], required: Sequence[str]) -> Iterator[Line]:
    reader = csv.reader(file, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check(header, known, required)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _line(reader.line_num, header, cells)
    except csv.Error as error:
        raise Usage(f"line {reader.line_num} cannot be read as CSV", cause=str(error)) from None


def _check(header: list[str], known: Collection[str], required: Sequence[str]) -> None:
    allowed = ("id", "external_id", *known)
    if not {"id", "external_id"} & set(header):
        raise Usage("the file names no records", fix="give it a header with a column id or external_id")
    if unknown := [name for name in header if name not in allowed]:
        raise Usage(
            f"there is no field {unknown[0]!r}", cause="the header names it", fix=f"one of: {', '.join(allowed)}"
        )
    if len(set(header)) < len(header):
        raise Usage("the header names a column twice")
    if missing := [name for name in required if name not in header]:
        raise Usage(f"the file has no column {missing[0]}", fix=f"its header needs {', '.join(required)}")


def _line(number: int, header: list[str], cells: list[str]) -> Line:
    values = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
    given = values.get("id") or values.get("external_id") or f"line {number}"
    problem = None
    if len(cells) != len(header):
        problem = Usage(f"line {number} has {len(cells)} cells, the header {len(header)}")
    elif given == f"line {number}":
        problem = Usage(f"line {number} names no record", fix="fill in id or external_id")
    return Line(number, given, values, problem)
