"""Purchases to change, and how a command shows them."""

from __future__ import annotations

from typing import Any

from csctl.domain.states import PurchaseStatus
from tests.factories import make_price, make_purchase
from tests.shops import Shop


def subscription(shop: Shop, status: str = "active", **given: Any) -> str:
    """Tea for 10.00 a month, next billed on 31 March; there are a half and a large one too."""
    if not shop.sql("SELECT id FROM price_points WHERE code = 'tea'"):
        make_price(shop, "tea", "10.00", sku="tea", interval="month", trial_days=14, trial_amount="1.00")
        make_price(shop, "tea-half", "5.00", sku="tea", interval="month")
        make_price(shop, "tea-large", "15.00", sku="tea", option="large", interval="month")
    values = {"price": "tea", "next_bill_on": "2026-03-31", "billing_day": 31, **given}
    return make_purchase(shop, values.pop("order", None), "10.00", status=PurchaseStatus(status), **values)


def look_up(shop: Shop, purchase: str) -> dict[str, Any]:
    shown: dict[str, Any] = shop(f"purchase show {purchase} -o json").json
    return shown
