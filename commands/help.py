"""csctl help: topics that concern all commands, and the help of a command."""

from __future__ import annotations

import click

from csctl.errors import Usage

from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output
from .cli.similar import did_you_mean
from .cli.topics import TOPICS


def _complete(ctx: click.Context, param: click.Parameter, word: str) -> list[str]:
    """The topics, and the commands that may follow the words so far."""
    inner = ctx.find_root()
    group: click.Command | None = inner.command
    before = ctx.params.get(str(param.name)) or ()
    for name in before:
        group = group.get_command(inner, name) if isinstance(group, click.Group) else None
    known = group.list_commands(inner) if isinstance(group, click.Group) else []
    return [name for name in [*([] if before else TOPICS), *known] if name.startswith(word)]


@click.command(
    cls=Command,
    opens=False,
    examples=("csctl help exit-codes", "csctl help txn refund"),
    help="Show help on a topic or a command.\n\n\b\n"
    + "\n".join(f"{name:<12} {summary}" for name, (summary, _) in TOPICS.items()),
)
@click.argument("words", metavar="[TOPIC | COMMAND…]", nargs=-1, shell_complete=_complete)
def help(_cli: Cli, out: Output, words: tuple[str, ...]) -> None:
    here = click.get_current_context()
    if not words:
        out.text(here.command.get_help(here))
    elif len(words) == 1 and words[0] in TOPICS:
        out.text(TOPICS[words[0]][1].strip("\n"))
    else:
        out.text(_help_of(here.find_root(), words))


def _help_of(ctx: click.Context, words: tuple[str, ...]) -> str:
    """The help of a command. Raises Usage if it does not exist."""
    for word in words:
        group = ctx.command
        known = group.list_commands(ctx) if isinstance(group, click.Group) else []
        if not isinstance(group, click.Group) or (found := group.get_command(ctx, word)) is None:
            hint = did_you_mean(word, [*known, *TOPICS])
            raise Usage(f"unknown topic or command {word!r}" + (f".{hint}" if hint else ""), fix="csctl help")
        ctx = click.Context(found, info_name=word, parent=ctx)
    return ctx.command.get_help(ctx)
