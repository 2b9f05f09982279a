"""The cancellation that a refund or void brings with it, once it is approved, accepted or queued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Scope(StrEnum):
    """What is cancelled."""

    ORDER = "order"
    PAID_FOR = "paid_for"  # what the sale paid for: a purchase, or several
    PURCHASE = "purchase"  # one purchase, at its own moment


@dataclass(frozen=True)
class Carried:
    """A cancellation: of a purchase now, `on` a day, or `after_next` billing; of the others now."""

    scope: Scope
    purchase_id: int | None = None
    on: date | None = None
    after_next: bool = False
