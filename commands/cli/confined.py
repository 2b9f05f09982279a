"""csctl for a rule of sudo (`--confined`): the caller works with another user's rights, and must not gain them.

The settings are those of that user's profile. From the caller come the token, ids and texts, and files that the caller
could read without csctl; nothing is written for the caller but to the terminal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from csctl.domain.text import printable
from csctl.errors import Usage

# Of the caller's environment: who they are, and what their terminal is. Settings, paths and libraries are not theirs.
_KEPT = ("CSCTL_TOKEN", "CSCTL_OUTPUT", "CSCTL_PROFILE", "NO_COLOR", "SUDO_UID", "TERM", "COLUMNS", "LINES", "LANG")
_KEPT_TOO = "LC_"
# What changes the files of the user whose rights are used.
_COMMANDS = ("login", "logout", "demo", "db init", "profile add", "profile use", "profile remove")


@dataclass(frozen=True)
class Confinement:
    """What one confined csctl may touch. `folder` is its own; `caller` is None if sudo did not say who it is."""

    folder: Path
    caller: int | None
    _files: list[int] = field(default_factory=list)

    def opened(self, path: Path) -> Path:
        """A path of the open file. Raises Usage unless the caller could open it without csctl.

        It is looked at after it was opened: a name could mean another file by then.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            raise Usage(f"cannot read {path}", cause=error.strerror, fix=_STDIN) from None
        self._files.append(descriptor)
        if self.caller is None or not _could_read(self.caller, descriptor):
            raise Usage(
                f"cannot read {path}", cause="with --confined you need the right to read it yourself", fix=_STDIN
            )
        link = self.folder / str(descriptor) / path.name
        link.parent.mkdir()
        link.symlink_to(f"/proc/self/fd/{descriptor}")
        return link

    @property
    def rejects(self) -> Path:
        """Where an import writes the rows that it rejects, which are printed at the end."""
        return self.folder / "rejects"

    def require(self, command: str, params: Mapping[str, click.Parameter], values: Mapping[str, Any]) -> None:
        """Raises Usage for a command, or an option, that would use files with the rights of another user."""
        if command in _COMMANDS:
            raise Usage(f"csctl {command} is not available with --confined", fix="ask the owner of this installation")
        for name, param in params.items():
            if isinstance(param.type, click.Path) and not isinstance(param.type, InputFile) and values.get(name):
                raise Usage(f"{param.opts[-1]} is not available with --confined", cause="it names a file to write")

    def close(self) -> None:
        """Print the rejected rows, close the files, and leave nothing behind."""
        import shutil

        if self.rejects.is_file():
            text = self.rejects.read_text(encoding="utf-8", errors="replace")
            click.echo(printable(text, lines=True).rstrip(), err=True)
        for descriptor in self._files:
            os.close(descriptor)
        shutil.rmtree(self.folder)


_STDIN = "let your shell open it: csctl … - < FILE"


@contextmanager
def confined() -> Iterator[Confinement]:
    """The process without the environment of its caller, as long as this lasts."""
    import tempfile

    before = dict(os.environ)
    home = _home(os.geteuid())
    os.environ.clear()
    os.environ.update({name: value for name, value in before.items() if name in _KEPT or name.startswith(_KEPT_TOO)})
    os.environ.update({"HOME": home} if home else {})
    caller = before.get("SUDO_UID", "")
    found = Confinement(Path(tempfile.mkdtemp(prefix="csctl-")), int(caller) if caller.isdecimal() else None)
    try:
        yield found
    finally:
        found.close()
        os.environ.clear()
        os.environ.update(before)


class InputFile(click.Path):
    """A file that a command reads, or `-` for standard input."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        confinement = getattr(ctx.obj, "confinement", None) if ctx else None
        return path if confinement is None or str(path) == "-" else confinement.opened(path)


def _could_read(user: int, descriptor: int) -> bool:
    """Whether a user may read an open file, and pass through the folders that it is in."""
    found = os.fstat(descriptor)
    real = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    groups = _groups(user)
    return (
        stat.S_ISREG(found.st_mode)
        and _may(user, groups, found, stat.S_IROTH)
        and all(_may(user, groups, folder.stat(), stat.S_IXOTH) for folder in real.parents)
    )


def _may(user: int, groups: set[int], found: os.stat_result, right: int) -> bool:
    """As the system decides: the owner by the owner's bits, the group by the group's, all others by the last."""
    if user == 0:
        return True
    shift = 6 if found.st_uid == user else 3 if found.st_gid in groups else 0
    return bool(found.st_mode & right << shift)


def _groups(user: int) -> set[int]:
    import pwd

    try:
        known = pwd.getpwuid(user)
    except KeyError:
        return set()
    return set(os.getgrouplist(known.pw_name, known.pw_gid))


def _home(user: int) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(user).pw_dir
    except KeyError:
        return None
