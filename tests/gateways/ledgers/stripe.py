"""A pretend Stripe: intents, refunds, events and disputes on loopback, with idempotency keys and books of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from csctl.gateways.conformance.server import LedgerServer, Request, Response

KEY = "rk_test_51PretendKeyOfTheTests"
_LISTS = {
    "refunds": "refund",
    "payment_intents": "payment_intent",
    "disputes": "dispute",
    "customers": "customer",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "charges": "charge",
}
_DECLINES = {
    "pm_declined": ("card_declined", "lost_card"),
    "pm_soft": ("card_declined", "insufficient_funds"),
    "pm_expired": ("expired_card", "expired_card"),
}


class Refused(Exception):
    """An error as Stripe tells it."""

    def __init__(self, status: int, type: str, code: str = "", **more: object) -> None:
        self.status = status
        self.error = {"type": type, "message": f"text of {code or type}", **({"code": code} if code else {}), **more}


@dataclass
class Kept:
    """What was answered under an idempotency key."""

    asked: tuple[str, bytes]
    answer: Response


class StripeLedger(LedgerServer):
    """The payment methods that every customer has: pm_ok, pm_declined, pm_soft, pm_expired, pm_authentication."""

    def __init__(self) -> None:
        self.key, self.account, self.may_read_account = KEY, "acct_1Pretend", True
        self.customers = {"cus_1"}
        self.refund_status = "succeeded"
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.kept: dict[str, Kept] = {}
        self._numbers = itertools.count(1)
        super().__init__()

    # -- what a test does at Stripe itself

    def sell(self, amount: str, *, settled: bool = True, type: str = "sale") -> str:
        """A payment that was not made by csctl; one that is not settled is only authorized."""
        manual = type == "auth" or not settled
        form = {"amount": str(_minor(amount)), "currency": "usd", "customer": "cus_1"}
        return str(self._make_intent({**form, "capture_method": "manual" if manual else "automatic"})["id"])

    def settle(self) -> None:
        """There is no batch at Stripe."""

    def refund_outside(self, reference: str, amount: str) -> str:
        return str(self._make_refund(reference, _minor(amount), {})["id"])

    def bring_back(self, reference: str, why: str = "unknown") -> None:
        """A bank returns a refund."""
        one = self.objects[reference]
        one.update(status="failed", failure_reason=why)
        charge = self._charge(one["payment_intent"])
        charge["amount_refunded"] -= one["amount"]
        charge["refunded"] = False
        self._event("refund.failed", one)

    def dispute(
        self, reference: str, status: str = "needs_response", amount: int | None = None, *, refundable: bool = False
    ) -> None:
        charge = self._charge(reference)
        charge["disputed"] = True  # and stays so, whichever side wins
        found = next((one for one in self._all("dispute") if one["payment_intent"] == reference), None)
        one = found or self._add("dp", "dispute", payment_intent=reference, charge=charge["id"], currency="usd")
        one.update(
            status=status,
            amount=amount or charge["amount"],
            reason="fraudulent",
            is_charge_refundable=refundable,
            evidence_details={"due_by": None},
        )
        self._event("charge.dispute.updated", one)

    def returned(self, reference: str | None = None) -> Decimal:
        """What was paid back, of one payment or in all."""
        paid = (
            one["amount"]
            for one in self._all("refund")
            if one["status"] in ("succeeded", "pending") and reference in (None, one["payment_intent"])
        )
        return Decimal(sum(paid)) / 100

    # -- the protocol

    def writes(self, request: Request) -> bool:
        return request.method == "POST"

    def carry_out(self, request: Request) -> Response:
        try:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(401, "invalid_request_error", "api_key_expired")
            assert request.headers.get("stripe-version")
            if request.method == "GET":
                return _json(self._get(request.path, dict(request.query), request.query))
            return self._once(request)
        except Refused as refused:
            return _json({"error": refused.error}, refused.status)

    def _once(self, request: Request) -> Response:
        """A key that was seen before gets the first answer again, a 402 too; another request under it is refused."""
        key, asked = request.headers.get("idempotency-key"), (request.path, request.body)
        if key is None:
            return _json(self._post(request.path, request.form))
        if key in self.kept:
            if self.kept[key].asked != asked:
                raise Refused(400, "idempotency_error")
            return self.kept[key].answer
        try:
            answer = _json(self._post(request.path, request.form))
        except Refused as refused:
            answer = _json({"error": refused.error}, refused.status)
        self.kept[key] = Kept(asked, answer)
        return answer

    def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        words = path.split("/")[2:]
        if words == ["payment_intents"]:
            return self._pay(form)
        if words == ["refunds"]:
            return self._refund(form)
        intent = self._known(words[1])
        if words[2] == "cancel":
            return self._cancel(intent)
        return self._capture(intent, int(form["amount_to_capture"]))

    # -- writes

    def _pay(self, form: dict[str, str]) -> dict[str, Any]:
        if form["customer"] not in self.customers:
            raise Refused(404, "invalid_request_error", "resource_missing", param="customer")
        method = form["payment_method"]
        unpaid = {"pm_authentication": "requires_action", **dict.fromkeys(_DECLINES, "requires_payment_method")}
        intent = self._make_intent(form, status=unpaid.get(method))
        if method in _DECLINES:
            code, decline = _DECLINES[method]
            error = {"type": "card_error", "code": code, "decline_code": decline, "message": "declined"}
            intent["last_payment_error"] = error
            raise Refused(402, "card_error", code, decline_code=decline, payment_intent=dict(intent))
        if method == "pm_authentication":
            raise Refused(402, "card_error", "authentication_required", payment_intent=dict(intent))
        return intent

    def _make_intent(self, form: Mapping[str, str], status: str | None = None) -> dict[str, Any]:
        amount, manual = int(form["amount"]), form.get("capture_method") == "manual"
        intent = self._add(
            "pi",
            "payment_intent",
            amount=amount,
            amount_received=0,
            currency=form["currency"],
            customer=form["customer"],
            status=status or ("requires_capture" if manual else "succeeded"),
            metadata=_metadata(form),
            last_payment_error=None,
            latest_charge=None,
        )
        if status is None:
            charge = self._add(
                "ch",
                "charge",
                amount=amount,
                amount_captured=0 if manual else amount,
                amount_refunded=0,
                captured=not manual,
                currency=form["currency"],
                disputed=False,
                refunded=False,
                metadata={},
                payment_intent=intent["id"],
                status="succeeded",
            )
            intent["latest_charge"] = charge
            intent["amount_received"] = 0 if manual else amount
        self._event(f"payment_intent.{'payment_failed' if status else 'succeeded'}", intent)
        return intent

    def _cancel(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] in ("succeeded", "canceled"):
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=dict(intent))
        intent["status"] = "canceled"
        self._event("payment_intent.canceled", intent)
        return intent

    def _capture(self, intent: dict[str, Any], amount: int) -> dict[str, Any]:
        if intent["status"] != "requires_capture":
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=dict(intent))
        if amount > intent["amount"]:
            raise Refused(400, "invalid_request_error", "amount_too_large")
        intent.update(status="succeeded", amount_received=amount)
        # The rest is released, and counted as refunded.
        released = intent["amount"] - amount
        intent["latest_charge"].update(captured=True, amount_captured=amount, amount_refunded=released)
        return intent

    def _refund(self, form: dict[str, str]) -> dict[str, Any]:
        reference = form.get("payment_intent") or form["charge"]
        intent = self._known(reference)
        charge = self._charge(reference)
        if intent["status"] in ("requires_capture", "canceled"):
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=dict(intent))
        if charge["disputed"]:
            raise Refused(400, "invalid_request_error", "charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise Refused(400, "invalid_request_error", "charge_already_refunded")
        # Left out, it is all that remains: a test that does not send it pays too much.
        amount = int(form.get("amount") or left)
        if amount > left:
            raise Refused(400, "invalid_request_error", param="amount")
        return self._make_refund(reference, amount, _metadata(form))

    def _make_refund(self, reference: str, amount: int, metadata: Mapping[str, str]) -> dict[str, Any]:
        charge = self._charge(reference)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        one = self._add(
            "re",
            "refund",
            amount=amount,
            currency=charge["currency"],
            payment_intent=charge["payment_intent"],
            charge=charge["id"],
            status=self.refund_status,
            metadata=dict(metadata),
        )
        self._event("refund.created", one)
        return one

    # -- reads

    def _get(self, path: str, query: Mapping[str, str], pairs: list[tuple[str, str]]) -> dict[str, Any]:
        words = path.split("/")[2:]
        if words == ["account"]:
            if not self.may_read_account:
                raise Refused(403, "invalid_request_error")
            return {"object": "account", "id": self.account}
        if words == ["balance"]:
            return {"object": "balance", "livemode": False}
        if words[0] == "customers":
            if words[1] not in self.customers:
                raise Refused(404, "invalid_request_error", "resource_missing")
            return {"object": "customer", "id": words[1], "created": 0, "livemode": False}
        if len(words) == 2:
            return self._expanded(self._known(words[1]), query)
        return self._list(words[0], query, [value for name, value in pairs if name == "types[]"])

    def _list(self, name: str, query: Mapping[str, str], types: list[str]) -> dict[str, Any]:
        kind = _LISTS.get(name)
        found = list(self.events) if kind is None else self._all(kind)
        wanted = {key: value for key, value in query.items() if key in ("payment_intent", "charge", "customer")}
        since, until = int(query.get("created[gte]", "0")), int(query.get("created[lte]", str(10**12)))
        found = [
            one
            for one in found
            if since <= one["created"] <= until
            and all(one.get(key) == value for key, value in wanted.items())
            and (not types or one["type"] in types)
        ][::-1]
        after = query.get("starting_after")
        start = next((n + 1 for n, one in enumerate(found) if one["id"] == after), 0)
        limit = int(query.get("limit", "10"))
        assert limit <= 100
        page = [self._expanded(one, query) for one in found[start : start + limit]]
        return {"object": "list", "url": f"/v1/{name}", "data": page, "has_more": start + limit < len(found)}

    def _expanded(self, one: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        """An object as it is shown: charges stand in their intents always, intents where they are asked for."""
        wanted = query.get("expand[]", "").removeprefix("data.")
        intent = self.objects.get(str(one.get("payment_intent")))
        return {**one, "payment_intent": intent} if wanted == "payment_intent.latest_charge" and intent else one

    # -- the books

    def _add(self, prefix: str, kind: str, **values: Any) -> dict[str, Any]:
        reference = f"{prefix}_{next(self._numbers):08}"
        mode = {} if kind == "refund" else {"livemode": False}
        one = {"id": reference, "object": kind, "created": int(self.time.timestamp()), **mode, **values}
        self.objects[reference] = one
        return one

    def _all(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.objects.values() if one["object"] == kind]

    def _known(self, reference: str) -> dict[str, Any]:
        if reference not in self.objects:
            raise Refused(404, "invalid_request_error", "resource_missing")
        return self.objects[reference]

    def _charge(self, reference: str) -> dict[str, Any]:
        one = self._known(reference)
        charge: dict[str, Any] = one if one["object"] == "charge" else one["latest_charge"]
        return charge

    def _event(self, type: str, shown: Mapping[str, Any]) -> None:
        created = int(self.time.timestamp())
        number = f"evt_{next(self._numbers):08}"
        event = {"id": number, "object": "event", "created": created, "livemode": False, "type": type}
        self.events.append({**event, "data": {"object": dict(shown)}})


def _minor(amount: str) -> int:
    return int(Decimal(amount) * 100)


def _metadata(form: Mapping[str, str]) -> dict[str, str]:
    named = ((name.removeprefix("metadata["), value) for name, value in form.items() if name.startswith("metadata["))
    return {name.removesuffix("]"): value for name, value in named}


def _json(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value).encode(), status, {"Content-Type": "application/json", "Request-Id": "req_1"})
