"""The kinds of records in import and export files, and their fields (command line contract, section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from csctl.domain import fields
from csctl.domain.field_uses import Use

# Ids of other systems. They may look like a card number.
REFERENCES = frozenset(
    {"external_id", "tracking", "gateway_ref", "customer", "order", "purchase", "payment_method", "parent"}
)


@dataclass(frozen=True)
class RecordKind:
    """A kind of record in files. `required` are the fields of a new one; `key` identifies an existing one."""

    name: str
    noun: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    key: str = "external_id"


def _kind(name: str, noun: str, required: str, *tables: str, key: str = "external_id") -> RecordKind:
    """A kind with the exported fields of its tables."""
    names = tuple(field.file for table in tables for field in fields.of(table, Use.FILE))
    return RecordKind(name, noun, names, tuple(required.split()), key)


_ALL = (
    _kind("customers", "customer", "external_id", "customers"),
    _kind("payment-methods", "payment method", "external_id customer gateway token", "payment_methods"),
    _kind(
        "products",
        "price point",
        "sku price amount currency",
        "products",
        "product_options",
        "price_points",
        key="price",
    ),
    _kind("orders", "order", "external_id customer currency", "orders"),
    _kind("purchases", "purchase", "external_id order unit_price", "purchases"),
    _kind("transactions", "transaction", "external_id order kind state amount currency gateway", "transactions"),
    _kind("fulfillments", "fulfillment", "external_id order", "fulfillments"),
)
KINDS: dict[str, RecordKind] = {kind.name: kind for kind in _ALL}
