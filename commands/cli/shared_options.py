"""Options that several commands share: limits, concurrency, stopping at the first failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--limit and --all. The command gets `limit`, None for all."""

    def lift(ctx: click.Context, _param: click.Parameter, everything: bool) -> None:
        if everything:
            ctx.params["limit"] = None

    command = click.option("--all", is_flag=True, expose_value=False, callback=lift, help="Print all rows.")(command)
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=50,
        show_default=True,
        is_eager=True,
        help="Largest number of rows to print.",
    )(command)


fail_fast_option = click.option("--fail-fast", is_flag=True, help="Stop at the first record that fails.")


def concurrency_option(default: int) -> Callable[[Any], Any]:
    """--concurrency, for commands that call a gateway."""
    return click.option(
        "--concurrency",
        type=click.IntRange(1, 64),
        default=default,
        show_default=True,
        help="Number of gateway calls at the same time.",
    )


def bulk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--concurrency and --fail-fast."""
    wrapped: Callable[..., Any] = concurrency_option(1)(fail_fast_option(command))
    return wrapped
