"""csctl report: what was refunded, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .cli.declare import group
from .cli.output import Output
from .cli.search_options import period_options

if TYPE_CHECKING:
    from csctl.app import App

report = group("report", "Report on refunds by reason, operator, product or day.")
_since, _until = period_options("approved")


@report.command(
    fields=("by", "group", "refunds", "amount", "currency", "outside", "chargebacks"),
    columns=("group", "refunds", "amount", "currency", "outside", "chargebacks"),
    examples=(
        "csctl report refunds --since 30d",
        "csctl report refunds --by operator --since 2026-03 --until 2026-03 -o csv",
        "csctl report refunds --by product --html refunds.html",
    ),
)
@click.option(
    "--by",
    type=click.Choice(["reason", "operator", "product", "day"]),
    default="reason",
    show_default=True,
    help="What to sum up by.",
)
@_since
@_until
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page with charts to this file."
)
def refunds(app: App, out: Output, by: str, since: str | None, until: str | None, html: Path | None) -> None:
    """Sum up approved refunds, by when they were approved.

    `outside` and `chargebacks` are the parts of the amount that csctl did not send. Queue items that were resolved by a
    payment outside count, too. A retried refund is counted for who asked for it. Each currency has rows of its own.
    The page is one file, without scripts, for a browser, a phone or paper.
    """
    from csctl.services.views import refund_report, report_page

    found = refund_report.refunds(app, by=by, since=since, until=until)
    if html:
        html.write_text(report_page.render(app, found), encoding="utf-8")
        out.notice("The page is written.")
    out.rows(found.rows())
