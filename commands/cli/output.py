"""Results on stdout, notices on stderr. Only this module and those built on it print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.text import printable
from csctl.errors import CsctlError, Damaged, Usage
from csctl.results import Tuples

from . import color, errors, formats, root_options, table
from .similar import did_you_mean

if TYPE_CHECKING:
    from csctl.results import Page

Record = Mapping[str, Any]
Rows = Iterable[Record]


class Seen:
    """Rows that remember whether there were any."""

    def __init__(self, rows: Page | Rows) -> None:
        self._rows, self.any = rows, False

    def __iter__(self) -> Iterator[Record]:
        for row in self._rows:
            self.any = True
            yield row


@dataclass
class Output:
    """How one command prints, and the exit code that it ends with.

    `all_fields` are the keys of its records, `columns` those that a table shows, `fields` what --fields selects.
    """

    all_fields: Sequence[str] = ()
    columns: Sequence[str] = ()
    output: str = "table"
    fields: str | None = None
    quiet: bool = False
    debug: bool = False
    color: str = "auto"
    zone: tzinfo = UTC
    exit_code: int = 0
    _selected: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._selected = self._select()

    def _select(self) -> list[str]:
        if self.fields is None:
            return list(self.columns if self.output == "table" else self.all_fields)
        selected = [name.strip() for name in self.fields.split(",") if name.strip()]
        known = f"one of: {', '.join(self.all_fields)}"
        if not selected:
            raise Usage("--fields names no field", fix=known)
        if unknown := [name for name in selected if name not in self.all_fields]:
            hint = did_you_mean(unknown[0], self.all_fields)
            raise Usage(f"there is no field {unknown[0][:40]!r}" + (f".{hint}" if hint else ""), fix=known)
        return selected

    def narrow(self, fields: Sequence[str], columns: Sequence[str] = ()) -> None:
        """Restrict the records to these of the declared fields; a table shows `columns` of them [default: all].

        Raises Usage if --fields asks for others.
        """
        self.all_fields, self.columns = fields, columns or fields
        self._selected = self._select()

    # -- text

    def notice(self, text: str) -> None:
        """Print something that is not a result, on stderr."""
        if not self.quiet:
            errors.say(printable(root_options.repeated(text), lines=True))

    def text(self, text: str) -> None:
        """Print a result that is a text and not a record."""
        click.echo(printable(text, lines=True))

    # -- records

    def show(self, record: Record, layout: Callable[[Record], str] | None = None) -> None:
        """Print one record; as a table in its own layout, or one line for each field."""
        if self.output == "json":
            click.echo(formats.to_json(self._chosen(record), indent=2))
        elif self.output not in ("table", "wide"):
            self.write([record])
        elif layout and self.fields is None:
            click.echo(layout(_readable(record)))
        else:
            width = max((len(name) for name in self._selected), default=0)
            for name in self._selected:
                click.echo(f"{name.ljust(width)}  {self.cell(record.get(name))}")
        self._report([row for rows in _lists(record).values() for row in rows if _is_damaged(row)])

    def show_each(
        self, given: Sequence[Any], look: Callable[[Any], Record], layout: Callable[[Record], str] | None = None
    ) -> None:
        """Print the record of each name as `look` finds it: one as `show` does, several as a list or page after page.

        One that is not found does not stop the others; its error is printed, and decides the exit code.
        """
        if not given:
            self.notice("No ids on standard input: nothing to show.")
            self.write([])
            return
        if len(given) == 1:
            self.show(look(given[0]), layout)
            return
        exits: set[int] = set()
        found = self._found(given, look, exits)
        if self.output not in ("table", "wide") or self.fields is not None:
            self.write(found)
        else:
            for place, record in enumerate(found):
                if place:
                    click.echo()
                self.show(record, layout)
        self.exit_code = exits.pop() if len(exits) == 1 else 3 if exits else 0

    def _found(self, given: Sequence[Any], look: Callable[[Any], Record], exits: set[int]) -> Iterator[Record]:
        for one in given:
            try:
                record = look(one)
            except CsctlError as error:
                exits.add(error.exit)
                errors.say_error(error, self.color)
                continue
            exits.add(0)
            yield record

    def rows(self, page: Page | Rows) -> None:
        """Print the records of a list, and on stderr whether there are more; or their number, if that is wanted."""
        count = getattr(page, "count", None)
        if isinstance(count, int):
            click.echo(str(count))
            return
        damaged: list[Record] = []
        if isinstance(page, Tuples) and self.output == "csv":
            self._write_tuples(page, damaged)
            self._report(damaged)
            return
        seen = Seen(page)
        self.write(self._noting(seen, damaged))
        self._report(damaged)
        if not seen.any and sys.stderr.isatty():
            self.notice("Nothing found.")
        if getattr(page, "more", False):
            self.notice(f"There are more than {getattr(page, 'limit', None)}: see the rest with --limit N or --all.")

    def _noting(self, records: Rows, damaged: list[Record]) -> Iterator[Record]:
        """The same records. Those that are damaged are collected; they are printed only where records have an id."""
        for record in records:
            if not _is_damaged(record):
                yield record
                continue
            damaged.append(record)
            if "id" in self.all_fields:
                yield {**dict.fromkeys(self.all_fields), **record}

    def _report(self, damaged: list[Record]) -> None:
        """Print which records could not be read, and why."""
        for record in damaged:
            problem = Damaged(f"{record['id']} is damaged", cause=str(record["damaged"]), fix="csctl db check")
            errors.say_error(problem, self.color)
            self.exit_code = problem.exit

    def write(self, records: Rows) -> None:
        """Print records on stdout in the format that -o names, each as soon as it is known where that is possible."""
        {
            "json": self._write_json,
            "jsonl": self._write_jsonl,
            "csv": self._write_csv,
            "name": self._write_names,
            "table": self._write_table,
            "wide": self._write_table,
        }[self.output](root_options.in_records(records))

    def _told(self, record: Record, name: str) -> str:
        """A cell of a table. What a dry run shows did not happen."""
        cell = self.cell(record.get(name))
        return f"would be {cell}" if name == "outcome" and cell and record.get("dry_run") else cell

    def cell(self, value: Any) -> str:
        """A value as a table shows it."""
        return formats.table_cell(value, self.zone)

    def _chosen(self, record: Record) -> Record:
        if self.fields is None:  # in the declared order
            return {**{name: record[name] for name in self.all_fields if name in record}, **record}
        return {name: record.get(name) for name in self._selected}

    def _write_json(self, records: Rows) -> None:
        before = "["
        try:
            for record in records:
                click.echo(f"{before}\n  {formats.to_json(self._chosen(record))}", nl=False)
                before = ","
        except CsctlError:  # stdout stays one document, even if an error follows the rows printed so far
            if before == ",":
                click.echo("\n]")
            raise
        click.echo("[]" if before == "[" else "\n]")

    def _write_jsonl(self, records: Rows) -> None:
        for record in records:
            click.echo(formats.to_json(self._chosen(record)))
            sys.stdout.flush()

    def _write_csv(self, records: Rows) -> None:
        import csv

        exact = _is_file()
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(self._selected)
        for record in records:
            writer.writerow(formats.csv_row([record.get(name) for name in self._selected], exact=exact))

    def _write_tuples(self, page: Tuples, damaged: list[Record]) -> None:
        exact = _is_file()
        places = [page.names.index(name) for name in self._selected]
        all_of_them = places == list(range(len(page.names)))

        def texts() -> Iterator[str]:
            yield from formats.csv_texts([self._selected], exact=exact)
            for part in page.parts:
                damaged.extend(row for row in part if isinstance(row, Mapping))
                rows = [row for row in part if not isinstance(row, Mapping)]
                chosen = rows if all_of_them else [[row[place] for place in places] for row in rows]
                yield from formats.csv_texts(chosen, exact=exact)

        for text in texts():
            sys.stdout.write(text)

    def _write_names(self, records: Rows) -> None:
        for record in records:
            if record.get("ok") is not False:  # what failed never reaches the next command of a pipe
                click.echo(printable(str(record.get("id", record.get(self.all_fields[0], "")))))

    def _write_table(self, records: Rows) -> None:
        rows: list[list[str]] = []
        whole = {name for name in self._selected if name == "id" or name.endswith("_id")}
        try:
            for record in records:
                rows.append([self._told(record, name) for name in self._selected])
                whole.update(name for name in self._selected if isinstance(record.get(name), datetime))
        finally:  # a change prints what it has done, whatever stopped it
            if rows:
                enabled = color.wanted(self.color)
                drawn = table.drawn(
                    rows, self._selected, whole=whole, head=lambda line: color.bold(line, enabled=enabled)
                )
                click.echo(drawn, color=enabled)


def _is_file() -> bool:
    """Whether stdout is not a terminal: then text is written as it is, in UTF-8 whatever encoding the terminal has."""
    if sys.stdout.isatty():
        return False
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    return True


def _is_damaged(record: Any) -> bool:
    return isinstance(record, Mapping) and record.get("damaged") is not None


def _lists(record: Record) -> dict[str, list[Any]]:
    return {name: value for name, value in record.items() if isinstance(value, list)}


def _readable(record: Record) -> Record:
    """The record without the rows of its lists that could not be read: a layout knows all fields of the others."""
    return {**record, **{name: [row for row in rows if not _is_damaged(row)] for name, rows in _lists(record).items()}}
