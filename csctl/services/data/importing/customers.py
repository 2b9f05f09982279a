"""Customers from files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from email.utils import parseaddr
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from csctl import search_index
from csctl.domain import contact
from csctl.domain.addresses import ADDRESS_FIELDS, Address
from csctl.domain.countries import is_code
from csctl.domain.customer_fields import CUSTOMER_FIELDS, kept
from csctl.domain.field_uses import ADDRESSES
from csctl.errors import Usage
from csctl.models import Customer
from csctl.models.customer import fold_for_search
from csctl.services.data.importing import people
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Columns, Context, RowOutcome, find, given, merge
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownCustomer

_ADDRESS_COLUMNS = {kind: {field: f"{kind}_{field}" for field in ADDRESS_FIELDS} for kind in ADDRESSES}
_FORMS: dict[str, Callable[[str], str | None]] = {
    name: partial(kept, name, country=None)
    for name in CUSTOMER_FIELDS
    if name in ("email", "ip") or name.endswith("_country")
}
_PLAIN = tuple(name for name, field in CUSTOMER_FIELDS.items() if not field.address and name != "phone")


class Customers:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, Customer] = {}
        self._new = Drafts(session, Customer)
        self._known: dict[str, list[KnownCustomer]] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        names = [row.text("external_id") for row in rows]
        self._found = find(self._session, Customer, "cus", names, self._context.mark, lock=True)
        if rows and rows[0].known_by == "email":
            self._known = people.with_emails(self._session, [row.text("email") for row in rows])
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        existing = self._found.get(key)
        if existing and (existing.erased_at or existing.merged_into_id):
            what = "erased" if existing.erased_at else "merged"
            self._context.warnings.add(f"customers were {what} here and stay so", key)
            return RowOutcome.UNCHANGED
        if existing is None and self._known.get(row.text("email") or ""):
            return RowOutcome.UNCHANGED
        values = self._values(row, existing)
        if existing:
            outcome = merge(existing, values, self._context)
            if outcome is RowOutcome.UPDATED:
                existing.updated_at = self._context.now
            return outcome
        now = self._context.now
        self._found[key] = self._new.add(external_id=key, **{"created_at": now, "updated_at": now, **values})
        return RowOutcome.CREATED

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        for customer in self._new.made:
            fold_for_search(customer)
        if self._new.made:
            with search_index.indexed_together(self._session.connection()):
                self._new.store()

    def _values(self, row: Cells, existing: Customer | None) -> Columns:
        """What a row says, by the list of fields: a field that is added there is imported."""
        addresses = {kind: address(row, kind, self._context, getattr(existing, kind, None)) for kind in ADDRESSES}
        plain = {name: _read(row, name) for name in _PLAIN}
        country = next((at.country for at in addresses.values() if is_code(at.country)), self._context.country)
        return given(**plain, **addresses, phone=self._phone(row, country), created_at=row.time("created_at"))

    def _phone(self, row: Cells, country: str | None) -> str | None:
        found = row.read("phone", lambda text: contact.phone_number(text, country))
        if found is None:
            return None
        number, valid = found
        if not valid:
            self._context.warnings.add(
                "phone numbers are not valid ones, and were kept as given", f"{number!r} (line {row.line})"
            )
        return number


def address(row: Cells, kind: str, context: Context, existing: Address | None = None) -> Address:
    """The address that a row gives, what it leaves out taken from the existing one."""
    before = existing or Address()
    parts: dict[str, str | None] = {}
    for field, name in _ADDRESS_COLUMNS[kind].items():
        if name in row:
            parts[field] = _country(row, name, context) if field == "country" else row.text(name)
    if not parts:
        return before
    return replace(before, **parts) if existing else Address(**parts)


def _country(row: Cells, name: str, context: Context) -> str | None:
    """The code of a country; of one that is not known, its name as it was given."""
    try:
        return row.read(name, _FORMS[name])
    except Usage:
        text = row.text(name)
        context.warnings.add("countries are not known, and were kept as given", f"{text!r} (line {row.line})")
        return text


def _read(row: Cells, name: str) -> str | None:
    """A field in the form in which it is kept. What is only text has been looked at with its row."""
    if name == "email":
        return row.read(name, lambda text: _FORMS[name](_bare_email(text)))
    return row.read(name, _FORMS[name]) if name in _FORMS else row.text(name)


def _bare_email(text: str) -> str:
    """An address without the name before it, or the `mailto:` of a link."""
    _, address = parseaddr(text) if text.endswith(">") else ("", text)
    return re.sub(r"^mailto:", "", address or text, flags=re.IGNORECASE)
