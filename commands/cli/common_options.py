"""The options that every command has, by what it does: formats, dry runs, notices, color."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from .color import CHOICES
from .context import Cli
from .formats import FORMATS
from .invocation import Recorder

NAMES = ("output", "fields", "quiet", "debug", "color", "dry_run", "yes", "repeat")


def common_options(*, fields: Sequence[str], changes: bool, output: str) -> list[click.Option]:
    """The options of a command with these fields. `output` is its default format."""
    return [
        *(_record_options(fields, output) if fields else ()),
        *(_change_options() if changes else ()),
        Recorder(["-q", "--quiet"], is_flag=True, help="Print no notices on stderr."),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an unexpected error."),
        click.Option(
            ["--color"], type=click.Choice(CHOICES), default="auto", help="When to use color [default: auto]."
        ),
    ]


def _record_options(fields: Sequence[str], output: str) -> list[click.Option]:
    def complete(_ctx: click.Context, _param: click.Parameter, word: str) -> list[CompletionItem]:
        """The fields that may follow those that are there: `id,na` becomes `id,name`."""
        done, comma, begun = word.rpartition(",")
        taken = done.split(",")
        return [CompletionItem(done + comma + name) for name in fields if name.startswith(begun) and name not in taken]

    return [
        click.Option(
            ["-o", "--output"],
            type=click.Choice(FORMATS),
            callback=_output_format,
            default=output,
            show_default=True,
            help="Output format.",
        ),
        click.Option(["--fields"], metavar="A,B", shell_complete=complete, help="Fields to print, in this order."),
    ]


def _change_options() -> list[click.Option]:
    return [
        click.Option(["--dry-run"], is_flag=True, help="Show what would be done, and change nothing."),
        click.Option(["-y", "--yes"], is_flag=True, help="Do not ask for confirmation."),
    ]


def repeat_option() -> click.Option:
    """The option of a bulk change of money: its like may have stopped half way, and paid a part already."""
    text = "With --yes: also where a stopped run of the same command did some of these records."
    return click.Option(["--again", "repeat"], is_flag=True, help=text)


def _output_format(ctx: click.Context, param: click.Parameter, given: str) -> str:
    """The value of -o; without one, CSCTL_OUTPUT."""
    if ctx.get_parameter_source("output") is not ParameterSource.DEFAULT or not isinstance(ctx.obj, Cli):
        return given
    return str(param.type.convert(ctx.obj.preference("CSCTL_OUTPUT") or given, param, ctx))
