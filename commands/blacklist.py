"""csctl blacklist: who gets no new orders and charges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.results import RESULT_FIELDS

from .cli import table
from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.ids import id_option, ids_argument
from .cli.output import Output
from .cli.search_options import period_options
from .cli.shared_options import fail_fast_option, limit_options

if TYPE_CHECKING:
    from csctl.app import App

blacklist = group("blacklist", "Who gets no new orders and charges. Refunds are never blocked.")

KINDS = {
    "customer": ("CUS", "A customer."),
    "email": ("EMAIL", "An email address, or *@domain."),
    "phone": ("PHONE", "A phone number, in any spelling."),
    "ip": ("IP", "An IP address, or a network such as 203.0.113.0/24."),
    "card": ("CARD", "A card by BIN and last four digits: 424242-4242."),
    "address": ("ADDRESS", "A postal address: '5 Main St, Springfield'."),
}
_CHANGED = (*RESULT_FIELDS[:3], "kind", "value", *RESULT_FIELDS[3:])
_FIELDS = ("id", "kind", "value", "reason", "created_at", "created_by")
_since, _until = period_options("added")


def value_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each kind, any number of times. The command gets `values`: pairs of kind and value."""
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
@click.option("--from", "file", type=click.Path(path_type=Path), help="A CSV file: kind, value, reason. - is stdin.")
@click.option("--reason", help="Why. Required, but for lines of a file that have one.")
@click.option("--cancel-purchases", is_flag=True, help="Cancel all purchases of the customers named, too.")
@fail_fast_option
def add(
    app: App,
    out: ChangeOutput,
    values: list[tuple[str, str]],
    file: Path | None,
    reason: str | None,
    cancel_purchases: bool,
    fail_fast: bool,
) -> None:
    """Refuse new orders and charges to whom these values mean. Of a customer, all that is known of them is added.

    What is on the blacklist already is skipped. Asks always: the entries hold from the next charge on.
    """
    from csctl.services.blacklist import entries, files

    wanted = files.wanted(values, file, reason)
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
@click.option("--reason", help="Why; kept in the audit trail.")
@fail_fast_option
def remove(app: App, out: ChangeOutput, refs: list[Ref], reason: str | None, fail_fast: bool) -> None:
    """Take entries off the blacklist."""
    from csctl.services.blacklist import entries

    out.change(lambda dry_run: entries.remove(app, refs, reason, dry_run=dry_run, fail_fast=fail_fast))


@blacklist.command(
    "list",
    fields=_FIELDS,
    examples=("csctl blacklist list --kind email", "csctl blacklist list --customer cus_12 -o json"),
)
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only of this kind.")
@click.option("--value", metavar="TEXT", help="Only with this in their value.")
@click.option("--reason", metavar="TEXT", help="Only with this in their reason.")
@id_option("cus", "--customer", "customer_id", help="Only those that mean this customer.")
@_since
@_until
@limit_options
def list_(app: App, out: Output, limit: int | None, **filters: Any) -> None:
    """Entries, newest first."""
    from csctl.services.blacklist import entries

    out.rows(entries.find(app, limit, **filters))


@blacklist.command(
    fields=("blacklisted", "matches"),
    examples=("csctl blacklist check --customer cus_12", "csctl blacklist check --email jane@example.com -o json"),
)
@value_options
def check(app: App, out: Output, values: list[tuple[str, str]]) -> None:
    """Whether any of these values is blacklisted, by which entries, and why. The exit code is 0 either way."""
    from csctl.services.blacklist import entries

    out.show(entries.check(app, values), lambda found: _layout(out, found))


def _layout(out: Output, found: Mapping[str, Any]) -> str:
    if not found["blacklisted"]:
        return "Not blacklisted."
    columns = ("id", "kind", "value", "because", "reason")
    rows = [[out.cell(row[name]) for name in columns] for row in found["matches"]]
    return "Blacklisted.\n" + table.drawn(rows, columns, whole=columns[:1])
