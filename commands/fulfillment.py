"""csctl fulfillment: hold, release, ship, cancel and reship shipments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.states import FulfillmentStatus
from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.confined import InputFile
from .cli.declare import Alike, group
from .cli.file_options import file_options
from .cli.ids import id_option, ids_argument
from .cli.output import Output
from .cli.shared_options import choice_option, fail_fast_option, list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.domain.ids import Ref
    from csctl.results import Limit
    from csctl.tabular.options import FileOptions

fulfillment = group("fulfillment", "Hold, release, ship, cancel and reship shipments.")
_COLUMNS = ("id", "order_id", "status", "carrier", "tracking", "reship_of", "shipped_at")
_FIELDS = (*_COLUMNS, "customer_id", "customer_name", "customer_email", "external_id", "created_at")
_CHANGE: Alike = {
    "fields": (*RESULT_FIELDS, "status"),
    "columns": ("id", "outcome", "message"),
    "changes": True,
}


@fulfillment.command(
    "list",
    fields=_FIELDS,
    columns=_COLUMNS,
    examples=("csctl fulfillment list --status hold", "csctl fulfillment list --order ord_12 -o json"),
)
@choice_option("--status", [one.value for one in FulfillmentStatus], "Only shipments in this status.")
@id_option("ord", "--order", multiple=True, help="Only shipments of this order.")
@id_option("cus", "--customer", multiple=True, help="Only shipments of this customer.")
@list_options
def list_(app: App, out: Output, limit: Limit, **wanted: Any) -> None:
    """List shipments, newest first."""
    from csctl.services.views import fulfillments

    out.rows(fulfillments.newest(app, limit, **wanted))


@fulfillment.command(
    fields=(*_FIELDS, "reshipped_as"),
    examples=("csctl fulfillment show ful_3", "csctl fulfillment show ful_3 -o json"),
)
@ids_argument("ful")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show a shipment, and the shipments that repeat it."""
    from csctl.services.views import fulfillments

    out.show_each(refs, lambda ref: fulfillments.show(app, ref.id))


@fulfillment.command(
    **_CHANGE, asks="many", examples=("csctl fulfillment hold ful_3", "csctl fulfillment hold ful_3 ful_4 --yes")
)
@ids_argument("ful")
@fail_fast_option
def hold(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Hold pending shipments until they are released."""
    _move(app, out, "hold", refs, fail_fast)


@fulfillment.command(
    **_CHANGE,
    asks="many",
    examples=(
        "csctl fulfillment release ful_3",
        "csctl fulfillment list --status hold -o name | csctl fulfillment release - --yes",
    ),
)
@ids_argument("ful")
@fail_fast_option
def release(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Release held shipments."""
    _doubt(app, out, [ref.id for ref in refs])
    _move(app, out, "release", refs, fail_fast)


@fulfillment.command(
    **_CHANGE,
    asks="always",
    examples=("csctl fulfillment cancel ful_3", "csctl fulfillment cancel ful_3 ful_4 --dry-run"),
)
@ids_argument("ful")
@fail_fast_option
def cancel(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Cancel shipments that have not been shipped. No money is returned."""
    _move(app, out, "cancel", refs, fail_fast)


@fulfillment.command(
    **{**_CHANGE, "fields": (*RESULT_FIELDS, "status", "fulfillment_id")},
    asks="many",
    examples=("csctl fulfillment reship ful_3", "csctl fulfillment reship ful_3 --dry-run -o json"),
)
@ids_argument("ful")
@fail_fast_option
def reship(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Reship shipments that were shipped, delivered, returned or lost, as new shipments of the same order."""
    from csctl.services.catalog import fulfillments

    _doubt(app, out, [ref.id for ref in refs])
    out.change(lambda dry_run: fulfillments.reship(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@fulfillment.command(
    **_CHANGE,
    asks="many",
    examples=(
        "csctl fulfillment ship ful_3 --carrier DHL --tracking 00340434161094015902",
        "csctl fulfillment ship --from tracking.csv --yes",
    ),
)
@ids_argument("ful", required=False)
@click.option("--carrier", help="Carrier. With --from: for lines without one.")
@click.option("--tracking", help="Tracking number.")
@click.option(
    "--from",
    "file",
    type=InputFile(),
    help="File with id or external_id, carrier, tracking; - reads stdin.",
)
@file_options
@fail_fast_option
def ship(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    carrier: str | None,
    tracking: str | None,
    file: Path | None,
    form: FileOptions,
    fail_fast: bool,
) -> None:
    """Mark shipments as shipped: one with its tracking number, or all that a carrier's file names.

    Shipments that already have the same tracking number are skipped, so a file may be imported twice.
    """
    from csctl.services.catalog import fulfillments

    lines = fulfillments.shipped_lines(refs, carrier, tracking, file, form)
    out.target.read_from(file, len(lines))
    _doubt(app, out, fulfillments.numbers_of(app, lines))
    out.change(lambda dry_run: fulfillments.ship(app, lines, dry_run=dry_run, fail_fast=fail_fast))


@fulfillment.command(
    **_CHANGE, asks="many", examples=("csctl fulfillment deliver ful_3", "csctl fulfillment deliver - --yes < ids.txt")
)
@ids_argument("ful")
@fail_fast_option
def deliver(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Mark shipments as delivered."""
    _move(app, out, "deliver", refs, fail_fast)


@fulfillment.command(
    "return",
    **_CHANGE,
    asks="many",
    examples=("csctl fulfillment return ful_3", "csctl fulfillment return ful_3 ful_4 --yes"),
)
@ids_argument("ful")
@fail_fast_option
def return_(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Mark shipments as returned, in two steps: announced, then received.

    A shipped or delivered shipment becomes rma_pending: the customer may send it back. A shipment that is rma_pending
    becomes returned: it has arrived.
    """
    _move(app, out, "return", refs, fail_fast)


@fulfillment.command(
    **_CHANGE, asks="many", examples=("csctl fulfillment fail ful_3", "csctl fulfillment fail ful_3 --dry-run")
)
@ids_argument("ful")
@fail_fast_option
def fail(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Mark shipments as lost or undeliverable; they can be reshipped."""
    _move(app, out, "fail", refs, fail_fast)


def _doubt(app: App, out: ChangeOutput, numbers: list[int]) -> None:
    """Ask before what was cancelled or paid back leaves the house; a script is warned."""
    from csctl.services.catalog import fulfillments

    if found := fulfillments.doubts(app, numbers):
        out.asks, out.besides = "always", "\n".join(found)
        if out.yes or out.dry_run:
            for doubt in found:
                out.notice(f"Warning: {doubt}")


def _move(app: App, out: ChangeOutput, operation: str, refs: list[Ref], fail_fast: bool) -> None:
    from csctl.domain.fulfillments import Operation
    from csctl.services.catalog import fulfillments

    out.change(lambda dry_run: fulfillments.move(app, refs, Operation(operation), dry_run=dry_run, fail_fast=fail_fast))
