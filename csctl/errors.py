"""Every refusal of csctl, each with the exit code of the command line contract.

An error says what happened, and where it can, why (`cause`) and which command mends it (`fix`).
None of the three may hold a secret: they are printed, and kept in the audit trail.
"""

from __future__ import annotations

from decimal import InvalidOperation
from typing import ClassVar

from csctl.card_numbers import without_card_numbers


class CsctlError(Exception):
    """Something went wrong that csctl did not foresee."""

    code: ClassVar[str] = "bug"
    exit: ClassVar[int] = 1

    def __init__(self, message: str, *, cause: str | None = None, fix: str | None = None) -> None:
        # Messages repeat what somebody typed, and that may have been a card number.
        self.message = without_card_numbers(message)
        self.cause = cause and without_card_numbers(cause)
        self.fix = fix and without_card_numbers(fix)
        super().__init__(self.message)

    def as_dict(self) -> dict[str, object]:
        """The error as JSON output shows it."""
        return {"code": self.code, "exit": self.exit, "message": self.message, "cause": self.cause, "fix": self.fix}


class Usage(CsctlError):
    """The command was called with an option or a value that cannot be."""

    code, exit = "usage", 2


class NotFound(CsctlError):
    """There is no such record."""

    code, exit = "not_found", 4


class Conflict(CsctlError):
    """The record's state does not allow it."""

    code, exit = "conflict", 5


class Damaged(Conflict):
    """A record of the database cannot be read."""


# What reading a damaged record raises where nothing expected it to be damaged.
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, OverflowError, InvalidOperation)


class NotPermitted(CsctlError):
    """No or a wrong token, a role that may not, or a blacklisted customer."""

    code, exit = "not_permitted", 6
    noted = False  # whether it is in the audit trail already


class RightsLost(NotPermitted):
    """The operator's rights were taken away while the command ran. No further record is begun."""


class Unconfirmed(CsctlError):
    """Somebody said no at the prompt; nothing was done."""

    code, exit = "unconfirmed", 7


class Unreachable(CsctlError):
    """A gateway, a mail server or the database is not there. Nothing was sent and nothing kept."""

    code, exit = "unreachable", 8


class DatabaseUnreachable(Unreachable):
    """The database cannot be reached, or keeps nothing. What was committed before remains."""


class OutcomeUnknown(CsctlError):
    """It was sent, and the answer was lost."""

    code, exit = "unknown", 9


class Busy(CsctlError):
    """Somebody else holds a lock for too long."""

    code, exit = "busy", 10


class Misconfigured(CsctlError):
    """Configuration is missing or wrong, or the schema is not current."""

    code, exit = "misconfigured", 11


class DatabaseDamaged(Misconfigured):
    """The database cannot be read or written as csctl made it. What was committed before may remain."""


class GatewayRefused(CsctlError):
    """The gateway said no."""

    code, exit = "gateway_refused", 12
