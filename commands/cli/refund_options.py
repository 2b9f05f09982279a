"""The options that refunds and voids share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

REASONS = (
    click.option("--reason", metavar="TEXT", help="Why; kept with the transaction."),
    click.option("--note", metavar="TEXT", help="A note for the customer's history."),
    click.option("--no-email", "email", is_flag=True, default=True, flag_value=False, help="Do not tell the customer."),
)
REFUNDS = (
    click.option("--amount", metavar="19.99", help="So much of each; without it, all that is left."),
    *REASONS,
    click.option(
        "--request-id", metavar="KEY", help="Say it twice, have it done once: the second gets the first result."
    ),
    click.option(
        "--request-approval", is_flag=True, help="Above your limit: keep it as a request for an administrator."
    ),
)


def reason_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--reason, --note and --no-email."""
    return _with(REASONS, command)


def refund_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those, --amount and --request-id."""
    return _with(REFUNDS, command)


def _with(options: tuple[Any, ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
