"""Payment methods from files: a gateway's tokens for cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from csctl.card_numbers import bin_to_keep
from csctl.domain.personal import ERASED
from csctl.domain.record_kinds import KINDS
from csctl.errors import Usage
from csctl.models import PaymentMethod
from csctl.services.data.importing import people
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownCustomer

_KIND = KINDS["payment-methods"]


@dataclass
class _Card:
    """What a row says of a payment method. What is None it does not give."""

    gateway: str | None
    token: str | None
    brand: str | None
    bin: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    is_default: bool | None


class PaymentMethods:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, PaymentMethod] = {}
        self._new = Drafts(session, PaymentMethod)
        self._customers = people.Customers({}, {})
        self._owners: dict[int, KnownCustomer] = {}
        self._defaults: dict[int, PaymentMethod] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        names = [row.text("external_id") for row in rows]
        self._customers = people.named(self._session, rows, self._context)
        self._found = find(self._session, PaymentMethod, "pm", names, self._context.mark, lock=True)
        self._owners = people.by_id(self._session, [method.customer_id for method in self._found.values()])
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        existing = self._found.get(key)
        owner = self._owners.get(existing.customer_id) if existing else None
        customer = self._customers.of(row, owner)
        if owner and owner.erased_at:
            return RowOutcome.UNCHANGED
        card = _card(row)
        self._check_token(card, existing)
        values = given(**vars(card))
        if existing:
            fixed = {"customer_id": customer.id} if customer else None
            outcome = merge(existing, values, self._context, fixed=fixed)
            if outcome is RowOutcome.UPDATED and card.is_default:
                self._make_default(existing)
            return outcome
        row.need(_KIND)
        customer = people.present(customer)
        now = self._context.now
        method = self._new.add(external_id=key, customer_id=customer.id, created_at=now, **values)
        self._owners[customer.id] = customer
        self._found[key] = method
        if method.is_default:
            self._make_default(method)
        return RowOutcome.CREATED

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        if self._defaults:
            self._session.flush()
            self._session.execute(
                update(PaymentMethod)
                .where(
                    PaymentMethod.customer_id.in_(self._defaults),
                    PaymentMethod.is_default.is_(True),
                    PaymentMethod.id.not_in([method.id for method in self._defaults.values() if method.id]),
                )
                .values(is_default=False)
            )
        self._new.store()

    def _check_token(self, card: _Card, existing: PaymentMethod | None) -> None:
        """Raises Usage for a token that the account's gateway could not charge."""
        account = card.gateway or (existing.gateway if existing else "")
        form = self._context.tokens.get(account)
        if card.token and card.token != ERASED and form and form.parts(card.token) is None:
            raise Usage(f"token: it is not written {form.written}", cause=f"{account} needs that to charge the card")

    def _make_default(self, method: PaymentMethod) -> None:
        """A customer has one default payment method: the newest that says so."""
        if former := self._defaults.get(method.customer_id):
            former.is_default = False
        self._defaults[method.customer_id] = method


def _card(row: Cells) -> _Card:
    first = row.digits("bin", 6, 8)
    return _Card(
        gateway=row.account(),
        token=row.text("token"),
        brand=row.text("brand"),
        bin=first and bin_to_keep(first),
        last4=row.digits("last4", 4, 4),
        exp_month=row.read("exp_month", _month),
        exp_year=row.read("exp_year", _year),
        is_default=row.flag("default"),
    )


def _month(text: str) -> int:
    """A month; of an expiry such as `09/2027`, the first part."""
    month = text.partition("/")[0].strip()
    if not (month.isascii() and month.isdigit() and 1 <= int(month) <= 12):
        raise Usage(f"{text[:40]!r} is not a month")
    return int(month)


def _year(text: str) -> int:
    """A year of four digits, or of two as on cards; of an expiry, the last part."""
    text = text.rpartition("/")[2].strip()
    if not (text.isascii() and text.isdigit() and len(text) in (2, 4)):
        raise Usage(f"{text[:40]!r} is not a year")
    year = int(text) + (2000 if len(text) == 2 else 0)
    if not 1980 <= year <= 2099:
        raise Usage(f"{text} is not a year in which cards expire")
    return year
