"""The root group, and the one place where what went wrong becomes an exit code.

Nothing here imports a command before it is called: `csctl --help` answers in the time click needs.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from csctl import __version__, interrupts
from csctl.domain.text import LONGEST
from csctl.errors import CsctlError, Usage

from .cli import errors as report
from .cli import streams
from .cli.declare import Cli

# name -> (module here, summary): given here so that `csctl --help` need not import them.
COMMANDS: dict[str, tuple[str, str]] = {
    "customer": ("customer", "Find customers, look at their profile, write notes."),
    "order": ("order", "Orders: look, create, refund, cancel."),
    "purchase": ("purchase", "Purchases: look, change, pause, cancel, bill."),
    "txn": ("txn", "Transactions: look, void, refund, reconcile."),
    "fulfillment": ("fulfillment", "Shipments: look, hold, ship, cancel, ship again."),
    "billing": ("billing", "The daily run that bills subscriptions."),
    "queue": ("queue", "Failed refunds, tried again once a day."),
    "approval": ("approval", "Refunds above an agent's limit: list, grant, deny."),
    "product": ("product", "What is sold: products, options, price points."),
    "email": ("email", "The outbox: what was sent to whom, and what waits."),
    "data": ("data", "Bring records in, take them out."),
    "blacklist": ("blacklist", "Who gets no new orders and charges."),
    "operator": ("operator", "Who may use csctl."),
    "setting": ("setting", "What the shop decided: time zone, limits, sender."),
    "audit": ("audit", "Who changed what."),
    "sandbox": ("sandbox", "The built-in gateway for rehearsals."),
    "run": ("run", "Bulk changes: how far they came, and going on with them."),
    "db": ("db", "Make, upgrade and check the database."),
    "config": ("config", "Where csctl finds things."),
    "demo": ("demo", "Make a shop to try things on, and walk through a day."),
    "doctor": ("doctor", "Check that everything is in order."),
    "login": ("identity", "Keep your token in a file that only you can read."),
    "whoami": ("identity", "Who am I?"),
    "completion": ("completion", "Shell completion for bash, zsh and fish."),
    "help": ("help", "Help on a topic: exit-codes, environment, output, ids."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and listed without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        found = getattr(module, cmd_name)
        assert isinstance(found, click.Command)  # noqa: S101 - ours to get right, whatever the user types
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise report.with_suggestion(error, args[0], COMMANDS) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--env-file", type=click.Path(path_type=Path), help="Read settings from this file instead of ./.env.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="The database, instead of CSCTL_DATABASE_URL. No password here: others see it in the list of processes.",
)
@click.version_option(__version__, message="csctl %(version)s")
@click.pass_context
def root(ctx: click.Context, env_file: Path | None, database_url: str | None) -> None:
    """Customer service for shops with subscriptions, from the shell.

    \b
    csctl demo                         make a shop to try things on
    csctl customer search jane doe     find a customer
    csctl txn refund txn_9             return money
    csctl queue retry                  the daily cron
    """
    ctx.obj = Cli(env_file=env_file, options={"CSCTL_DATABASE_URL": database_url})


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit as the contract says (`csctl help exit-codes`)."""
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """The exit code of one command line."""
    with streams.guarded(), interrupts.heeded():
        try:
            return _run(words)
        except interrupts.Stopped as stop:
            return report.interrupted(stop.number)


def _run(words: list[str]) -> int:
    try:
        _refuse_what_is_no_text(words)
        result = root.main(args=words, prog_name="csctl", standalone_mode=False)
        streams.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as no_args:
        click.echo(no_args.format_message())
        return 0
    except click.UsageError as error:
        return report.error(Usage(error.format_message(), fix=report.help_hint(error.ctx)), words)
    except click.ClickException as error:
        return report.error(Usage(error.format_message()), words)
    except (KeyboardInterrupt, click.Abort):
        return report.interrupted(signal.SIGINT)
    except report.Ended as end:
        return report.ended(end)
    except streams.OutputLost as lost:
        return report.output_lost(lost, words)
    except CsctlError as error:
        return report.error(error, words)
    except UnicodeDecodeError:
        return report.error(Usage("what was read is not UTF-8", fix="iconv -f WINDOWS-1252 -t UTF-8"), words)
    except OSError as problem:
        if problem.filename is None:
            return report.bug(problem, words)
        return report.error(Usage(f"cannot use {str(problem.filename)[:200]}", cause=problem.strerror), words)
    except Exception as bug:
        return report.bug(bug, words)


def _refuse_what_is_no_text(words: list[str]) -> None:
    """Raises Usage for bytes that are not UTF-8, which Python hands on as lone surrogates, for NUL, and for a word that
    is longer than any field.
    """
    for word in words:
        if "\0" in word or (not word.isascii() and any("\ud800" <= char <= "\udfff" for char in word)):
            raise Usage(f"{word[:40]!r} is no text", cause="NUL, or bytes that are not UTF-8")
        if len(word) > LONGEST:
            raise Usage(f"{word[:40]!r}… is too long", cause=f"{len(word):,} characters, {LONGEST:,} at most")
