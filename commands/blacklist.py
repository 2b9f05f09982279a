"""csctl blacklist: block new orders and charges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.results import RESULT_FIELDS

from .cli import table
from .cli.change import ChangeOutput
from .cli.confined import InputFile
from .cli.declare import group
from .cli.file_options import file_options
from .cli.ids import id_option, ids_argument
from .cli.output import Output
from .cli.search_options import period_options
from .cli.shared_options import fail_fast_option, list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit
    from csctl.tabular.options import FileOptions

blacklist = group("blacklist", "Block new orders and charges. Refunds are never blocked.")

KINDS = {
    "customer": ("CUS", "Customer."),
    "email": ("EMAIL", "Email address, or *@domain."),
    "phone": ("PHONE", "Phone number, in any format."),
    "ip": ("IP", "IP address, or a network such as 203.0.113.0/24."),
    "card": ("CARD", "Card, by BIN and last four digits: 424242-4242."),
    "address": ("ADDRESS", "Postal address: '5 Main St, Springfield'."),
}
_CHANGED = (*RESULT_FIELDS[:3], "kind", "value", *RESULT_FIELDS[3:])
_FIELDS = ("id", "kind", "value", "reason", "created_at", "created_by")
_since, _until = period_options("added")


def value_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each kind, which may be repeated. The command gets `values`: pairs of kind and value."""
    for kind, (metavar, help_) in reversed(KINDS.items()):
        command = click.option(
            f"--{kind}",
            f"value_{kind}",
            metavar=metavar,
            multiple=True,
            help=help_,
            expose_value=False,
            callback=_collect,
        )(command)
    return command


def _collect(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> None:
    kind = str(param.name).removeprefix("value_")
    ctx.params["values"] = [*ctx.params.get("values", []), *((kind, word) for word in words)]


@blacklist.command(
    fields=_CHANGED,
    columns=("id", "outcome", "kind", "value", "message"),
    changes=True,
    noun="blacklist entry",
    asks="always",
    examples=(
        "csctl blacklist add --customer cus_12 --reason 'chargebacks' --cancel-purchases",
        "csctl blacklist add --email '*@spam.example' --ip 203.0.113.0/24 --reason 'card testing' --yes",
        "csctl blacklist add --from blacklist.csv --reason 'shared by the bank' --dry-run",
    ),
)
@value_options
@click.option(
    "--from", "file", type=InputFile(), help=f"File with kind ({', '.join(KINDS)}), value, reason; - reads stdin."
)
@file_options
@click.option("--reason", help="Reason. Required, except for lines of a file that have one.")
@click.option("--cancel-purchases", is_flag=True, help="Also cancel all purchases of the named customers.")
@fail_fast_option
def add(
    app: App,
    out: ChangeOutput,
    values: list[tuple[str, str]],
    file: Path | None,
    form: FileOptions,
    reason: str | None,
    cancel_purchases: bool,
    fail_fast: bool,
) -> None:
    """Block new orders and charges that match these values. For a customer, all their known values are added.

    Values that are already on the blacklist are skipped. New entries apply from the next charge.
    """
    from csctl.services.blacklist import entries, files

    wanted = files.wanted(values, file, reason, form)
    out.target.read_from(file, len(wanted))
    out.change(
        lambda dry_run: entries.add(
            app, wanted, cancel_purchases=cancel_purchases, dry_run=dry_run, fail_fast=fail_fast
        )
    )


@blacklist.command(
    fields=_CHANGED,
    columns=("id", "outcome", "kind", "value", "message"),
    changes=True,
    asks="many",
    examples=(
        "csctl blacklist remove bli_7 --reason 'the bank won the dispute'",
        "csctl blacklist list --kind ip -o name | csctl blacklist remove - --yes",
    ),
)
@ids_argument("bli")
@click.option("--reason", help="Reason, kept in the audit log.")
@fail_fast_option
def remove(app: App, out: ChangeOutput, refs: list[Ref], reason: str | None, fail_fast: bool) -> None:
    """Remove entries from the blacklist."""
    from csctl.services.blacklist import entries

    out.change(lambda dry_run: entries.remove(app, refs, reason, dry_run=dry_run, fail_fast=fail_fast))


@blacklist.command(
    "list",
    fields=_FIELDS,
    examples=("csctl blacklist list --kind email", "csctl blacklist list --customer cus_12 -o json"),
)
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only entries of this kind.")
@click.option("--value", metavar="TEXT", help="Only entries with this text in the value.")
@click.option("--reason", metavar="TEXT", help="Only entries with this text in the reason.")
@id_option("cus", "--customer", "customer_id", help="Only entries that match this customer.")
@_since
@_until
@list_options
def list_(app: App, out: Output, limit: Limit, **filters: Any) -> None:
    """List the entries, newest first."""
    from csctl.services.blacklist import entries

    out.rows(entries.find(app, limit, **filters))


@blacklist.command(
    fields=("blacklisted", "matches"),
    examples=("csctl blacklist check --customer cus_12", "csctl blacklist check --email jane@example.com -o json"),
)
@value_options
def check(app: App, out: Output, values: list[tuple[str, str]]) -> None:
    """Check whether any of these values is blacklisted, by which entries, and why. Exits 0 in both cases."""
    from csctl.services.blacklist import entries

    out.show(entries.check(app, values), lambda found: _layout(out, found))


def _layout(out: Output, found: Mapping[str, Any]) -> str:
    if not found["blacklisted"]:
        return "Not blacklisted."
    columns = ("id", "kind", "value", "because", "reason")
    rows = [[out.cell(row[name]) for name in columns] for row in found["matches"]]
    return "Blacklisted.\n" + table.drawn(rows, columns, whole=columns[:1])
