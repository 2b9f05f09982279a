"""What can be imported and exported, and the fields of each kind (command line contract, section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from csctl.domain import fields
from csctl.domain.field_uses import Use

# Other people's numbers. They may look like a card number, and are none.
REFERENCES = frozenset(
    {"external_id", "tracking", "gateway_ref", "customer", "order", "purchase", "payment_method", "parent"}
)

# What Excel takes for numbers, with a leading apostrophe or rounded: ids, codes and postal codes.
IDENTIFIERS = REFERENCES | {
    *("token", "sku", "option", "price", "bin", "last4", "next_option", "next_price", "transaction", "reference"),
    *("billing_postal_code", "shipping_postal_code"),
}


@dataclass(frozen=True)
class RecordKind:
    """A kind of record in files. `required` are what a new one needs; `key` is how one is known again."""

    name: str
    noun: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    key: str = "external_id"


def _kind(name: str, noun: str, required: str, *tables: str, key: str = "external_id") -> RecordKind:
    """The fields of a kind are those of its tables that are exported."""
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
