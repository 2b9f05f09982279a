"""A small file with words to complete, so that completion never opens the database.

It holds codes of the catalog and names of runs, no personal data. Commands on a terminal refresh it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from csctl import paths

if TYPE_CHECKING:
    from csctl.app import App

_FRESH = 600  # seconds until the next refresh
_REFRESHING = ("product", "run", "data import", "db upgrade")  # commands that change or list the words
_Words = dict[str, list[str]]


def refresh(app: App, command: str, *, run: bool) -> None:
    """Store the words of this database, if the user works on a terminal and they may have changed.

    `run`: the command was a bulk change, so that there is a new run.
    """
    from csctl.errors import CsctlError
    from csctl.services.views import completion

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    try:
        path = _file(app.settings.database_url)
        if not run and not command.startswith(_REFRESHING) and _is_fresh(path):
            return
        _write(path, completion.words(app))
    except (CsctlError, OSError):
        pass  # completion is a convenience: no command fails for it


def complete(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A completion function for the words of this kind: product, option, price or run."""

    def words(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
        return [word for word in _read(ctx).get(kind, []) if word.startswith(begun)]

    return words


def _read(ctx: click.Context) -> _Words:
    from csctl.errors import CsctlError
    from csctl.settings import load

    root = ctx.find_root().params
    options = {"CSCTL_DATABASE_URL": root.get("database_url"), "CSCTL_PROFILE": root.get("profile")}
    try:
        settings = load(os.environ, options=options, env_file=root.get("env_file"))
        found: _Words = json.loads(_file(settings.database_url).read_text(encoding="utf-8"))
    except (CsctlError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file(database_url: str) -> Path:
    """The file for a database. Its name is a hash of the URL without the password."""
    from csctl.settings import mask

    name = hashlib.sha256(mask(database_url).encode()).hexdigest()[:16]
    return paths.of_user("cache") / f"completion-{name}.json"


def _is_fresh(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _FRESH
    except OSError:
        return False


def _write(path: Path, words: _Words) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(words, file)
    draft.replace(path)  # another process never reads half a file
