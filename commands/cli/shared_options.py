"""Options that several commands share: limits, concurrency, stopping at the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click

from csctl.results import Amounts, Paging


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


def list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those, --sort and --count. The command gets all of them as `limit`, a Paging."""

    @wraps(command)
    def with_paging(*args: Any, limit: int | None, sort: str | None, count: bool, **given: Any) -> Any:
        return command(*args, limit=Paging(limit, sort, count), **given)

    wrapped = limit_options(with_paging)
    wrapped = click.option("--count", is_flag=True, help="Print only the number of records.")(wrapped)
    return click.option(
        "--sort", metavar="FIELD", help="Field to sort by, -FIELD for descending [default: newest first]."
    )(wrapped)


def amount_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--amount, --min-amount and --max-amount of a list. The command gets `amounts`."""

    @wraps(command)
    def with_amounts(
        *args: Any, amount: tuple[str, ...], min_amount: str | None, max_amount: str | None, **given: Any
    ) -> Any:
        return command(*args, amounts=Amounts(amount, min_amount, max_amount), **given)

    for flag, words, several in (
        ("--max-amount", "Only records of at most this amount.", False),
        ("--min-amount", "Only records of at least this amount.", False),
        ("--amount", "Only records of exactly this amount.", True),
    ):
        with_amounts = click.option(flag, metavar="19.99", multiple=several, help=words)(with_amounts)
    return with_amounts


def choice_option(flag: str, choices: Iterable[str], what: str, name: str | None = None) -> Callable[[Any], Any]:
    """A filter for any of several values. The command gets a tuple."""
    names = [flag, name] if name else [flag]
    return click.option(*names, type=click.Choice(list(choices)), multiple=True, help=f"{what} May be repeated.")


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
