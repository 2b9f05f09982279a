"""Suggestions for commands and options that do not exist: similar names, synonyms, and where an option belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from .similar import question, similar

# Words of the trade at the top level, with the commands that do it.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "void": ("txn void",),
    "refund": ("txn refund", "order refund"),
    "transaction": ("txn",),
    "transactions": ("txn",),
    "payment": ("txn",),
    "sale": ("txn",),
    "charge": ("txn", "purchase force-bill"),
    "chargeback": ("txn dispute",),
    "dispute": ("txn dispute",),
    "reconcile": ("txn reconcile",),
    "sync": ("txn sync",),
    "subscription": ("purchase",),
    "subscriptions": ("purchase",),
    "rebill": ("purchase force-bill", "billing run"),
    "bill": ("billing run", "purchase force-bill"),
    "trial": ("purchase trial",),
    "pause": ("purchase pause",),
    "find": ("customer search", "order search"),
    "search": ("customer search", "order search"),
    "lookup": ("customer search", "order search"),
    "client": ("customer",),
    "note": ("customer note",),
    "call": ("customer call",),
    "card": ("customer payment-method",),
    "shipment": ("fulfillment",),
    "shipping": ("fulfillment",),
    "ship": ("fulfillment ship",),
    "track": ("fulfillment show",),
    "retry": ("queue retry",),
    "cron": ("queue retry", "billing run"),
    "outbox": ("email",),
    "mail": ("email",),
    "import": ("data import",),
    "export": ("data export", "customer export"),
    "user": ("operator",),
    "agent": ("operator",),
    "token": ("operator rotate-token", "login"),
    "block": ("blacklist add",),
    "settings": ("setting",),
    "log": ("audit",),
    "history": ("customer history", "audit list"),
    "database": ("db",),
    "init": ("db init",),
    "migrate": ("db upgrade",),
    "status": ("doctor", "db status"),
    "check": ("doctor", "db check"),
    "resume": ("run resume", "purchase resume"),
    "version": ("--version",),
}
# The same for the commands of a group: what they are called in other programs.
VERBS: dict[str, tuple[str, ...]] = {
    "find": ("search", "list"),
    "lookup": ("search", "list", "show"),
    "search": ("list",),
    "ls": ("list",),
    "get": ("show",),
    "view": ("show",),
    "info": ("show",),
    "open": ("show",),
    "add": ("create",),
    "new": ("create",),
    "update": ("edit", "set"),
    "change": ("edit", "set"),
    "set": ("edit",),
    "comment": ("note",),
    "phone": ("call",),
    "bill": ("force-bill", "run"),
    "date": ("billing-date",),
    "send": ("resend-email",),
    "restart": ("resume",),
    "continue": ("resume",),
    "unpause": ("resume",),
    "unhold": ("release",),
    "start": ("run",),
}


def unknown_command(ctx: click.Context, word: str, known: Mapping[str, click.Command | None]) -> click.UsageError:
    """The error for a command that does not exist, with the ones that the user may have meant.

    `known` are the commands of the group, as far as they are loaded. A command that always asks for confirmation is
    not suggested for a similar word: a typing error must not lead to one that returns money or deletes data.
    """
    path = ctx.command_path
    if ctx.parent is None:
        meant = [f"{path} {words}" for words in SYNONYMS.get(word.lower(), ())]
    else:
        meant = [f"{path} {name}" for name in VERBS.get(word.lower(), ()) if name in known]
    if not meant:
        safe = [name for name, command in known.items() if getattr(command, "asks", "never") != "always"]
        meant = [f"{path} {name}" for name in similar(word, safe)]
    return click.UsageError(f"unknown command {path} {word[:40]}.{question(meant)}".removesuffix("."), ctx=ctx)


def misplaced_option(problem: click.NoSuchOption, words: Sequence[str]) -> str | None:
    """Where an option belongs that is valid, but not in its place on this command line. None if it is not valid."""
    option, ctx = problem.option_name, problem.ctx
    if ctx is None:
        return None
    root = ctx.find_root()
    if ctx.parent is not None and option in _flags(root.command):
        return f"put {option} before the command: csctl {option} … {ctx.command_path.partition(' ')[2]}"
    if not isinstance(ctx.command, click.Group):
        return None
    path, command = _intended(ctx, words)
    if command and option in _flags(command):
        return f"put {option} after the command: {path} {option} …"
    if option in {flag for flags in _common() for flag in flags}:
        return f"put {option} after the command: {path if command else ctx.command_path + ' COMMAND'} {option} …"
    return None


def _intended(ctx: click.Context, words: Sequence[str]) -> tuple[str, click.Command | None]:
    """The command that the words name below this group, wherever its options stand."""
    group, path = ctx.command, ctx.command_path
    for word in words:
        if isinstance(group, click.Group) and (found := group.get_command(ctx, word)):
            group, path = found, f"{path} {word}"
    return (path, None) if isinstance(group, click.Group) else (path, group)


def _flags(command: click.Command) -> set[str]:
    return {flag for param in command.params for flag in param.opts}


def _common() -> list[list[str]]:
    from . import common_options  # only for this error: every start would wait for it

    return [option.opts for option in common_options.common_options(fields=("id",), changes=True, output="table")]
