"""How a command is declared. What every command promises (options, help, exit codes) is added here, once.

@queue.command("remove", fields=RESULT_FIELDS, changes=True, asks="many", examples=("csctl queue remove rfq_7 …",))
@ids_argument("rfq")
@click.option("--reason", required=True, help="Why it is removed.")
def remove(app: App, out: ChangeOutput, refs: list[Ref], reason: str) -> None:
    out.change(lambda dry_run: refund_queue.remove(app, refs, reason, dry_run=dry_run))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import click

from csctl.errors import Damaged, Unreachable
from csctl.unreadable import UNREADABLE

from . import common_options, completion_cache, invocation, names, repeat, suggest
from .change import ChangeOutput
from .confirm import Asks
from .cron import FIELDS as CRON_FIELDS
from .cron import CronLog
from .output import Output
from .run_context import RunContext

if TYPE_CHECKING:
    from csctl.app import App

# Keys of a result that a table does not repeat: its outcome and message and the options say the same.
_NOT_COLUMNS = ("ok", "dry_run", "error")
# What an administrator may still do on a database whose shop has moved.
_ADMINISTRATION = ("db", "operator", "audit", "gateway", "sandbox")
_EXITS = {
    "read": (0, 2, 4, 5, 6, 8, 11),
    "change": (0, 2, 3, 4, 5, 6, 7, 8, 10, 11),
    "money": (0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
}


class Alike(TypedDict, total=False):
    """What several commands of a group declare alike, for `@group.command(**…)`."""

    fields: Sequence[str]
    columns: Sequence[str]
    changes: bool
    noun: str
    opens: bool


class Command(click.Command):
    """A command with the options, the help and the exit codes that every command has.

    `fields` are the keys of its records, `columns` those that a table shows. `changes` gives --dry-run and --yes;
    `cron` that it is made for cron: its rows have a time and a run, and its log ends with a summary.
    `asks` says when it asks for confirmation: always, for more than one record, for named ones, or never. `noun` is
    what its records are called where their ids do not say so, `exits` are exit codes beside the usual ones. A command
    that `opens` gets the App of an operator who may run it, others get the Cli.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        fields: Sequence[str] = (),
        columns: Sequence[str] = (),
        changes: bool = False,
        money: bool = False,
        cron: bool = False,
        asks: Asks = "never",
        noun: str | None = None,
        exits: Sequence[int] = (),
        opens: bool = True,
        any_schema: bool = False,
        output: str = "table",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples, self.cron = examples, cron
        self.fields = (*fields, *CRON_FIELDS) if cron else fields
        self.columns = columns or tuple(name for name in fields if name not in _NOT_COLUMNS)
        self.changes, self.money, self.asks, self.noun = changes, money, asks, noun
        self.exits = sorted({*_EXITS["money" if money else "change" if changes else "read"], *exits})
        self.opens, self.any_schema = opens, any_schema
        self.params += common_options.common_options(fields=self.fields, changes=changes, output=output)
        if money and asks in ("always", "many") and not any("--again" in param.opts for param in self.params):
            self.params.append(common_options.repeat_option())

    @property
    def resumable(self) -> bool:
        """Whether it changes as many records as are named, so that a run of it can be interrupted."""
        return self.changes and any(param.nargs == -1 or "--from" in param.opts for param in self.params)

    def invoke(self, ctx: click.Context) -> int:
        """Run the command. Returns its exit code.

        Raises CsctlError for a refusal before any record was touched.
        """
        if ctx.obj.confinement:
            params = {str(param.name): param for param in self.params}
            ctx.obj.confinement.require(self.path(ctx), params, ctx.params)
        out = self._output(ctx)
        if not self.opens:
            names.without_database(ctx, invocation.current(ctx))
            assert self.callback is not None  # noqa: S101 - a command without one cannot be declared
            ctx.invoke(self.callback, ctx.obj, out, **ctx.params)
            return out.exit_code
        only_reads = not self.changes
        with ctx.obj.app(self.path(ctx), out.notice, any_schema=self.any_schema, only_reads=only_reads) as app:
            out.zone = app.clock.zone
            if self.changes and self.path(ctx).partition(" ")[0] not in _ADMINISTRATION:
                from csctl.services.shared import access

                access.require_active(app)
            names.look_up(app, ctx, invocation.current(ctx), filters=not self.changes)
            if left_out := invocation.current(ctx).left_out():
                out.notice(left_out)
            if isinstance(out, ChangeOutput):
                if out.skip_empty():
                    return out.exit_code
                out.context = self._run_context(ctx, app)
                if self.cron:
                    out.log = CronLog(app, everything=not invocation.current(ctx).refs)
            try:
                self._call(ctx, app, out)
                self._finish(ctx, app, out)
            except Unreachable as error:
                raise (out.ended_by(error) if isinstance(out, ChangeOutput) else error) from error
        return out.exit_code

    def _call(self, ctx: click.Context, app: App, out: Output) -> None:
        """Call the function of the command. A record that cannot be read is reported as damaged, by its id."""
        assert self.callback is not None  # noqa: S101 - as above
        try:
            ctx.invoke(self.callback, app, out, **ctx.params)
        except UNREADABLE as error:
            if self.changes or out.debug:  # changes report each damaged record themselves
                raise
            named = next((ref.given for ref in invocation.current(ctx).refs), "a record")
            raise Damaged(
                f"{named} cannot be read",
                cause=type(error).__name__,  # its text may hold a secret
                fix="csctl db check, or run it again with --debug",
            ) from error

    def _finish(self, ctx: click.Context, app: App, out: Output) -> None:
        """Print what follows the records, deliver the new emails, and keep words for completion."""
        if isinstance(out, ChangeOutput):
            out.end()
        if app.new_emails:
            from csctl.services.emails.delivery import Delivery

            Delivery(app).deliver_new()
        if isinstance(out, ChangeOutput) and not out.dry_run and (self.cron or self.path(ctx) == "data import"):
            from csctl.services.administration import statistics

            statistics.collect(app.engine)
        if not self.any_schema:
            changed = isinstance(out, ChangeOutput) and not out.dry_run and (out.target.count or 0) > 1
            completion_cache.refresh(app, self.path(ctx), run=changed)

    def _output(self, ctx: click.Context) -> Output:
        """How this command line prints. The options that say so are taken out of the parameters."""
        if ctx.params.get("color") == "auto" and ctx.obj.preference("NO_COLOR"):
            ctx.params["color"] = "never"
        given = {name: ctx.params.pop(name) for name in common_options.NAMES if name in ctx.params}
        if not self.changes:
            return Output(all_fields=self.fields, columns=self.columns, **given)
        target = invocation.current(ctx).target
        target.noun = self.noun or target.noun
        return ChangeOutput(all_fields=self.fields, columns=self.columns, target=target, asks=self.asks, **given)

    def _run_context(self, ctx: click.Context, app: App) -> RunContext:
        this = invocation.current(ctx)
        if this.resumption:
            app.journal = this.resumption.seen(app)
        given = [ref.given for ref in this.refs] or None
        return RunContext(app, lambda: repeat.arguments(self, ctx), given, this.resumption)

    def path(self, ctx: click.Context) -> str:
        """The command as the table of permissions names it: `txn refund`."""
        return ctx.command_path.partition(" ")[2]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Add the examples, the fields and the exit codes to the help."""
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
    group_class = type  # groups inside a group are of this class too

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises UsageError with similar names if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchOption:
            raise
        except click.UsageError:
            raise suggest.unknown_command(ctx, args[0], self.commands) from None


def group(name: str, help: str) -> Group:
    """A group with this help text."""
    return Group(name, help=help)
