"""What is queried, day after day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo

from csctl.gateways.checkoutchamp.account import PAGE, Account, Object
from csctl.services.data.apis.checkoutchamp import records
from csctl.services.data.apis.cursor import Position
from csctl.services.data.apis.intake import SECTIONS, Page
from csctl.services.data.apis.listed import Listed

_FIRST = date(2008, 1, 1)  # before the system existed
_MOST = 5 * PAGE  # records of one period; pages of more would move too much while others update them
_SETTLES_WITHIN = timedelta(days=3)


class CheckoutChampApi:
    """One query at a time. Dates are in the zone of the account, which is taken to be the shop's."""

    steps: Sequence[str] = ("customer", "order", "purchase", "transactions")
    sections = SECTIONS

    def __init__(self, client: Account, account: str, merchants: Mapping[str, str], zone: tzinfo) -> None:
        self._client, self._account, self._merchants, self._zone = client, account, merchants, zone

    def pages(self, step: str, position: Position) -> Iterator[Page]:
        last = self._day(position.until)
        if position.after:
            first = date.fromisoformat(position.after) + timedelta(days=1)
        else:
            first = self._day(position.since) if position.since else _FIRST
        settled_before = str(last - _SETTLES_WITHIN)
        read: dict[str, Callable[[Object], Iterator[Listed]]] = {
            "customer": records.customer,
            "order": records.order,
            "purchase": records.purchase,
            "transactions": lambda shown: records.transaction(shown, self._merchants, self._account, settled_before),
        }
        if first <= last:
            yield from self._between(step, first, last, read[step])

    def close(self) -> None:
        """Nothing of its own is open."""

    def _between(
        self, step: str, first: date, last: date, read: Callable[[Object], Iterator[Listed]]
    ) -> Iterator[Page]:
        """A period at once where it has few records, else each half of it. The position moves with whole periods."""
        if first < last and self._client.count(step, first, last) > _MOST:
            middle = first + (last - first) // 2
            yield from self._between(step, first, middle, read)
            yield from self._between(step, middle + timedelta(days=1), last, read)
            return
        found: list[Listed] = []
        for page in self._client.records(step, first, last):
            found += [one for shown in page for one in read(shown)]
        yield Page(found, str(last))

    def _day(self, moment: str) -> date:
        return datetime.fromisoformat(moment).astimezone(self._zone).date()
