"""How a command is declared. What every command promises (cli contract, section 1) is given to it here, once.

@queue.command("remove", fields=RESULT_FIELDS, changes=True, asks="many", examples=("csctl queue remove rfq_7 …",))
@ids_argument("rfq")
@click.option("--reason", required=True)
def remove(app: App, out: Output, items: list[Ref], reason: str) -> None:
    out.change(lambda dry_run: refund_queue.remove(app, items, reason, dry_run=dry_run))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from csctl.domain import ids

from . import errors as report
from .change import Carrier
from .color import CHOICES
from .output import FORMATS, Output

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.settings import Settings

RESUMPTION = "csctl.resumption"  # where a context keeps what is left of the run that is resumed
COMMON = ("output", "fields", "quiet", "debug", "color", "dry_run", "yes")  # how to ask and to print
# Of a result, what a table need not repeat: the outcome, the message and the options say the same.
_SAID_OTHERWISE = ("ok", "dry_run", "error")
_NOT_SAID = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP, ParameterSource.ENVIRONMENT)
_EXITS = {
    "read": (0, 2, 4, 6, 8, 11),
    "change": (0, 2, 3, 4, 5, 6, 7, 8, 10, 11),
    "money": (0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
}


@dataclass
class Cli:
    """What the root group knows, for the command that runs."""

    env_file: Path | None = None
    options: dict[str, str | None] = field(default_factory=dict)

    def settings(self) -> Settings:
        from csctl.settings import load

        return load(os.environ, options=self.options, env_file=self.env_file)

    def preference(self, name: str) -> str | None:
        """How somebody likes results to be told: CSCTL_OUTPUT or NO_COLOR."""
        from csctl.settings import preference

        return preference(name, os.environ, self.env_file)

    @contextmanager
    def app(self, command: str, out: Output, *, any_schema: bool = False) -> Iterator[App]:
        from csctl.bootstrap import start

        app = start(self.settings(), command, out.notice, any_schema=any_schema)
        try:
            yield app
        finally:
            app.close()


class Command(click.Command):
    """A command with the options, the help and the exit codes that the contract promises.

    `fields` are the keys of its records, `columns` those that a table shows. `changes` gives --dry-run and --yes;
    `asks` says when it asks before it works: always, for more than one record, for named ones, or never. `noun` is what
    its records are called where their ids do not say so, `exits` are codes that it has besides those of its kind. A
    command that `opens` gets the App of an operator who may run it, others get the Cli.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        fields: Sequence[str] = (),
        columns: Sequence[str] = (),
        changes: bool = False,
        money: bool = False,
        asks: Literal["always", "many", "named", "never"] = "never",
        noun: str | None = None,
        exits: Sequence[int] = (),
        opens: bool = True,
        any_schema: bool = False,
        output: str = "table",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples, self.fields = examples, fields
        self.columns = columns or tuple(name for name in fields if name not in _SAID_OTHERWISE)
        self.changes, self.money, self.asks, self.noun = changes, money, asks, noun
        self.exits = sorted({*_EXITS["money" if money else "change" if changes else "read"], *exits})
        self.opens, self.any_schema = opens, any_schema
        self.params += _common_options(records=bool(fields), changes=changes, output=output)

    def invoke(self, ctx: click.Context) -> int:
        """Run the command; its exit code.

        Raises CsctlError for a refusal before any record was touched.
        """
        if ctx.params.get("color") == "auto" and ctx.obj.preference("NO_COLOR"):
            ctx.params["color"] = "never"
        given = {name: ctx.params.pop(name) for name in COMMON if name in ctx.params}
        out = Output(
            all_fields=self.fields,
            columns=self.columns,
            asks=self.asks,
            count=ctx.meta.get("csctl.count"),
            ids_from_stdin=ctx.meta.get("csctl.stdin", False),
            noun=self.noun or ctx.meta.get("csctl.noun", "record"),
            **given,
        )
        assert self.callback is not None  # noqa: S101 - a command without one cannot be declared
        if not self.opens:
            ctx.invoke(self.callback, ctx.obj, out, **ctx.params)
            return out.exit_code
        with ctx.obj.app(self.path(ctx), out, any_schema=self.any_schema) as app:
            out.zone = app.clock.zone
            if self.changes:
                if out.named_nothing():
                    return out.exit_code
                out.carrier = self._carrier(ctx, app)
            ctx.invoke(self.callback, app, out, **ctx.params)
            out.say_problem()
            if app.new_emails:
                from csctl.services.emails.delivery import Delivery

                Delivery(app).deliver_new()
        return out.exit_code

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["csctl.words"] = list(args)
        return super().parse_args(ctx, args)

    def _carrier(self, ctx: click.Context, app: App) -> Carrier:
        refs: list[ids.Ref] = ctx.meta.get("csctl.refs", [])
        resumption = ctx.meta.get(RESUMPTION)
        if resumption:
            app.journal = resumption.seen(app)
        given = [ref.given for ref in refs] or None
        return Carrier(app, lambda: words_again(self, ctx), given, resumption)

    def path(self, ctx: click.Context) -> str:
        """The command as the table of permissions calls it: `txn refund`."""
        return ctx.command_path.partition(" ")[2]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"  {example}\n")
        if self.fields:
            with formatter.section("Fields"):
                formatter.write_text(", ".join(self.fields))
        with formatter.section("Exit codes"):
            codes = ", ".join(str(code) for code in self.exits)
            formatter.write_text(f"{codes} (csctl help exit-codes)")


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type  # groups below a group are of the same kind

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise report.with_suggestion(error, args[0], self.commands) from None


