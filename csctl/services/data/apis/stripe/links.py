"""What Stripe says of a charge elsewhere: the subscription that it pays for, and its dispute."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from csctl.gateways.stripe.account import Account, Object, child, children, id_of, text

_BILLINGS = ("subscription_create", "subscription_cycle", "subscription")
_TABLES = """
CREATE TABLE paid (payment TEXT PRIMARY KEY, subscription TEXT NOT NULL, item TEXT) WITHOUT ROWID;
CREATE TABLE items (item TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE cycles (subscription TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""


class Links:
    """The payments of all invoices, in a private file: a shop may have millions. They are read when first needed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._database: sqlite3.Connection | None = None
        self._disputes: Mapping[str, Object] | None = None

    def subscription_of(self, charge: Object) -> tuple[str, str] | None:
        """The subscription that a charge pays for, and the item if there is only one; None for any other charge."""
        payments = (id_of(charge, "payment_intent"), text(charge, "id"))
        found = self._invoices().execute("SELECT subscription, item FROM paid WHERE payment IN (?, ?)", payments)
        row = found.fetchone()
        if row is None:
            return None
        known = self._invoices().execute("SELECT 1 FROM items WHERE item = ?", (row[1],)).fetchone()
        return row[0], row[1] if known else ""

    def cycles(self, subscription: str) -> int:
        """How many billings of a subscription are paid; at least its checkout."""
        found = self._invoices().execute("SELECT number FROM cycles WHERE subscription = ?", (subscription,))
        row = found.fetchone()
        return max(1, row[0]) if row else 1

    def dispute_of(self, charge: str) -> Object | None:
        """The newest dispute of a charge."""
        if self._disputes is None:
            listed = list(self._account.pages("/v1/disputes", []))
            self._disputes = {id_of(one, "charge"): one for one in reversed(listed)}
        return self._disputes.get(charge)

    def close(self) -> None:
        if self._database:
            self._database.close()

    def _invoices(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite3.connect("")  # a private temporary file, deleted with its connection
            self._database.executescript(_TABLES)
            for invoice in self._account.pages("/v1/invoices", [("expand[]", "data.payments")]):
                self._note(invoice)
            # An invoice may be for an item that its subscription does not have any more.
            for subscription in self._account.pages("/v1/subscriptions", [("status", "all")]):
                items = [(text(item, "id"),) for item in children(child(subscription, "items"), "data")]
                self._database.executemany("INSERT OR IGNORE INTO items VALUES (?)", items)
        return self._database

    def _note(self, invoice: Object) -> None:
        subscription = _subscription(invoice)
        if not subscription or self._database is None:
            return
        for payment in _payments(invoice):
            row = (payment, subscription, _only_item(invoice))
            self._database.execute("INSERT OR IGNORE INTO paid VALUES (?, ?, ?)", row)
        paid = text(invoice, "status") == "paid" or invoice.get("paid") is True
        if paid and text(invoice, "billing_reason") in _BILLINGS:
            self._database.execute(
                "INSERT INTO cycles VALUES (?, 1) ON CONFLICT (subscription) DO UPDATE SET number = number + 1",
                (subscription,),
            )


def _subscription(invoice: Object) -> str:
    """Old versions of the API have it on the invoice itself."""
    details = child(child(invoice, "parent"), "subscription_details")
    return id_of(details, "subscription") or id_of(invoice, "subscription")


def _payments(invoice: Object) -> Iterator[str]:
    """Intents and charges that paid an invoice, in the new shape and in the old one."""
    for paid in children(child(invoice, "payments"), "data"):
        payment = child(paid, "payment")
        yield from filter(None, (id_of(payment, "payment_intent"), id_of(payment, "charge")))
    yield from filter(None, (id_of(invoice, "payment_intent"), id_of(invoice, "charge")))


def _only_item(invoice: Object) -> str | None:
    items = {
        id_of(child(child(line, "parent"), "subscription_item_details"), "subscription_item")
        or id_of(line, "subscription_item")
        for line in children(child(invoice, "lines"), "data")
    } - {""}
    return items.pop() if len(items) == 1 else None
