"""The root group. It imports no command before it is called, so that `csctl --help` starts fast."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from csctl import __version__

from .cli import errors
from .cli.context import Cli

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
            raise errors.with_suggestion(error, args[0], COMMANDS) from None

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
