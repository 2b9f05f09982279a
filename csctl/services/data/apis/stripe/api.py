"""What is read from Stripe, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from csctl.gateways.stripe.account import Account, Fields, Object, child, moment, seconds, text
from csctl.services.data.apis.cursor import Position
from csctl.services.data.apis.intake import SECTIONS, Page
from csctl.services.data.apis.listed import Listed
from csctl.services.data.apis.stripe import payments, people, subscriptions
from csctl.services.data.apis.stripe.links import Links
from csctl.services.data.mapping.language import Rule, Section


class StripeApi:
    """The lists of an account, newest first as Stripe has them."""

    steps: Sequence[str] = ("customers", "subscriptions", "charges", "refunds")
    sections: Mapping[str, Section] = {
        **SECTIONS,
        "orders": replace(SECTIONS["orders"], known_by="charge"),
        **{name: replace(SECTIONS[name], rules={"order": Rule(by="charge")}) for name in ("purchases", "transactions")},
    }

    def __init__(self, client: Account, account: str) -> None:
        self._client, self._account, self._links = client, account, Links(client)
        self._since: datetime | None = None
        self._payers: set[str] = set()

    def pages(self, step: str, position: Position) -> Iterator[Page]:
        self._since = datetime.fromisoformat(position.since) if position.since else None
        paths: dict[str, tuple[Fields, Callable[[Object], Iterator[Listed]]]] = {
            "customers": ([("expand[]", "data.sources")], self._customer),
            # Without `status` Stripe leaves out those that are canceled.
            "subscriptions": ([("status", "all"), ("expand[]", "data.customer")], self._subscription),
            "charges": ([("expand[]", "data.customer"), ("expand[]", "data.payment_intent")], self._charge),
            "refunds": (
                [("expand[]", f"data.charge{part}") for part in ("", ".customer", ".payment_intent")],
                self._refund,
            ),
        }
        query, records = paths[step]
        # A subscription changes long after it was made: all of them are read.
        since = None if step == "subscriptions" else self._since
        period = [("created[gte]", seconds(since))] if since else []
        period.append(("created[lte]", seconds(datetime.fromisoformat(position.until))))
        for shown in self._client.lists(f"/v1/{step}", [*query, *period], position.after):
            yield Page([one for each in shown for one in records(each)], text(shown[-1], "id"))

    def close(self) -> None:
        self._links.close()

    def _customer(self, shown: Object) -> Iterator[Listed]:
        yield from people.customer(shown)
        if shown.get("deleted") is not True:
            path = f"/v1/customers/{text(shown, 'id')}/payment_methods"
            yield from people.methods(shown, list(self._client.pages(path, [])), self._account)

    def _subscription(self, shown: Object) -> Iterator[Listed]:
        yield from self._owner(shown)
        yield from subscriptions.records(shown, self._links.cycles(text(shown, "id")))

    def _charge(self, shown: Object) -> Iterator[Listed]:
        yield from self._owner(shown)
        yield from payments.charge(shown, self._links, self._account)

    def _refund(self, shown: Object) -> Iterator[Listed]:
        charge = child(shown, "charge")
        if self._is_older(charge):
            yield from self._charge(charge)
        yield from payments.refund(shown, self._account)

    def _owner(self, shown: Object) -> Iterator[Listed]:
        """The customer of an object, unless the list of customers had it."""
        customer = child(shown, "customer")
        if self._is_older(customer):
            yield from (replace(one, aside=True) for one in people.customer(customer))
        elif customer.get("deleted") is True or shown.get("customer") is None:
            found = people.payer(shown)
            if found.values["external_id"] not in self._payers:  # one may have paid a thousand times
                self._payers.add(found.values["external_id"])
                yield replace(found, aside=True)

    def _is_older(self, shown: Object) -> bool:
        """Whether an object was made before the period."""
        made = moment(shown, "created")
        return self._since is not None and made is not None and made < self._since
