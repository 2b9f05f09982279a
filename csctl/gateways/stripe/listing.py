"""Stripe's records of a period, to compare the books with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind
from csctl.gateways.stripe import objects
from csctl.gateways.stripe.account import Account, id_of, moment, seconds, text


def listed(account: Account, since: datetime, until: datetime) -> Iterator[Entry]:
    """The payments and refunds of a period. Raises Misconfigured, Unreachable."""
    window = [("created[gte]", seconds(since)), ("created[lt]", seconds(until))]
    for shown in account.pages("/v1/payment_intents", [*window, ("expand[]", "data.latest_charge")]):
        kind = Kind.AUTHORIZE if text(shown, "status") == "requires_capture" else Kind.SALE
        found = objects.intent_found(shown, kind, None)
        yield found.entry(kind, key=objects.key_of(shown), at=moment(shown, "created"))
    for shown in account.pages("/v1/charges", window):
        if not id_of(shown, "payment_intent"):  # the others were listed with their intents
            found = objects.charge_found(shown, None)
            yield found.entry(Kind.SALE, key=objects.key_of(shown), at=moment(shown, "created"))
    for shown in account.pages("/v1/refunds", window):
        found = objects.refund(shown)
        intent, charge = id_of(shown, "payment_intent"), id_of(shown, "charge")
        at, key = moment(shown, "created"), objects.key_of(shown)
        entry = found.entry(Kind.REFUND, key=key, sale_reference=intent or charge or None, at=at)
        yield replace(entry, sale_aliases=(charge,) if charge else ())
