"""The URL of a gateway account in `CSCTL_GATEWAY_NAME`: `KIND:SECRET?option=value&…`."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, unquote

from csctl.errors import Misconfigured
from csctl.gateways import pace
from csctl.gateways.pace import Pace

_LONGEST_CALL = 90  # seconds: the lease of an attempt allows for it
_LONGEST_SECRET = 4096
_Choice = TypeVar("_Choice")
_SWITCH = {"on": True, "off": False}


class InvalidAccount(Misconfigured):
    """The account is invalid; the message names its setting."""


@dataclass(frozen=True)
class AccountUrl:
    """A configured account. Adapters read their options from it, and end with `refuse_others`:

        def open_account(url, *, rehearsal, now, zone, pace):
            base = url.text("base", "https://api.example.com")
            timeout = url.timeout
            url.refuse_others()

    `secret` is the part between the kind and the options, percent-decoded (write `%3F` for a question mark); for
    `KIND:@/path` it is the line in that file. `variable` names the setting, for messages. No message may repeat the
    secret; `key` is the secret of a gateway that takes only printable ASCII characters.
    """

    kind: str
    secret: str = field(repr=False)
    options: Mapping[str, str] = field(repr=False, default_factory=dict)
    variable: str = "the gateway's URL"
    _read: set[str] = field(repr=False, compare=False, default_factory=lambda: {"rate", "timeout", "shared"})

    @property
    def key(self) -> str:
        """The secret. Raises Misconfigured for characters that cannot be sent: it was copied with something else."""
        if not all("!" <= character <= "~" for character in self.secret):
            raise self.problem(
                "the key has characters that no key has",
                cause="spaces, line breaks, typographic quotes or letters of another alphabet",
                fix="copy the key again, and nothing else",
            )
        return self.secret

    def refuse_mode(self, *, live: bool, rehearsal: bool) -> None:
        """Raises Misconfigured for a live account on a rehearsal database, and for a test account on a real one."""
        if live is rehearsal:
            what = "a live account, and this database is a rehearsal" if live else "a test account"
            raise InvalidAccount(
                f"{self.variable} is {what}",
                cause="live accounts move real money" if live else "no money moves there, and this shop is real",
                fix="configure the account that belongs to this database",
            )

    def pace(self, rate: str | None = None) -> Pace:
        """A new Pace for the `rate=` option; `rate` is that of accounts without one. Raises Misconfigured."""
        try:
            return pace.read(self.options.get("rate", rate), self.timeout.total_seconds())
        except Misconfigured as error:
            raise self.problem(error.message, fix=error.fix) from None

    @property
    def timeout(self) -> timedelta:
        """The longest time of one call in all, `timeout=60` in seconds."""
        seconds = self.number("timeout", 60)
        if not 1 <= seconds <= _LONGEST_CALL:
            raise self.problem("timeout is out of range", fix=f"write 1 to {_LONGEST_CALL} seconds: timeout=60")
        return timedelta(seconds=seconds)

    @property
    def shared(self) -> bool:
        """Whether other databases of csctl use the account too (`shared=on`)."""
        return self.switch("shared", default=False)

    def text(self, name: str, default: str = "") -> str:
        self._read.add(name)
        return self.options.get(name, default)

    def number(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise self.problem(f"{name} is not a number", fix=f"write it like {name}={default}")
        return int(text)

    def switch(self, name: str, *, default: bool) -> bool:
        return self.choice(name, _SWITCH, "on" if default else "off")

    def choice(self, name: str, choices: Mapping[str, _Choice], default: str) -> _Choice:
        text = self.text(name, default)
        if text not in choices:
            raise self.problem(f"{name} cannot be read", fix=f"write {name}= and one of {', '.join(choices)}")
        return choices[text]

    def refuse_others(self) -> None:
        """Raises Misconfigured for an option that was not read: a misspelled one would have no effect."""
        if unknown := sorted(self.options.keys() - self._read):
            name = f" {unknown[0]!r}" if is_word(unknown[0]) else ""
            known = ", ".join(sorted(self._read))
            raise self.problem(f"unknown option{name} of {self.kind}", fix=f"write one of: {known}")

    def problem(self, message: str, *, cause: str | None = None, fix: str | None = None) -> InvalidAccount:
        """An error that names the setting."""
        return InvalidAccount(f"{self.variable}: {message}", cause=cause, fix=fix)


def is_word(text: str) -> bool:
    """Whether a text may be repeated in a message: it is a word in small letters, and no part of a secret."""
    return re.fullmatch("[a-z_]{1,20}", text) is not None


def parse(url: str, variable: str = "the gateway's URL") -> AccountUrl:
    """The parts of a gateway's URL, its secret as it is written. Raises Misconfigured; never repeats the URL."""
    kind, colon, rest = url.partition(":")
    secret, _, query = rest.partition("?")
    if not colon:
        raise Misconfigured(f"{variable} names no kind of gateway", fix="write it like KIND:SECRET?rate=20/s")
    if "&" in secret:  # else the options would be part of the key, and another host would be called
        raise Misconfigured(
            f"{variable} has an & before its options", fix="write KIND:SECRET?option=value&…, and %26 for an & of a key"
        )
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
        secret = unquote(secret, errors="strict")
    except ValueError:
        raise Misconfigured(f"{variable} cannot be read", fix="write options like ?rate=20/s&timeout=60") from None
    found = AccountUrl(kind, secret, dict(pairs), variable)
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        name = f" {twice}" if is_word(twice) else ""
        raise found.problem(f"the option{name} is given twice", fix="keep one of them")
    return found


def with_secret(url: AccountUrl) -> AccountUrl:
    """The URL with its secret read from the file that `@/path` names. Raises Misconfigured."""
    if not url.secret.startswith("@"):
        return url
    path = Path(url.secret[1:])
    try:
        if not path.is_absolute():
            raise url.problem("the file of the secret needs an absolute path", fix=f"write {url.kind}:@/path/to/file")
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise url.problem(f"others can read the secret in {path}", fix=f"chmod 600 {path}")
            text = file.read(_LONGEST_SECRET).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise url.problem(f"the secret in {path} cannot be read: {reason}", fix=f"ls -l {path}") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise url.problem(f"{path} is empty", fix="write the secret into it, in one line")
    if len(lines) > 1 or len(text) >= _LONGEST_SECRET:
        raise url.problem(f"{path} has more than the secret", fix="leave one line in it, with the secret alone")
    return replace(url, secret=lines[0])
