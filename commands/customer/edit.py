"""csctl customer create, edit, merge, erase, export, call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.customer_fields import CUSTOMER_FIELDS
from csctl.results import RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.confined import InputFile
from ..cli.file_options import file_options
from ..cli.ids import id_argument, ids_argument
from ..cli.output import Output
from ..cli.shared_options import fail_fast_option
from .group import customer, who_argument

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.domain.ids import Ref
    from csctl.tabular.options import FileOptions

_COLUMNS = ("id", "outcome", "message")
_EXPORTED = (
    "id",
    "payment_methods",
    "orders",
    "purchases",
    "transactions",
    "fulfillments",
    "queue",
    "history",
    "emails",
    "blacklist",
    "merged",
    "audit",
)


def _field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each field of a customer. The command gets the given ones as a dict called `values`."""

    def collect(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
        values = ctx.params.setdefault("values", {})
        if text is not None:
            values[param.name] = text

    for field in reversed(CUSTOMER_FIELDS):
        flag, words = f"--{field.replace('_', '-')}", f"{field.replace('_', ' ').capitalize()}."
        command = click.option(flag, metavar="TEXT", expose_value=False, callback=collect, help=words)(command)
    return command


@customer.command(
    fields=(*RESULT_FIELDS, "changed"),
    columns=_COLUMNS,
    changes=True,
    noun="customer",
    examples=(
        "csctl customer create --first-name Jane --last-name Doe --email jane@example.com",
        "csctl customer create --email joe@example.com --billing-city Berlin --billing-country DE -o json",
    ),
)
@_field_options
@click.option("--external-id", metavar="ID", help="Id of the customer in another system.")
def create(app: App, out: ChangeOutput, values: dict[str, str], external_id: str | None) -> None:
    """Create a customer. Phone numbers may have any format; the billing country helps to read them."""
    from csctl.services.customers import edit

    out.change(lambda dry_run: edit.create(app, values, external_id, dry_run=dry_run))


@customer.command(
    fields=(*RESULT_FIELDS, "changed", "version"),
    columns=_COLUMNS,
    changes=True,
    noun="customer",
    asks="many",
    examples=(
        "csctl customer edit cus_12 --email jane@example.org --phone ''",
        "csctl customer edit cus_12 --billing-city Berlin --version 4",
        "csctl customer edit --from changes.csv --dry-run",
    ),
)
@click.argument("who", metavar="[CUS]", required=False)
@_field_options
@click.option(
    "--from",
    "file",
    type=InputFile(),
    help="File with id or external_id, and any of the fields; - reads stdin.",
)
@file_options
@click.option("--version", type=click.IntRange(min=1), help="Version that the customer must still have.")
@fail_fast_option
def edit(
    app: App,
    out: ChangeOutput,
    who: str | None,
    values: dict[str, str],
    file: Path | None,
    form: FileOptions,
    version: int | None,
    fail_fast: bool,
) -> None:
    """Edit a customer, or many customers from a file.

    An empty text clears a field; in a file, an empty cell leaves the field as it is. A customer whom another user has
    changed since the command began, or since the given version (--version, or a column version), is skipped: exit 5.
    """
    from csctl.services.customers import edit

    edits = edit.plan(app, who, values, file, version, form)
    out.target.read_from(file, len(edits))
    out.change(lambda dry_run: edit.edit(app, edits, dry_run=dry_run, fail_fast=fail_fast))


@customer.command(
    fields=(*RESULT_FIELDS, "merged_into"),
    columns=_COLUMNS,
    changes=True,
    asks="always",
    examples=("csctl customer merge cus_12 cus_40 --yes", "csctl customer merge cus_12 cus_40 cus_41 --dry-run"),
)
@id_argument("cus", "keep")
@ids_argument("cus", "others")
@fail_fast_option
def merge(app: App, out: ChangeOutput, keep: Ref, others: list[Ref], fail_fast: bool) -> None:
    """Merge customers: the first one is kept, and receives the records of the others.

    Orders, payment methods, history, queue items and emails move, and details that the first one lacks are filled in.
    The other customers stay, refer to the first one, and can be found as before.
    """
    from csctl.services.customers import merge

    out.change(lambda dry_run: merge.merge(app, keep, others, dry_run=dry_run, fail_fast=fail_fast))


@customer.command(
    fields=RESULT_FIELDS,
    columns=_COLUMNS,
    changes=True,
    asks="always",
    examples=("csctl customer erase cus_12 --dry-run", "csctl customer erase cus_12 --yes"),
)
@ids_argument("cus")
@fail_fast_option
def erase(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Erase the personal data of customers permanently: details, cards, notes, emails.

    Orders, amounts, transactions and shipments stay, without name and address (except the country, for taxes).
    Refused while a purchase can still be billed or a payment is under way. Blacklist entries stay. Delivered emails,
    exports and backups are not changed.
    """
    from csctl.services.customers import erase

    out.change(lambda dry_run: erase.erase(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@customer.command(
    fields=_EXPORTED,
    exits=(5,),
    examples=("csctl customer export cus_12 > jane.json", "csctl customer export jane@example.com -o jsonl"),
)
@who_argument
def export(app: App, out: Output, who: str) -> None:
    """Export all data about a customer as one JSON document, with the texts of emails and the audit log."""
    from csctl.services.views import customer_document

    if out.output in ("table", "wide"):
        out.output = "json"  # a document has no table
    out.show(customer_document.document(app, who))


@customer.command(
    fields=(*RESULT_FIELDS, "number", "uri"),
    columns=("id", "outcome", "uri", "message"),
    changes=True,
    noun="call",
    examples=("csctl customer call cus_12", "csctl customer call cus_12 --number '+49 30 1234567' -o json"),
)
@who_argument
@click.option("--number", help="Number to call, instead of the customer's own.")
def call(app: App, out: ChangeOutput, who: str, number: str | None) -> None:
    """Call a customer through your phone switch, and record the call in their history.

    CSCTL_PHONE_SWITCH selects the switch: `manual:` prints a tel: URI to click, `asterisk:` rings your phone and dials.
    """
    from csctl.services.customers import calls

    out.change(lambda dry_run: calls.place(app, who, number, dry_run=dry_run))
