"""csctl login, logout, whoami."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from csctl.errors import Usage
from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Result

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
    from csctl.profiles import token_file, write_private

    token = click.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise Usage("no token was given", cause="standard input is empty", fix="csctl login < token.txt")
    settings = cli.settings()
    app = start(replace(settings, token=token.strip()), "whoami")
    app.close()
    path = token_file(settings.profile)
    if not out.dry_run:
        write_private(path, token.strip() + "\n")
    out.show({**_who(app), "dry_run": out.dry_run})
    out.notice(f"Your token would be stored in {path}." if out.dry_run else f"Your token is stored in {path}.")


@click.command(
    cls=Command,
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    noun="token",
    opens=False,
    examples=("csctl logout", "csctl logout --dry-run"),
)
def logout(cli: Cli, out: ChangeOutput) -> None:
    """Delete the token that `csctl login` stored, of the current profile.

    The token itself stays valid: an administrator ends it with `csctl operator rotate-token NAME`.
    """
    from csctl.profiles import token_file

    settings = cli.settings()
    out.change(lambda dry_run: _forget(token_file(settings.profile), settings.profile or "default", dry_run=dry_run))


def _forget(path: Path, name: str, *, dry_run: bool) -> Iterator[Result]:
    from csctl.domain.outcomes import Outcome
    from csctl.results import Result

    if not path.is_file():
        yield Result(name, Outcome.SKIPPED, "no token is stored", dry_run=dry_run)
        return
    if not dry_run:
        path.unlink()
    yield Result(name, Outcome.REMOVED, f"the token in {path}", dry_run=dry_run)


@click.command(
    cls=Command,
    fields=(*_FIELDS, "shop", "database", "rehearsal", "profile"),
    examples=("csctl whoami", "csctl whoami -o json"),
)
def whoami(app: App, out: Output) -> None:
    """Show the operator that your token belongs to, and the shop that you work on."""
    from csctl.settings import mask

    out.show(
        {
            **_who(app),
            "shop": app.settings.label or app.shop.name,
            "database": mask(app.settings.database_url),
            "rehearsal": app.rehearsal,
            "profile": app.settings.profile,
        }
    )


def _who(app: App) -> dict[str, str]:
    return {"id": f"opr_{app.actor.id}", "name": app.actor.name, "role": app.actor.role.value}
