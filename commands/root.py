"""The root group. It imports no command before it is called, so that `csctl --help` starts fast."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from csctl import __version__
from csctl.errors import Usage

from .cli import suggest
from .cli.context import Cli

if TYPE_CHECKING:
    from .cli.confined import Confinement

# The commands by section, each name with its module and summary: here, so that `csctl --help` imports no command.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Daily work": {
        "customer": ("customer", "Find and edit customers, show their profile, write notes."),
        "order": ("order", "Find, create, refund and cancel orders."),
        "txn": ("txn", "Void, refund and reconcile transactions."),
        "fulfillment": ("fulfillment", "Hold, release, ship, cancel and reship shipments."),
        "queue": ("queue", "Manage the refund queue, and retry what is due."),
        "approval": ("approval", "Grant and deny refunds above an agent's limit."),
        "email": ("email", "List, preview and send emails of the outbox."),
    },
    "Subscriptions": {
        "purchase": ("purchase", "Manage subscriptions: change, pause, cancel, bill."),
        "billing": ("billing", "Bill the subscriptions that are due."),
        "product": ("product", "Manage products, options and price points."),
    },
    "Administration": {
        "blacklist": ("blacklist", "Block new orders and charges."),
        "operator": ("operator", "Manage the people and programs that may use csctl."),
        "setting": ("setting", "Manage the shop's settings: time zone, limits, sender."),
        "report": ("report", "Report on refunds by reason, operator, product or day."),
        "audit": ("audit", "List, seal and verify the audit log."),
        "data": ("data", "Import and export records."),
        "run": ("run", "List bulk changes, and resume interrupted ones."),
    },
    "Setup": {
        "db": ("db", "Create, upgrade and check the database."),
        "doctor": ("doctor", "Find problems in the installation."),
        "config": ("config", "Show the configuration."),
        "login": ("identity", "Store your token in a file that only you can read."),
        "logout": ("identity", "Delete the stored token."),
        "profile": ("profile", "Work on several shops: name their databases, and choose one."),
        "whoami": ("identity", "Show who you are."),
        "gateway": ("gateway", "Inspect the gateway accounts of this environment."),
        "sandbox": ("sandbox", "Inspect the built-in gateway for rehearsals."),
        "demo": ("demo", "Create a demo shop, and walk through its daily work."),
        "completion": ("completion", "Print the completion script for bash, zsh or fish."),
        "help": ("help", "Show help on a topic or a command."),
    },
}
COMMANDS = {name: found for section in SECTIONS.values() for name, found in section.items()}


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
        except click.NoSuchOption:
            raise
        except click.UsageError:
            raise suggest.unknown_command(ctx, args[0], dict.fromkeys(COMMANDS)) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in commands.items()])


def _profiles(word: str) -> list[str]:
    from csctl import profiles

    return [name for name in profiles.names() if name.startswith(word)]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--env-file", type=click.Path(path_type=Path), help="File with settings, instead of ./.env.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="Database, instead of CSCTL_DATABASE_URL. Without a password: other users can see the command line.",
)
@click.option(
    "--profile",
    metavar="NAME",
    shell_complete=lambda _ctx, _param, word: _profiles(word),
    help="Shop to work on, instead of CSCTL_PROFILE: csctl profile list.",
)
@click.option(
    "--confined", is_flag=True, help="For a rule of sudo: no files and settings of the caller (docs/security.md)."
)
@click.version_option(__version__, message="csctl %(version)s")
@click.pass_context
def root(
    ctx: click.Context, env_file: Path | None, database_url: str | None, profile: str | None, confined: bool
) -> None:
    """Customer service for shops with subscriptions, from the shell.

    \b
    csctl demo                         create a demo shop
    csctl customer search jane doe     find a customer
    csctl txn refund txn_9             return money
    csctl queue retry                  retry queued refunds, daily
    """
    options = {"CSCTL_DATABASE_URL": database_url, "CSCTL_PROFILE": profile}
    ctx.obj = Cli(env_file=env_file, options=options, confinement=_confined(ctx) if confined else None)


def _confined(ctx: click.Context) -> Confinement:
    """The process shut off from its caller, until this command line is done. Raises Usage for what would undo it."""
    from .cli.confined import confined

    for name in ("env_file", "database_url"):
        if ctx.params[name] is not None:
            raise Usage(f"--{name.removesuffix('_url').replace('_', '-')} is not available with --confined")
    return ctx.with_resource(confined())
