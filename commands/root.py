"""The root group. It imports no command before it is called, so that `csctl --help` starts fast."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from csctl import __version__

from .cli import errors
from .cli.context import Cli

# name -> (module, summary). The summaries are here so that `csctl --help` imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "customer": ("customer", "Find and edit customers, show their profile, write notes."),
    "order": ("order", "Find, create, refund and cancel orders."),
    "purchase": ("purchase", "Manage subscriptions: change, pause, cancel, bill."),
    "txn": ("txn", "Void, refund and reconcile transactions."),
    "fulfillment": ("fulfillment", "Hold, release, ship, cancel and reship shipments."),
    "billing": ("billing", "Bill the subscriptions that are due."),
    "queue": ("queue", "Manage the refund queue, and retry what is due."),
    "approval": ("approval", "Grant and deny refunds above an agent's limit."),
    "product": ("product", "Manage products, options and price points."),
    "email": ("email", "List, preview and send emails of the outbox."),
    "data": ("data", "Import and export records."),
    "blacklist": ("blacklist", "Block new orders and charges."),
    "operator": ("operator", "Manage the people and programs that may use csctl."),
    "setting": ("setting", "Manage the shop's settings: time zone, limits, sender."),
    "audit": ("audit", "List, seal and verify the audit log."),
    "sandbox": ("sandbox", "Inspect the built-in gateway for rehearsals."),
    "run": ("run", "List bulk changes, and resume interrupted ones."),
    "db": ("db", "Create, upgrade and check the database."),
    "config": ("config", "Show the configuration."),
    "demo": ("demo", "Create a demo shop, and walk through its daily work."),
    "doctor": ("doctor", "Find problems in the installation."),
    "login": ("identity", "Store your token in a file that only you can read."),
    "whoami": ("identity", "Show who you are."),
    "completion": ("completion", "Print the completion script for bash, zsh or fish."),
    "help": ("help", "Show help on a topic or a command."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        found = getattr(module, cmd_name)
        assert isinstance(found, click.Command)  # noqa: S101 - COMMANDS is a constant
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
@click.option("--env-file", type=click.Path(path_type=Path), help="File with settings, instead of ./.env.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="Database, instead of CSCTL_DATABASE_URL. Without a password: other users can see the command line.",
)
@click.version_option(__version__, message="csctl %(version)s")
@click.pass_context
def root(ctx: click.Context, env_file: Path | None, database_url: str | None) -> None:
    """Customer service for shops with subscriptions, from the shell.

    \b
    csctl demo                         create a demo shop
    csctl customer search jane doe     find a customer
    csctl txn refund txn_9             return money
    csctl queue retry                  retry queued refunds, daily
    """
    ctx.obj = Cli(env_file=env_file, options={"CSCTL_DATABASE_URL": database_url})
