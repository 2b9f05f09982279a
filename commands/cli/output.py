"""Results on stdout, prose on stderr. The one place that prints."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.spreadsheet import neutralised
from csctl.domain.text import printable
from csctl.errors import CsctlError, Usage

from . import change, table
from . import color as colour
from . import confirm as asking
from . import errors as report
from .tally import Tally

if TYPE_CHECKING:
    from csctl.results import Page, Result

    from .change import Carrier

FORMATS = ("table", "json", "jsonl", "csv", "name")
_DELETE = "\x7f"  # the one control character that JSON leaves as it is
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")

Rows = Iterable[Mapping[str, Any]]


@dataclass
class Output:
    """How one command prints, asks, and which exit code it comes to."""

    all_fields: Sequence[str] = ()
    columns: Sequence[str] = ()
    asks: str = "never"
    count: int | None = None  # of the records that were named
    ids_from_stdin: bool = False
    noun: str = "record"  # what they are
    besides: str | None = None  # what a change brings with it, for the question
    carrier: Carrier | None = None
    output: str = "table"
    fields: str | None = None
    quiet: bool = False
    debug: bool = False
    color: str = "auto"
    dry_run: bool = False
    yes: bool = False
    zone: tzinfo = UTC
    exit_code: int = 0
    _picked: list[str] = field(init=False)
    _exits: set[int] = field(default_factory=set)  # that the records of a change had
    _problem: CsctlError | None = None  # of a change that was of one record

    def __post_init__(self) -> None:
        self._picked = self._pick()

    def _pick(self) -> list[str]:
        if self.fields is None:
            return list(self.columns if self.output == "table" else self.all_fields)
        picked = [name.strip() for name in self.fields.split(",") if name.strip()]
        if not picked:
            raise Usage("--fields names no field", fix=f"one of: {', '.join(self.all_fields)}")
        if unknown := [name for name in picked if name not in self.all_fields]:
            hint = report.did_you_mean(unknown[0], self.all_fields)
            raise Usage(
                f"there is no field {unknown[0][:40]!r}.{hint}" if hint else f"there is no field {unknown[0][:40]!r}",
                fix=f"one of: {', '.join(self.all_fields)}",
            )
        return picked

    def narrow(self, fields: Sequence[str]) -> None:
        """The records have only these of the declared fields. Raises Usage if others were asked for."""
        self.all_fields = self.columns = fields
        self._picked = self._pick()

    # -- prose

    def notice(self, text: str) -> None:
        """Tell the person something that is not a result."""
        if not self.quiet:
            report.say(printable(text, lines=True))

    def text(self, text: str) -> None:
        """A result that is a text and not a record."""
        click.echo(printable(text, lines=True))

    # -- records

    def show(self, record: Mapping[str, Any], layout: Callable[[Mapping[str, Any]], str] | None = None) -> None:
        """One record; as a table it has a layout of its own, or a line for each field."""
        if self.output == "json":
            click.echo(_json(self._chosen(record), indent=2))
        elif self.output != "table":
            self.write([record])
        elif layout and self.fields is None:
            click.echo(layout(record))
        else:
            wide = max((len(name) for name in self._picked), default=0)
            for name in self._picked:
                click.echo(f"{name.ljust(wide)}  {self.cell(record.get(name))}")

    def rows(self, page: Page | Rows) -> None:
        """The records of a listing, and on stderr whether there are more."""
        self.write(page)
        if getattr(page, "more", False):
            self.notice(f"There are more than {getattr(page, 'limit', None)}: see the rest with --limit N or --all.")

    def change(self, work: Callable[[bool], Iterable[Result]]) -> None:
        """Carry out a change, having asked if that is due, and print what became of each record.

        `work` is called with whether this is a dry run. Raises Ended if it is stopped before it is through.
        """
        if self.named_nothing():
            return
        if asking.is_due(self) and (refused := asking.confirm(self, work)):
            work, self.carrier = lambda _dry_run: refused, None  # nothing is begun, so there is no run
        tally = Tally(self.noun)
        run = change.carry_out(self, work, tally)
        self.exit_code, self._exits = tally.exit_code(), set(tally.exits)
        self._problem = tally.problems[0] if len(tally.problems) == tally.total == 1 else None
        if tally.total:
            self.notice((f"{run}: " if run else "") + tally.summary(would=self.dry_run))

    def named_nothing(self) -> bool:
        """Whether standard input was to name the records and named none: that is never all of them. Says so then."""
        if self.count != 0 or not self.ids_from_stdin:
            return False
        self.notice("No ids on standard input: nothing to do.")
        self.write([])
        return True

    def complete(self, *, unknown_left: int = 0, trouble: CsctlError | None = None) -> None:
        """A run went through all there was: whatever the gateways answered, that is success, unless some of it is
        unknown. What is our own fault stays what it is; so does `trouble` beside the records, and a gateway that could
        be reached for none of them.
        """
        answers = {0, 9, 12} if self._exits == {8} else {0, 8, 9, 12}
        serious = self._exits - answers | ({trouble.exit} if trouble else set())
        if len(serious) == 1:
            self.exit_code = serious.pop()
        elif not serious:
            self.exit_code = 9 if unknown_left or 9 in self._exits else 0
        if trouble:
            report.say_error(trouble)
        if unknown_left:
            self.notice(f"{unknown_left} transactions are unknown: csctl txn reconcile")

    def say_problem(self) -> None:
        """Why the one record of a change failed; nothing where the run that it belongs to is a success all the same."""
        if self._problem is None or self.exit_code == 0:
            return
        if self.output in ("json", "jsonl"):
            report.say(json.dumps({"error": self._problem.as_dict()}))
        else:
            report.say_error(self._problem, self.color)

    # -- formats

    def write(self, records: Rows) -> None:
        """Print records on stdout in the format that was asked for, each as it comes if that can be."""
        {
            "json": self._write_json,
            "jsonl": self._write_jsonl,
            "csv": self._write_csv,
            "name": self._write_names,
            "table": self._write_table,
        }[self.output](records)

    def _chosen(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        return record if self.fields is None else {name: record.get(name) for name in self._picked}

    def _write_json(self, records: Rows) -> None:
        before = "["
        try:
            for record in records:
                click.echo(f"{before}\n  {_json(self._chosen(record))}", nl=False)
                before = ","
        except CsctlError:  # one document, whatever came after the rows that are told
            if before == ",":
                click.echo("\n]")
            raise
        click.echo("[]" if before == "[" else "\n]")

    def _write_jsonl(self, records: Rows) -> None:
        for record in records:
            click.echo(_json(self._chosen(record)))
            sys.stdout.flush()

    def _write_csv(self, records: Rows) -> None:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(self._picked)
        for record in records:
            writer.writerow([_csv_cell(record.get(name)) for name in self._picked])

    def _write_names(self, records: Rows) -> None:
        for record in records:
            click.echo(printable(str(record.get("id", record.get(self.all_fields[0], "")))))

    def _write_table(self, records: Rows) -> None:
        rows: list[list[str]] = []
        whole = {name for name in self._picked if name == "id" or name.endswith("_id")}
        try:
            for record in records:
                rows.append([self.cell(record.get(name)) for name in self._picked])
                whole.update(name for name in self._picked if isinstance(record.get(name), datetime))
        finally:  # what is done is told, whatever came after it
            if rows:
                coloured = colour.wanted(self.color)
                drawn = table.drawn(
                    rows, self._picked, whole=whole, head=lambda line: colour.bold(line, colour=coloured)
                )
                click.echo(drawn, color=coloured)

    def cell(self, value: Any) -> str:
        """A value as people read it: times in the shop's zone, nothing a terminal would act on."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return value.astimezone(self.zone).isoformat(sep=" ", timespec="seconds")
        if isinstance(value, dict):
            return printable(str(value.get("message", _json(value))))
        if isinstance(value, list):
            return printable(", ".join(str(item) for item in value))
        return printable(str(value))


def _json(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)
    return text if text.isascii() and _DELETE not in text else _NOT_PLAIN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return char
    return r"\u007f" if char == _DELETE else json.dumps(char)[1:-1]


def _plain(value: Any) -> str:
    from csctl.clock import rfc3339

    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be shown")


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else _plain(value) if isinstance(value, date) else _json(value)
    return neutralised(printable(text))
