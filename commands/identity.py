"""csctl login, whoami."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .cli.change import ChangeOutput
from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App

_FIELDS = ("id", "name", "role")


@click.command(
    cls=Command,
    fields=(*_FIELDS, "dry_run"),
    columns=_FIELDS,
    changes=True,
    opens=False,
    examples=("csctl login", "csctl login < token.txt"),
)
def login(cli: Cli, out: ChangeOutput) -> None:
    """Store your token in a file that only you can read, instead of CSCTL_TOKEN.

    The token is read from the prompt or from standard input, never from an argument: other users can see those.
    """
    from dataclasses import replace

    from csctl.bootstrap import start
    from csctl.settings import token_file

    token = click.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    app = start(replace(cli.settings(), token=token.strip()), "whoami")
    app.close()
    path = token_file()
    if not out.dry_run:
        _store(path, token.strip())
    out.show({**_who(app), "dry_run": out.dry_run})
    out.notice(f"Your token would be stored in {path}." if out.dry_run else f"Your token is stored in {path}.")


def _store(path: Path, token: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(token + "\n")


@click.command(cls=Command, fields=_FIELDS, examples=("csctl whoami", "csctl whoami -o json"))
def whoami(app: App, out: Output) -> None:
    """Show the operator that your token belongs to."""
    out.show(_who(app))


def _who(app: App) -> dict[str, str]:
    return {"id": f"opr_{app.actor.id}", "name": app.actor.name, "role": app.actor.role.value}
