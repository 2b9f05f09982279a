"""What can be imported and exported, and the fields of each kind (command line contract, section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from csctl.domain.addresses import ADDRESS_FIELDS
from csctl.domain.customer_fields import CUSTOMER_FIELDS

# Other people's numbers. They may look like a card number, and are none.
REFERENCES = frozenset(
    {"external_id", "tracking", "gateway_ref", "customer", "order", "purchase", "payment_method", "parent"}
)


@dataclass(frozen=True)
class RecordKind:
    """A kind of record in files. `required` are what a new one needs; `key` is how one is known again."""

    name: str
    noun: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    key: str = "external_id"


def _kind(name: str, noun: str, fields: str, *more: str, key: str = "external_id") -> RecordKind:
    """Fields as one text, those that are required with a star."""
    words = [*fields.split(), *more]
    names = tuple(word.removesuffix("*") for word in words)
    return RecordKind(name, noun, names, tuple(word.removesuffix("*") for word in words if word.endswith("*")), key)


_ADDRESS = tuple(f"shipping_{field}" for field in ADDRESS_FIELDS)
_ALL = (
    _kind("customers", "customer", "external_id*", *CUSTOMER_FIELDS, "created_at"),
    _kind(
        "payment-methods",
        "payment method",
        "external_id* customer* gateway* token* brand bin last4 exp_month exp_year default",
    ),
    _kind(
        "products",
        "price point",
        "sku* name option option_name price* amount* currency* interval trial_days trial_amount final_cycle",
        key="price",
    ),
    _kind("orders", "order", "external_id* customer* currency* status placed_at", *_ADDRESS),
    _kind(
        "purchases",
        "purchase",
        "external_id* order* price description quantity unit_price* status cycle trial_ends_on next_bill_on",
    ),
    _kind(
        "transactions",
        "transaction",
        "external_id* order* purchase payment_method kind* state* amount* currency* gateway* gateway_ref parent"
        " settlement settled_at created_at",
    ),
    _kind("fulfillments", "fulfillment", "external_id* order* status carrier tracking shipped_at"),
)
KINDS: dict[str, RecordKind] = {kind.name: kind for kind in _ALL}
