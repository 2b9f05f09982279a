"""csctl email: list, preview and send emails of the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import EmailKind, EmailState
from csctl.domain.text import printable, printable_html
from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.ids import id_argument, id_option, ids_argument
from .cli.output import Output
from .cli.shared_options import fail_fast_option, list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

email = group("email", "List, preview and send emails of the outbox.")

FIELDS = (
    "id",
    "kind",
    "recipient",
    "subject",
    "state",
    "order_id",
    "transaction_id",
    "customer_id",
    "queue_item_id",
    "created_at",
    "sent_at",
    "message_id",
)
_KINDS = click.Choice([kind.value for kind in EmailKind])
_html = click.option(
    "--html", "as_html", is_flag=True, help="Print the HTML instead of the text, for example for a browser."
)


@email.command(
    "list",
    fields=FIELDS,
    columns=("id", "kind", "recipient", "subject", "state", "created_at"),
    examples=("csctl email list --state waiting", "csctl email list --kind refund_exhausted -o json"),
)
@click.option("--state", type=click.Choice([state.value for state in EmailState]), help="Only emails in this state.")
@click.option("--kind", type=_KINDS, help="Only emails of this kind.")
@list_options
def list_(app: App, out: Output, limit: Limit, state: str | None, kind: str | None) -> None:
    """List emails, newest first."""
    from csctl.services.emails import outbox

    out.rows(outbox.emails(app, limit, state=state, kind=kind))


@email.command(
    fields=(*FIELDS, "from", "reply_to", "attempts", "error", "text", "html"),
    examples=("csctl email show eml_7", "csctl email show eml_7 --html > email.html"),
)
@id_argument("eml")
@_html
def show(app: App, out: Output, ref: Ref, as_html: bool) -> None:
    """Show an email as it was sent; a waiting one, as it would be sent now."""
    from csctl.services.emails import outbox

    _print(out, outbox.show(app, ref.id), as_html=as_html)


@email.command(
    fields=("kind", "subject", "text", "html"),
    examples=("csctl email preview refund", "csctl email preview welcome --order ord_7 --html > welcome.html"),
)
@click.argument("kind", type=_KINDS)
@id_option("ord", "--order", "order", help="Order to preview with, instead of sample data.")
@id_option("txn", "--txn", "transaction", help="Transaction to preview with.")
@_html
def preview(app: App, out: Output, kind: str, order: int | None, transaction: int | None, as_html: bool) -> None:
    """Preview an email, with sample data or with a record. Nothing is sent.

    Templates in CSCTL_TEMPLATES_DIR are used before the built-in ones.
    """
    from csctl.services.emails import preview

    record = preview.preview(app, EmailKind(kind), order=order, transaction=transaction)
    _print(out, record, as_html=as_html)


@email.command(
    fields=RESULT_FIELDS,
    changes=True,
    cron=True,
    examples=("csctl email send", "csctl email send eml_7 eml_8 -o json"),
)
@ids_argument("eml", required=False)
@fail_fast_option
def send(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Deliver the waiting emails, or the named ones, failed ones included. Also made for cron.

    Without ids it exits 0 when it has processed all of them, and 8 if the mail server is unreachable.
    """
    from csctl.services.emails.delivery import Delivery

    named = refs or None
    out.change(lambda dry_run: Delivery(app).deliver(named, dry_run=dry_run, fail_fast=fail_fast))
    if named is None:
        out.exit_code = app.mail.stopped.exit if app.mail.stopped else 0


def _print(out: Output, record: Mapping[str, Any], *, as_html: bool) -> None:
    if as_html:
        out.text(printable_html(record["html"] or ""))
    else:
        out.show(record, _as_read)


def _as_read(record: Mapping[str, Any]) -> str:
    """The headers, then the text."""
    headers = {
        "From": record.get("from"),
        "Reply-To": record.get("reply_to"),
        "To": record.get("recipient"),
        "Subject": record.get("subject"),
        "Message-ID": record.get("message_id"),
        "State": record.get("state"),
        "Error": record.get("error"),
    }
    lines = [f"{name}: {printable(str(value))}" for name, value in headers.items() if value]
    return "\n".join(lines) + "\n\n" + printable(str(record["text"] or ""), lines=True).rstrip()
