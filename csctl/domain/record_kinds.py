"""The kinds of records in import and export files, and their fields (command line contract, section 7)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from csctl.domain import fields
from csctl.domain.field_uses import Use
from csctl.domain.spreadsheet import restored, unmarked

# Ids of other systems. They may look like a card number.
REFERENCES = frozenset(
    {
        "external_id",
        "tracking",
        "gateway_ref",
        "gateway_request_id",
        "network_ref",
        "customer",
        "order",
        "purchase",
        "payment_method",
        "parent",
        "transaction",
    }
)

# What Excel takes for numbers, with a leading apostrophe or rounded: ids, codes and postal codes.
IDENTIFIERS = REFERENCES | {
    *("token", "sku", "option", "price", "bin", "last4", "next_option", "next_price", "transaction", "reference"),
    *("billing_postal_code", "shipping_postal_code"),
}


def read_cell(field: str, cell: str, *, apostrophe: bool = False) -> str:
    """The text of a CSV cell of a field, without what csctl or a spreadsheet wrote to keep it a text.

    `apostrophe`: no value of the file begins with one.
    """
    if cell[:1] not in ("'", "="):
        return cell
    return unmarked(cell) if apostrophe or field in IDENTIFIERS else restored(cell)


@dataclass(frozen=True)
class RecordKind:
    """A kind of record in files. `required` are the fields of a new one; `key` identifies an existing one.

    A field of `instead` is not required where the other one is given, from which it follows.
    """

    name: str
    noun: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    table: str
    key: str = "external_id"
    instead: Mapping[str, str] = field(default_factory=dict)

    def missing(self, given: Container[str]) -> list[str]:
        """The required fields that are neither given nor follow from another one."""
        return [name for name in self.required if name not in given and self.instead.get(name) not in given]


def _kind(
    name: str, noun: str, required: str, *tables: str, key: str = "external_id", more: str = "", instead: str = ""
) -> RecordKind:
    """The fields of a kind are those of its tables that are exported, and `more` that say the same in another way.

    `instead` are pairs of a required field and one from which it follows.
    """
    names = (*(one.file for table in tables for one in fields.of(table, Use.FILE)), *more.split())
    words = iter(instead.split())
    pairs = zip(words, words, strict=True)
    return RecordKind(name, noun, names, tuple(required.split()), tables[-1], key, dict(pairs))


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
    _kind("purchases", "purchase", "external_id order unit_price", "purchases", more="next_option"),
    _kind(
        "transactions",
        "transaction",
        "external_id order kind state amount currency gateway",
        "transactions",
        instead="order parent",
    ),
    _kind("fulfillments", "fulfillment", "external_id order", "fulfillments"),
    _kind("queue", "queued refund", "external_id transaction amount currency", "refund_queue"),
)
KINDS: dict[str, RecordKind] = {kind.name: kind for kind in _ALL}
