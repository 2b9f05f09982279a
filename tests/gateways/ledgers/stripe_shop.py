"""A pretend Stripe with the books of a shop: customers, cards, subscriptions, invoices, charges, refunds, disputes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from csctl.gateways.conformance.server import Request, Response
from tests.gateways.ledgers.stripe import StripeLedger, _json

_PRICE = {"id": "price_tea", "currency": "usd", "unit_amount": 1900, "product": "prod_tea", "nickname": "Tea"}
_RECURRING = {"recurring": {"interval": "month", "interval_count": 1}}
Shown = dict[str, Any]


class StripeShop(StripeLedger):
    """Objects are made by `add_…`, the oldest first; each is a minute newer than the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.methods: dict[str, list[Shown]] = {}

    def carry_out(self, request: Request) -> Response:
        words = request.path.split("/")[2:]
        if request.method == "GET" and words[0] == "customers" and words[2:] == ["payment_methods"]:
            return _json({"object": "list", "data": self.methods.get(words[1], []), "has_more": False})
        return super().carry_out(request)

    # -- the books

    def add(self, prefix: str, kind: str, **values: Any) -> Shown:
        self.now = self.time + timedelta(minutes=1)
        return self._add(prefix, kind, **values)

    def add_customer(self, name: str | None = "Zoë Kim", email: str | None = "zoe@example.com", **more: Any) -> Shown:
        made = self.add("cus", "customer", name=name, email=email, phone=None, address=None, shipping=None, **more)
        self.customers.add(made["id"])
        return made

    def add_card(self, customer: Shown, last4: str = "4242") -> Shown:
        card = {"brand": "visa", "last4": last4, "exp_month": 12, "exp_year": 2030}
        made = self.add("pm", "payment_method", type="card", card=card, customer=customer["id"])
        self.methods.setdefault(customer["id"], []).append(made)
        return made

    def add_charge(
        self, customer: Shown | None, amount: int = 2000, currency: str = "usd", status: str = "succeeded", **more: Any
    ) -> Shown:
        payer = customer["id"] if customer else None
        paid = status == "succeeded"
        intent = self.add(
            "pi",
            "payment_intent",
            amount=amount,
            currency=currency,
            customer=payer,
            status="succeeded" if paid else "requires_payment_method",
        )
        charge: Shown = {"amount": amount, "currency": currency, "customer": payer, "status": status}
        charge |= {"payment_intent": intent["id"], "captured": paid, "amount_captured": amount if paid else 0}
        charge |= {"amount_refunded": 0, "refunded": False, "disputed": False}
        return self.add("ch", "charge", **{**charge, **more})

    def add_refund(self, charge: Shown, amount: int, status: str = "succeeded", **more: Any) -> Shown:
        if status in ("succeeded", "pending"):
            charge["amount_refunded"] += amount
        known = {"charge": charge["id"], "payment_intent": charge["payment_intent"], "currency": charge["currency"]}
        return self.add("re", "refund", amount=amount, status=status, **known, **more)

    def add_dispute(self, charge: Shown, status: str) -> Shown:
        charge["disputed"] = True
        known = {"charge": charge["id"], "payment_intent": charge["payment_intent"], "currency": charge["currency"]}
        return self.add("dp", "dispute", amount=charge["amount"], status=status, reason="fraudulent", **known)

    def add_subscription(self, customer: Shown, status: str = "active", months: int = 1, **more: Any) -> Shown:
        """With its item, and an invoice and a charge for each month."""
        end = int((self.time + timedelta(days=30)).timestamp())
        item = {"id": f"si_{len(self.objects)}", "price": {**_PRICE, **_RECURRING}, "quantity": 1}
        items = {"data": [{**item, "current_period_end": end}]}
        known = {"customer": customer["id"], "currency": "usd", "status": status}
        made = self.add("sub", "subscription", **known, items=items, **more)
        for number in range(months):
            charge = self.add_charge(customer, 1900)
            paid = {"data": [{"payment": {"type": "payment_intent", "payment_intent": charge["payment_intent"]}}]}
            line = {"parent": {"subscription_item_details": {"subscription_item": item["id"]}}}
            self.add(
                "in",
                "invoice",
                status="paid",
                billing_reason="subscription_cycle" if number else "subscription_create",
                parent={"subscription_details": {"subscription": made["id"]}},
                payments=paid,
                lines={"data": [line]},
            )
        return made

    # -- reads

    def _get(self, path: str, query: Mapping[str, str], pairs: list[tuple[str, str]]) -> Shown:
        words = path.split("/")[2:]
        if words == ["customers"]:
            return self._list("customers", query, [])
        self._wanted = [value.removeprefix("data.") for name, value in pairs if name == "expand[]"]
        return super()._get(path, query, pairs)

    def _expanded(self, one: Shown, query: Mapping[str, str]) -> Shown:
        shown = super()._expanded(one, query)
        for path in sorted(self._wanted if hasattr(self, "_wanted") else ()):
            shown = self._with(shown, path.split("."))
        return shown

    def _with(self, shown: Shown, path: list[str]) -> Shown:
        name, *rest = path
        inner = shown.get(name)
        whole = self.objects.get(inner) if isinstance(inner, str) else inner
        if not isinstance(whole, dict):
            return shown
        return {**shown, name: self._with(whole, rest) if rest else whole}
