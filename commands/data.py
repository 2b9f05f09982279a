"""csctl data: import and export records."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.plurals import counted
from csctl.domain.record_kinds import KINDS
from csctl.errors import Usage

from .cli.change import ChangeOutput
from .cli.confined import InputFile
from .cli.declare import group
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App

data = group("data", "Import and export records.")

_COUNTS = ("kind", "read", "created", "updated", "unchanged", "rejected", "rejects_file", "dry_run")
_EVERY_FIELD = tuple(dict.fromkeys(field for kind in KINDS.values() for field in kind.fields))
_FIELDS_HELP = "\n\n".join(
    f"{kind.name}: {', '.join(f'{f}*' if f in kind.required else f for f in kind.fields)}" for kind in KINDS.values()
)
_ALL = "all"
_kind_argument = click.argument("kind", type=click.Choice([*KINDS, _ALL]))
_EXPORTED = ("kind", "written", "file")


def _one_character(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise Usage(f"invalid delimiter {text!r}", fix="use one character, or the word tab")
    return delimiter


@data.command(
    "import",
    fields=_COUNTS,
    changes=True,
    examples=(
        "csctl data import customers customers.csv --dry-run",
        "csctl data import orders Invoice.csv --map external_id=InvoiceId --map customer=CustomerId"
        " --map currency:=USD",
        "csctl data import transactions - --format jsonl --update -o json < transactions.jsonl",
    ),
    epilog="Fields of each kind; * marks those that a new record requires:\n\n" + _FIELDS_HELP,
)
@_kind_argument
@click.argument("file", type=InputFile())
@click.option(
    "--map",
    "maps",
    metavar="FIELD=COLUMN",
    multiple=True,
    help="Column of a field; FIELD:=VALUE sets a constant. May be repeated.",
)
@click.option("--mapping", type=InputFile(), help="TOML file with the columns of fields. --map overrides it.")
@click.option("--update", is_flag=True, help="Also update existing records; by default they stay as they are.")
@click.option(
    "--format", type=click.Choice(["csv", "jsonl"]), help="Format of the file [default: by its name, else csv]."
)
@click.option(
    "--delimiter",
    default=",",
    show_default=True,
    callback=_one_character,
    help="Character between the cells of a CSV file.",
)
@click.option("--rejects", type=click.Path(path_type=Path), help="File for rejected rows [default: FILE.rejects.csv].")
@click.option(
    "--source-retired", is_flag=True, help="With all DIR: the database that DIR was exported from is retired."
)
def import_(
    app: App,
    out: ChangeOutput,
    kind: str,
    file: Path,
    maps: tuple[str, ...],
    mapping: Path | None,
    update: bool,
    format: str | None,
    delimiter: str,
    rejects: Path | None,
    source_retired: bool,
) -> None:
    """Import records from a CSV or JSONL FILE; - reads standard input.

    all DIR imports a whole shop that csctl data export all wrote, into a new database and with its ids.

    Records are recognized by their external_id: importing a file twice changes nothing. Invalid rows are written to a
    file of rejects with their line number and the reason; the other rows are imported.
    """
    if kind == _ALL:
        from csctl.services.data.moving import arrive

        out.rows(arrive.run(app, file, source_retired=source_retired, dry_run=out.dry_run))
        return
    if source_retired:
        raise Usage("--source-retired belongs to: csctl data import all DIR")
    from csctl.services.data.importing.run import Job, run

    if confinement := click.get_current_context().obj.confinement:
        rejects = confinement.rejects
    job = Job(kind, file, format, delimiter, maps, mapping, update, rejects)
    counts = run(app, job, dry_run=out.dry_run, progress=_progress(out))
    out.show(counts, _sentence)
    out.exit_code = 3 if counts["rejected"] else 0


@data.command(
    "export",
    fields=(*_EVERY_FIELD, *_EXPORTED[1:]),
    output="csv",
    examples=(
        "csctl data export customers > customers.csv",
        "csctl data export transactions -o jsonl | csctl --database sqlite:///copy.db data import transactions -"
        " --format jsonl",
    ),
    epilog="Fields of each kind:\n\n" + _FIELDS_HELP,
)
@_kind_argument
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--with-tokens", is_flag=True, help="Include the gateway tokens of payment methods.")
@click.option("--retire", is_flag=True, help="With all DIR: mark this database as retired; it then changes nothing.")
def export(app: App, out: Output, kind: str, directory: Path | None, with_tokens: bool, retire: bool) -> None:
    """Export all records of a kind, with the fields that an import accepts.

    all DIR exports the whole shop, with tokens and ids, to be imported into a new database (csctl data import all DIR).
    """
    from csctl.services.data import export

    if (kind == _ALL) is not (directory is not None) or (retire and kind != _ALL):
        raise Usage(
            "a directory and --retire belong to all, and all needs a directory",
            fix="csctl data export all DIR, or csctl data export KIND > FILE",
        )
    if directory:
        from csctl.services.data.moving import leave

        out.narrow(_EXPORTED)
        out.rows(leave.run(app, directory, retire=retire))
        return
    out.narrow(KINDS[kind].fields)
    out.rows(export.run(app, kind, with_tokens=with_tokens, as_text=out.output == "csv"))


def _sentence(counts: Mapping[str, Any]) -> str:
    said = ", ".join(f"{counts[name]} {name}" for name in ("read", "created", "updated", "unchanged", "rejected"))
    notes = [f"see {counts['rejects_file']}"] if counts["rejects_file"] else []
    notes += ["dry run: nothing was stored"] if counts["dry_run"] else []
    return f"{counts['kind']}: {said}" + (f" ({'; '.join(notes)})" if notes else "")


def _progress(out: Output) -> Callable[[int], None]:
    """A function that shows the number of rows on stderr, if that is a terminal."""

    def show(rows: int) -> None:
        if sys.stderr.isatty() and not out.quiet:
            click.echo(f"\r{counted(rows, 'row')}…\r", nl=False, err=True)

    return show
