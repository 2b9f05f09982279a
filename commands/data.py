"""csctl data: import and export records."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.plurals import counted
from csctl.domain.record_kinds import KINDS
from csctl.errors import Usage

from .cli.change import ChangeOutput
from .cli.confined import InputFile
from .cli.context import Cli
from .cli.declare import group
from .cli.file_options import file_options, mapping_options
from .cli.output import Output
from .layouts.data import import_result

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.services.data.importing.job import Count
    from csctl.services.data.mapping.language import Mappings
    from csctl.tabular.options import ColumnOptions, FileOptions

data = group("data", "Import and export records.")

_COUNTS = (
    *("kind", "read", "created", "updated", "unchanged", "differ", "rejected", "skipped", "rejects_file", "dry_run"),
    *("sample", "problems"),
)
_OF_A_SHOP = ("kind", "read", "created", "unchanged")  # all or nothing: none is updated or rejected
_EVERY_FIELD = tuple(dict.fromkeys(field for kind in KINDS.values() for field in kind.fields))
_FIELDS_HELP = "\n\n".join(
    f"{kind.name}: {', '.join(f'{f}*' if f in kind.required else f for f in kind.fields)}" for kind in KINDS.values()
)
_ALL = "all"
_APIS = ("stripe", "checkoutchamp")
_kind_argument = click.argument("kind", type=click.Choice([*KINDS, _ALL]))
_EXPORTED = ("kind", "written", "file")


@data.command(
    "import",
    fields=_COUNTS,
    changes=True,
    examples=(
        "csctl data import customers customers.csv --dry-run",
        "csctl data import orders Invoice.csv --map external_id=InvoiceId --map customer=CustomerId"
        " --map currency:=USD",
        "csctl data import all orders_export.csv --from shopify-orders --dry-run",
        "csctl data import transactions - --format jsonl --update -o json < transactions.jsonl",
        "csctl data import stripe --account main --since 2026-01-01",
    ),
    epilog="Fields of each kind; * marks those that a new record requires:\n\n" + _FIELDS_HELP,
)
@click.argument("kind", type=click.Choice([*KINDS, _ALL, *_APIS]))
@click.argument("file", type=InputFile(), required=False)
@click.option("--account", metavar="NAME", help="With stripe or checkoutchamp: the account, as in CSCTL_GATEWAY_NAME.")
@click.option(
    "--since", metavar="TIME", help="With stripe or checkoutchamp: only what was made since then [default: all]."
)
@click.option(
    "--map-merchant",
    "merchants",
    metavar="ID=NAME",
    multiple=True,
    help="With checkoutchamp: the account of csctl that is its merchant account ID. May be repeated.",
)
@mapping_options
@click.option("--update", is_flag=True, help="Also update existing records; by default they stay as they are.")
@file_options
@click.option("--rejects", type=click.Path(path_type=Path), help="File for rejected rows [default: FILE.rejects.csv].")
@click.option(
    "--source-retired", is_flag=True, help="With all DIR: the database that DIR was exported from is retired."
)
def import_(
    app: App,
    out: ChangeOutput,
    kind: str,
    file: Path | None,
    account: str | None,
    since: str | None,
    merchants: tuple[str, ...],
    columns: ColumnOptions,
    update: bool,
    form: FileOptions,
    rejects: Path | None,
    source_retired: bool,
) -> None:
    """Import records from a CSV or JSON FILE; - reads standard input.

    all FILE imports several kinds from one file, as a mapping says. all DIR imports a whole shop that csctl data export
    all wrote, into a new database and with its ids.

    Records are recognized by their external_id: importing a file twice changes nothing. Invalid rows are written to a
    file of rejects with their line number and the reason; the other rows are imported.

    stripe --account NAME imports from the API of Stripe, checkoutchamp --account NAME from that of CheckoutChamp; both
    are only read, and go on billing what they bill. An interrupted import continues where it stopped.
    """
    if confinement := click.get_current_context().obj.confinement:
        rejects = confinement.rejects
    _require_source(kind, file, account, mapped=bool(columns), source_retired=source_retired)
    if file is None:
        _import_from_api(app, out, kind, str(account), since, update=update, rejects=rejects, merchants=merchants)
    elif kind == _ALL and file.is_dir():
        _import_shop(app, out, file, source_retired=source_retired)
    else:
        from csctl.services.data.mapping import options

        given = options.given(kind, columns, form)
        _import_file(app, out, file, given, rejects, update=update, one=kind != _ALL)


def _import_from_api(app: App, out: ChangeOutput, system: str, account: str, since: str | None, **more: Any) -> None:
    from csctl.services.data import apis

    wanted = apis.ApiJob(system, account, since, dry_run=out.dry_run, **more)
    _show(out, apis.run(app, wanted, _progress(out)))


def _import_shop(app: App, out: ChangeOutput, folder: Path, *, source_retired: bool) -> None:
    from csctl.services.data.moving import arrive

    out.narrow(_COUNTS, _OF_A_SHOP)
    out.rows(arrive.run(app, folder, source_retired=source_retired, dry_run=out.dry_run))


def _import_file(
    app: App, out: ChangeOutput, file: Path, given: Mappings, rejects: Path | None, *, update: bool, one: bool
) -> None:
    from csctl.services.data.importing.job import Job
    from csctl.services.data.importing.run import run

    counts = run(app, Job(file, given, update, rejects), dry_run=out.dry_run, progress=_progress(out))
    _show(out, counts, one=one)


def _require_source(kind: str, file: Path | None, account: str | None, *, mapped: bool, source_retired: bool) -> None:
    """Raises Usage unless the source fits the kind: an account of an API, or a file or folder."""
    from_api = kind in _APIS
    if from_api is not bool(account) or from_api is (file is not None) or (from_api and mapped):
        raise Usage(
            f"{kind} is imported from {'an account' if from_api else 'a file'}, and nothing else can be named",
            fix=f"csctl data import {kind} {'--account NAME' if from_api else 'FILE'}",
        )
    if source_retired and not (kind == _ALL and file and file.is_dir()):
        raise Usage(f"{file} is not a directory", cause="--source-retired belongs to: csctl data import all DIR")


def _show(out: ChangeOutput, counts: Sequence[Count], *, one: bool = False) -> None:
    """Print the counts: of a single kind as an object, of several as a list."""
    rows = [count.row(dry_run=out.dry_run) for count in counts]
    if one:
        out.show(rows[0], import_result)
    elif out.output in ("table", "wide"):
        for row in rows:
            out.show(row, import_result)
    else:
        out.rows(rows)
    out.exit_code = 3 if any(count.rejected for count in counts) else 0


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
        if click.get_current_context().obj.confinement:
            raise Usage("a confined csctl writes no directory", fix="export the shop with a csctl of your own")
        from csctl.services.data.moving import leave

        out.narrow(_EXPORTED)
        out.rows(leave.run(app, directory, retire=retire))
        return
    out.narrow(KINDS[kind].fields)
    out.rows(export.run(app, kind, with_tokens=with_tokens, as_text=out.output == "csv"))


mapping = group("mapping", "Mappings that come with csctl.")
data.add_command(mapping)


@mapping.command(
    "list",
    fields=("name", "kinds", "about"),
    opens=False,
    examples=("csctl data mapping list", "csctl data mapping list -o json"),
)
def list_mappings(_cli: Cli, out: Output) -> None:
    """List the mappings for exports of other systems, for csctl data import --from NAME."""
    from csctl.services.data.mapping import shipped

    out.rows(shipped.rows())


@mapping.command(
    "show",
    fields=("name", "text"),
    opens=False,
    examples=("csctl data mapping show shopify-orders", "csctl data mapping show shopify-orders > my-orders.toml"),
)
@click.argument("name")
def show_mapping(_cli: Cli, out: Output, name: str) -> None:
    """Show a mapping as TOML: what it does, or where your own begins."""
    from csctl.services.data.mapping import shipped

    row = {"name": name, "text": shipped.text(name)}
    out.show(row, lambda one: str(one["text"]).rstrip())


def _progress(out: Output) -> Callable[[int], None]:
    """A function that shows the number of rows on stderr, if that is a terminal."""

    def show(rows: int) -> None:
        if sys.stderr.isatty() and not out.quiet:
            click.echo(f"\r{counted(rows, 'row')}…\r", nl=False, err=True)

    return show
