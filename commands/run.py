"""csctl run: list bulk changes, and resume interrupted ones."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.states import RunState
from csctl.domain.text import printable
from csctl.errors import Conflict, Usage
from csctl.results import MONEY_FIELDS

from .cli import common_options, errors, invocation, repeat
from .cli.change import ChangeOutput
from .cli.declare import Command, group
from .cli.ids import id_argument
from .cli.output import Output
from .cli.shared_options import fail_fast_option, list_options
from .cli.sheet import Sheet

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.domain.ids import Ref
    from csctl.results import Limit
    from csctl.services.runs.runs import Resumption

run = group("run", "List bulk changes, and resume interrupted ones.")
FIELDS = ("id", "command", "state", "total", "done", "failed", "operator", "started_at", "ended_at")
_SHOWN = 20  # records of a run that a table shows


@run.command(
    "list",
    fields=FIELDS,
    columns=("id", "command", "state", "total", "done", "failed", "started_at"),
    examples=("csctl run list", "csctl run list --state stopped -o json"),
)
@click.option("--state", type=click.Choice([state.value for state in RunState]), help="Only runs in this state.")
@list_options
def list_(app: App, out: Output, state: str | None, limit: Limit) -> None:
    """List your bulk changes, newest first; administrators see those of all operators.

    A run whose process died is listed as stopped.
    """
    from csctl.services.runs import runs

    out.rows(runs.newest(app, limit, state=state))


@run.command(
    fields=(*FIELDS, "arguments", "records"), examples=("csctl run show run_7", "csctl run show run_7 -o json")
)
@id_argument("run")
def show(app: App, out: Output, ref: Ref) -> None:
    """Show a run, and the outcome of each record."""
    from csctl.services.runs import runs

    out.show(runs.show(app, ref.id), lambda row: _layout(out, row))


@run.command(
    fields=MONEY_FIELDS,
    changes=True,
    money=True,
    asks="many",
    examples=("csctl run resume run_7", "csctl run resume run_7 --retry-failed --yes -o jsonl"),
)
@id_argument("run")
@click.option("--retry-failed", is_flag=True, help="Also retry the records that failed or were refused.")
@fail_fast_option
def resume(app: App, out: ChangeOutput, ref: Ref, retry_failed: bool, fail_fast: bool) -> None:
    """Resume an interrupted run: process the remaining records, by the same command with the same options.

    The command line of the run is shown, and you are asked before it continues, under your own rights.

    No payment is made twice: attempts under way are reconciled with the gateway first, and a failed refund that is
    queued stays in the queue. Records whose outcome was unknown are checked again.
    """
    from csctl.services.runs import runs

    left = runs.resumption(app, ref.id, retry_failed=retry_failed)
    if left.left == 0:
        out.notice(f"{left.name} is complete: no records remain.")
        out.write([])
        return
    out.exit_code = _do_again(click.get_current_context(), left, ["--fail-fast"] if fail_fast else [])


def _do_again(ctx: click.Context, left: Resumption, besides: list[str]) -> int:
    """Run the command of a run again, for the remaining records. Returns its exit code."""
    if left.given is None and "--from=-" in left.arguments:
        raise Usage(
            f"{left.name} read its lines from standard input, and they are not stored",
            fix=f"csctl {left.command} --from FILE, with the same lines; finished records do not change",
        )
    printing = repeat.printing_options(ctx)
    command, inner = _command_of(ctx.find_root(), left)
    errors.say(printable(f"Resuming: {_command_line(left.command, left.arguments)}"))
    invocation.begin(inner, left)
    command.parse_args(inner, [*printing, *besides, *left.arguments])
    return command.invoke(inner)


def _command_of(root: click.Context, left: Resumption) -> tuple[Command, click.Context]:
    """The command of a run. Raises Conflict for what csctl did not record so: another program may have written it."""
    command: click.Command | None = root.command
    inner = root
    for word in left.command.split():
        command = command.get_command(inner, word) if isinstance(command, click.Group) else None
        if command is None:
            break
        inner = click.Context(command, info_name=word, parent=inner)
    own = {
        name
        for param in common_options.common_options(fields=("id",), changes=True, output="table")
        for name in param.opts
    }
    short = re.compile("-[^-]")  # csctl records long options, and none that decide how to ask and to print
    smuggled = [word for word in left.arguments if word.partition("=")[0] in own or short.match(word)]
    if not isinstance(command, Command) or not command.resumable or smuggled:
        raise Conflict(
            f"{left.name} cannot be resumed",
            cause=f"csctl does not record such a run: {_command_line(left.command, left.arguments)}"[:300],
            fix="look at the records, and run the command that you mean",
        )
    return command, inner


def _command_line(command: str, arguments: Sequence[str]) -> str:
    return f"csctl {command} {shlex.join(arguments)}".rstrip()


def _layout(out: Output, row: Mapping[str, Any]) -> str:
    sheet = Sheet(out.zone)
    records = row["records"]
    sheet.facts(
        [
            ("run", row["id"]),
            ("command", _command_line(row["command"], row["arguments"])),
            ("state", row["state"]),
            ("by", row["operator"]),
            ("started", row["started_at"]),
            ("ended", row["ended_at"]),
            ("records", f"{row['done']:,} done, {row['failed']:,} failed, of {row['total']:,}"),
        ]
    )
    for state in ("failed", "pending"):
        some = [record for record in records if record["state"] == state]
        if some:
            sheet.heading(state)
            sheet.columns([[one["id"], one["outcome"] or "", one["message"] or ""] for one in some[:_SHOWN]])
        if len(some) > _SHOWN:
            sheet.line(f"… and {len(some) - _SHOWN:,} more: csctl run show {row['id']} -o json")
    return str(sheet).lstrip("\n")
