"""The settings of a shop, which its database stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Shop:
    """The settings of the shop.

    `refund_limits`: what an agent may return of one sale, `daily_limits`: on one business day; in minor units by
    currency. `refund_reasons`: the reasons that refunds may have; empty allows any text. `unattempted_days`: after so
    many, the Notify Emails receive a message about a refund that could not be attempted. `emails`: the optional
    emails that are sent.
    """

    timezone: ZoneInfo = ZoneInfo("UTC")
    country: str | None = None
    locale: str = "en_US"
    name: str = "Our shop"
    support_email: str | None = None
    mail_from: str | None = None
    refund_limits: Mapping[str, int] = field(default_factory=dict)
    daily_limits: Mapping[str, int] = field(default_factory=dict)
    recycle_days: tuple[int, ...] = (3, 7, 14)
    refund_reasons: tuple[str, ...] = ()
    approval_days: int = 14
    unattempted_days: int = 7
    emails: frozenset[str] = frozenset()
