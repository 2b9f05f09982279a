"""All errors of csctl, each with its exit code of the command line contract.

An error says what failed, and where possible why (`cause`) and what to type (`fix`). None of the three may contain a
secret: they are printed, and stored in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from csctl.card_numbers import without_card_numbers


class CsctlError(Exception):
    """An unexpected error."""

    code: ClassVar[str] = "bug"
    exit: ClassVar[int] = 1
    given: str | None = None  # the name of a record that it is about, as the command line has it

    def __init__(self, message: str, *, cause: str | None = None, fix: str | None = None) -> None:
        # Messages repeat what was typed, which may be a card number.
        self.message = without_card_numbers(message)
        self.cause = cause and without_card_numbers(cause)
        self.fix = fix and without_card_numbers(fix)
        super().__init__(self.message)

    def as_dict(self) -> Mapping[str, object]:
        """The error as JSON output shows it."""
        return {"code": self.code, "exit": self.exit, "message": self.message, "cause": self.cause, "fix": self.fix}


class Usage(CsctlError):
    """An invalid option, value or command line."""

    code, exit = "usage", 2


class NotFound(CsctlError):
    """The record does not exist."""

    code, exit = "not_found", 4


class Conflict(CsctlError):
    """The state of the record does not allow the change."""

    code, exit = "conflict", 5


class Damaged(Conflict):
    """A record of the database cannot be read."""


class NotPermitted(CsctlError):
    """No token, an invalid one, a role without the right, or a blacklisted customer."""

    code, exit = "not_permitted", 6
    noted = False  # whether it is in the audit log already


class RightsLost(NotPermitted):
    """The rights of the operator were removed while the command ran. The remaining records are not processed."""


class Unconfirmed(CsctlError):
    """The prompt was answered with no; nothing was done."""

    code, exit = "unconfirmed", 7


class Unreachable(CsctlError):
    """A gateway, a mail server or the database cannot be reached. Nothing was sent and nothing stored."""

    code, exit = "unreachable", 8


class DatabaseUnreachable(Unreachable):
    """The database cannot be reached, or stores nothing. What was committed before remains."""


class Incomplete(CsctlError):
    """It stopped after records were stored: they stay, and the same command continues from there."""

    code, exit = "incomplete", 3


class OutcomeUnknown(CsctlError):
    """It was sent, and the answer was lost."""

    code, exit = "unknown", 9


class Busy(CsctlError):
    """Another process holds a lock for too long."""

    code, exit = "busy", 10


class Misconfigured(CsctlError):
    """Configuration is missing or wrong, or the schema is not current."""

    code, exit = "misconfigured", 11


class DatabaseDamaged(Misconfigured):
    """The database cannot be read or written as csctl made it. What was committed before may remain."""


class GatewayRefused(CsctlError):
    """The gateway refused it."""

    code, exit = "gateway_refused", 12