def words_again(command: Command, ctx: click.Context) -> list[str]:
    """What was said on this command line, but for the ids and for how to ask and to print: these are of the moment."""
    said, _, _ = command.make_parser(ctx).parse_args(list(ctx.meta["csctl.words"]))
    words: list[str] = []
    for param in command.params:
        if param.name not in said or param.name in COMMON or ctx.get_parameter_source(str(param.name)) in _NOT_SAID:
            continue
        values = said[param.name]
        if isinstance(param, click.Option):
            words += [_option_again(param, value) for value in (values if param.multiple else [values])]
        elif param.name == ctx.meta.get("csctl.ids"):
            words.append("-")
        else:
            words += values if isinstance(values, tuple) else [values]
    return words


def _option_again(option: click.Option, value: Any) -> str:
    if option.is_flag:
        names = option.opts if value is not False or not option.secondary_opts else option.secondary_opts
        return max(names, key=len)
    if isinstance(option.type, click.Path) and str(value) != "-":
        value = Path(value).absolute()  # it may be resumed elsewhere
    return f"{max(option.opts, key=len)}={value}"


def group(name: str, help: str) -> Group:
    return Group(name, help=help)


def _common_options(*, records: bool, changes: bool, output: str) -> list[click.Parameter]:
    options: list[click.Parameter] = []
    if records:
        options += [
            click.Option(
                ["-o", "--output"],
                type=click.Choice(FORMATS),
                callback=_output_wanted,
                default=output,
                show_default=True,
                help="How to print the records.",
            ),
            click.Option(
                ["--fields"], metavar="A,B", shell_complete=_complete_fields, help="Which fields, in which order."
            ),
        ]
    if changes:
        options += [
            click.Option(["--dry-run"], is_flag=True, help="Say what would be done, and do nothing."),
            click.Option(["-y", "--yes"], is_flag=True, help="Do not ask."),
        ]
    return [
        *options,
        click.Option(["-q", "--quiet"], is_flag=True, help="No notices on stderr."),
        click.Option(["--debug"], is_flag=True, help="Show where an unexpected error came from."),
        click.Option(["--color"], type=click.Choice(CHOICES), default="auto", help="Colour on a terminal."),
    ]


def _output_wanted(ctx: click.Context, param: click.Parameter, given: str) -> str:
    """What -o says; where it says nothing, CSCTL_OUTPUT."""
    if ctx.get_parameter_source("output") is not ParameterSource.DEFAULT or not isinstance(ctx.obj, Cli):
        return given
    return str(param.type.convert(ctx.obj.preference("CSCTL_OUTPUT") or given, param, ctx))


def _complete_fields(ctx: click.Context, _param: click.Parameter, word: str) -> list[CompletionItem]:
    """The fields that may follow those that are there: `id,na` becomes `id,name`."""
    done, comma, begun = word.rpartition(",")
    fields = ctx.command.fields if isinstance(ctx.command, Command) else ()
    return [
        CompletionItem(done + comma + name) for name in fields if name.startswith(begun) and name not in done.split(",")
    ]


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--limit and --all. The command gets `limit`, None for all."""

    def lifted(ctx: click.Context, _param: click.Parameter, everything: bool) -> None:
        if everything:
            ctx.params["limit"] = None

    command = click.option(
        "--all", is_flag=True, expose_value=False, callback=lifted, help="All rows, however many there are."
    )(command)
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=50,
        show_default=True,
        is_eager=True,
        help="At most so many rows.",
    )(command)


fail_fast_option = click.option("--fail-fast", is_flag=True, help="Stop at the first record that fails.")


def concurrency_option(default: int) -> Callable[[Any], Any]:
    """--concurrency, for what calls a gateway."""
    return click.option(
        "--concurrency",
        type=click.IntRange(1, 64),
        default=default,
        show_default=True,
        help="Gateway calls side by side.",
    )


def bulk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--concurrency and --fail-fast."""
    wrapped: Callable[..., Any] = concurrency_option(1)(fail_fast_option(command))
    return wrapped
