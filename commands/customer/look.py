"""csctl customer search, show, history, note."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from csctl.domain import fields, ids
from csctl.domain.field_uses import Use
from csctl.errors import Usage
from csctl.results import RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import id_argument, ids_argument
from ..cli.output import Output
from ..cli.search_options import search_options
from ..cli.shared_options import list_options
from .group import FIELDS, customer, who_argument

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.domain.ids import Ref
    from csctl.results import Limit

_PROFILE = (
    *FIELDS,
    *fields.details(Use.SHOWN),
    "blacklist",
    "payment_methods",
    "purchases",
    "transactions",
    "fulfillments",
    "queue",
    "approvals",
    "history",
    "merged_into",
    "erased_at",
    "version",
)
_HISTORY = ("id", "at", "kind", "text", "operator", "order_id", "transaction_id", "customer_id", "edited_at")


@customer.command(
    "search",
    fields=FIELDS,
    columns=("id", "first_name", "last_name", "email", "orders", "blacklisted"),
    examples=(
        "csctl customer search jane doe",
        "csctl customer search --phone '(212) 555-0100'",
        "csctl customer search --last-name doe --city berlin -o json",
    ),
)
@search_options
@list_options
def search(app: App, out: Output, limit: Limit, **given: Any) -> None:
    """Find customers.

    Each word of QUERY must match the name, email, phone, address or an id. Options must match as well. Case and accents
    do not matter; names, emails and addresses match in part. --since and --until compare the creation time of the
    customer.
    """
    from csctl.services.views import customer_search

    out.rows(customer_search.customers(app, customer_search.Search.of(**given), limit))


@customer.command(
    fields=_PROFILE,
    exits=(5,),
    examples=("csctl customer show cus_12", "csctl customer show jane@example.com -o json"),
)
@ids_argument("cus")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show the profile of a customer: details, addresses, cards, history, orders, transactions, queue.

    CUS is an id, the id of another system, or the email of exactly one customer.
    """
    from csctl.services.views import profile

    from ..layouts.customer import customer_layout

    out.show_each(refs, lambda ref: profile.of_customer(app, ids.show("cus", ref.id)), customer_layout(out))


@customer.command(
    fields=_HISTORY,
    columns=("id", "at", "kind", "operator", "text"),
    exits=(5,),
    examples=("csctl customer history cus_12", "csctl customer history cus_12 --all -o json"),
)
@who_argument
@list_options
def history(app: App, out: Output, who: str, limit: Limit) -> None:
    """List notes, calls and events of a customer, newest first."""
    from csctl.services.views import history

    out.rows(history.of_customer(app, who, limit))


@customer.command(
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    noun="note",
    examples=(
        "csctl customer note cus_12 'Wants the parcel left with the neighbor.'",
        "csctl customer note cus_12 < letter.txt",
    ),
)
@who_argument
@click.argument("text", required=False)
def note(app: App, out: ChangeOutput, who: str, text: str | None) -> None:
    """Add a note to a customer: TEXT, standard input, or a text from $EDITOR."""
    from csctl.services.customers import notes

    written = _written() if text is None else text
    out.change(lambda dry_run: notes.note(app, who, written, dry_run=dry_run))


@customer.command(
    "edit-note",
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    noun="note",
    examples=(
        "csctl customer edit-note his_31 'Wants the parcel left with the neighbor.'",
        "csctl customer edit-note his_31 < letter.txt",
    ),
)
@id_argument("his")
@click.argument("text", required=False)
def edit_note(app: App, out: ChangeOutput, ref: Ref, text: str | None) -> None:
    """Replace the text of a note: TEXT, or standard input, or what $EDITOR saves.

    The id is the one that `csctl customer history` shows. Agents edit their own notes, administrators all.
    """
    from csctl.services.customers import notes

    written = _written() if text is None else text
    out.change(lambda dry_run: notes.edit(app, ref, written, dry_run=dry_run))


def _written() -> str:
    """The text of a note from standard input or the editor. Invalid UTF-8 is kept, for the service to refuse."""
    if sys.stdin.isatty():
        if click.get_current_context().obj.confinement:  # it would run as another user
            raise Usage("there is no editor with --confined", fix="give the text on the command line, or pipe it in")
        return click.edit() or ""
    return sys.stdin.buffer.read().decode(errors="surrogateescape").replace("\r\n", "\n")
