"""Deliver into a folder: one .eml file for each message."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from csctl.errors import CsctlError, Misconfigured, Unreachable
from csctl.mail.transport import not_understood

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


@dataclass
class Folder:
    """Write files that only their owner may read. A repeated delivery replaces the same file."""

    path: Path

    @classmethod
    def at(cls, url: str) -> Folder:
        """The folder of `file:outbox`, `file:/var/outbox` or `file:///var/outbox`. Raises Misconfigured without one."""
        rest = url.partition(":")[2]
        path = unquote(urlsplit(url).path) if rest.startswith("//") else rest
        if not path:
            raise not_understood(url, "it names no folder")
        try:
            return cls(Path(path).expanduser())
        except RuntimeError:
            raise not_understood(url, "it begins with ~, and there is no home directory") from None

    def send(self, name: str, message: EmailMessage, *, within: float) -> None:
        del within  # a file needs no time limit
        target, part = self.path / f"{name}.eml", self.path / f".{name}.{os.getpid()}.part"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.unlink(missing_ok=True)  # from a process with this number that died, or a trap: never written through
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600), "wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise self._explained(error) from error

    def check(self) -> None:
        there = next(folder for folder in (self.path.absolute(), *self.path.absolute().parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            number = errno.EACCES if there.is_dir() else errno.ENOTDIR
            raise self._explained(OSError(number, os.strerror(number)))

    def _explained(self, error: OSError) -> CsctlError:
        what, why = f"emails cannot be written to {self.path}", error.strerror
        if error.errno in _NO_ROOM:
            return Unreachable(what, cause=why, fix="make room, then: csctl email send")
        return Misconfigured(what, cause=why, fix="check the folder that CSCTL_MAIL_URL names")

    def close(self) -> None:
        """Do nothing: no file stays open."""
