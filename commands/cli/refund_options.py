"""The options that refunds and voids share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

REASONS = (
    click.option("--reason", metavar="TEXT", help="Reason, kept with the transaction."),
    click.option("--note", metavar="TEXT", help="Note for the customer's history."),
    click.option(
        "--no-email", "email", is_flag=True, default=True, flag_value=False, help="Send the customer no email."
    ),
)
REFUNDS = (
    click.option("--amount", metavar="19.99", help="Amount to refund per transaction [default: the remaining amount]."),
    *REASONS,
    click.option(
        "--request-id",
        metavar="KEY",
        help="Idempotency key: repeating the command with it returns the first result.",
    ),
    click.option("--request-approval", is_flag=True, help="Above your limit: create a request for an administrator."),
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
