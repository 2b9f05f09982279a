"""On which day a purchase is billed next."""

from __future__ import annotations

from datetime import date

from csctl.domain import intervals
from csctl.domain import purchases as rules
from csctl.models import Purchase


def bill_on(purchase: Purchase, day: date) -> None:
    """Bill next on this day, and from then on by this day of the month."""
    purchase.next_bill_on, purchase.due_on = day, None
    if purchase.interval:
        purchase.billing_day = day.day if intervals.parse(purchase.interval).monthly else None


def end_pause(purchase: Purchase, day: date) -> None:
    """End a pause on this day. If the billing day was during the pause, the purchase is billed on this day."""
    purchase.paused_until = None
    billed = rules.billing_resumes(purchase.next_bill_on, day)
    if purchase.interval and billed != purchase.next_bill_on:
        bill_on(purchase, billed)
