"""The unused part of a period that was paid for (domain rules, section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from csctl.domain.money import Money


@dataclass(frozen=True)
class Period:
    """The days that a billing paid for, `end` not included."""

    begin: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.begin).days

    def unused(self, today: date) -> int:
        """Whole days after today that remain."""
        return min(max((self.end - today).days - 1, 0), self.days)


@dataclass(frozen=True)
class Prorated:
    """The amount to return for the unused days of a period. `returned` (minor units) was returned before."""

    period: Period
    unused: int
    paid: Money
    returned: int

    @property
    def amount(self) -> int:
        """Minor units, rounded down; never negative."""
        whole = self.paid.amount * self.unused // self.period.days if self.period.days > 0 else 0
        return max(whole - self.returned, 0)

    def __str__(self) -> str:
        """The calculation in words: `9.29 USD = 19.99 USD x 14 unused of 30 days (to 2026-03-31)`."""
        said = (
            f"{Money(self.amount, self.paid.currency)} = {self.paid} x {self.unused} unused of {self.period.days} days"
        )
        before = f", less {Money(self.returned, self.paid.currency)} returned before" if self.returned else ""
        return f"{said} ({self.period.begin} to {self.period.end}){before}"
