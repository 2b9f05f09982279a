"""csctl profile: several shops on one host, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from csctl.domain.outcomes import Outcome
from csctl.errors import Usage
from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.context import Cli
from .cli.declare import Alike, group
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.profiles import Profiles
    from csctl.results import Result

profile = group("profile", "Work on several shops: name their databases, and choose one.")

_FIELDS = ("name", "current", "label", "database", "env_file", "logged_in")
_CHANGE: Alike = {
    "fields": RESULT_FIELDS,
    "columns": ("id", "outcome", "message"),
    "changes": True,
    "noun": "profile",
    "opens": False,
}


def _names(_ctx: click.Context, _param: click.Parameter, word: str) -> list[str]:
    from csctl import profiles

    return [name for name in profiles.names() if name.startswith(word)]


_name_argument = click.argument("name", shell_complete=_names)


@profile.command("list", fields=_FIELDS, opens=False, examples=("csctl profile list", "csctl profile list -o json"))
def list_(cli: Cli, out: Output) -> None:
    """List the profiles, and which one is used where none is named."""
    from csctl import profiles
    from csctl.settings import mask

    known = profiles.load()
    chosen = cli.options.get("CSCTL_PROFILE") or cli.preference("CSCTL_PROFILE") or known.current
    out.rows(
        {
            "name": one.name,
            "current": one.name == chosen,
            "label": one.label,
            "database": mask(one.database) if one.database else None,
            "env_file": str(one.env_file) if one.env_file else None,
            "logged_in": profiles.token_file(one.name).is_file(),
        }
        for one in known.found.values()
    )


@profile.command(
    **_CHANGE,
    exits=(11,),
    examples=(
        "csctl profile add tea --database sqlite:////srv/tea/csctl.db --label 'Tea shop'",
        "csctl profile add coffee --env-file /srv/coffee/.env",
    ),
)
@click.argument("name")
@click.option("--database", metavar="URL", help="Its database. A password belongs into the env file.")
@click.option("--env-file", type=click.Path(path_type=Path), help="A file with its settings, as --env-file takes it.")
@click.option("--label", metavar="TEXT", help="What people call the shop.")
def add(
    _cli: Cli, out: ChangeOutput, name: str, database: str | None, env_file: Path | None, label: str | None
) -> None:
    """Add a profile: a shop by name, with its database or a file of settings.

    The first profile becomes the current one. Store your token for it with `csctl --profile NAME login`.
    """
    from csctl import profiles

    if not (database or env_file):
        raise Usage("a profile needs its shop's place", fix="--database URL, or --env-file FILE")
    if env_file and not env_file.is_file():
        raise Usage(f"there is no file {env_file}", fix="name another --env-file")
    new = profiles.Profile(
        profiles.acceptable_name(name), _absolute(database), env_file.absolute() if env_file else None, label
    )
    known = profiles.load().with_profile(new)
    if known.current is None:
        known = replace(known, current=name)
    said = "added, and current" if known.current == name else "added"
    out.change(lambda dry_run: _save(known, name, Outcome.CREATED, said, dry_run=dry_run))


def _absolute(database: str | None) -> str | None:
    """A relative SQLite path means the one from here, wherever csctl runs later."""
    start = "sqlite:///"
    if database and database.startswith(start) and not database.startswith(f"{start}/"):
        return f"{start}{Path(database.removeprefix(start)).absolute()}"
    return database


@profile.command(
    **_CHANGE,
    examples=("csctl profile use tea", "csctl profile use tea --dry-run"),
)
@_name_argument
def use(_cli: Cli, out: ChangeOutput, name: str) -> None:
    """Use a profile from now on, where --profile and CSCTL_PROFILE name no other."""
    from csctl import profiles

    known = profiles.load()
    profiles.require(known, name)
    used = replace(known, current=name)
    out.change(lambda dry_run: _save(used, name, Outcome.UPDATED, "the current profile", dry_run=dry_run))


@profile.command(
    **_CHANGE,
    examples=("csctl profile remove tea", "csctl profile remove tea --dry-run"),
)
@_name_argument
def remove(_cli: Cli, out: ChangeOutput, name: str) -> None:
    """Remove a profile and its stored token. The shop itself is not touched."""
    from csctl import profiles

    known = profiles.load().without(name)

    def work(dry_run: bool) -> Iterator[Result]:
        yield from _save(known, name, Outcome.REMOVED, "removed, with its stored token", dry_run=dry_run)
        if not dry_run:
            profiles.token_file(name).unlink(missing_ok=True)

    out.change(work)


def _save(known: Profiles, name: str, outcome: Outcome, message: str, *, dry_run: bool) -> Iterator[Result]:
    from csctl import profiles
    from csctl.results import Result

    if not dry_run:
        profiles.save(known)
    yield Result(name, outcome, message, dry_run=dry_run)
