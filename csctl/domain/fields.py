"""The fields of every record: what csctl does with each of them.

Export, import, merge, erase, show and search go by this list. A column that is not in it fails
`tests/domain/test_fields.py`.
"""

from __future__ import annotations

from csctl.domain.field_uses import Erase, Field, Record, Use, detail, each, record

_LISTED, _SHOWN, _FILE, _MERGED, _NAMES = Use.LISTED, Use.SHOWN, Use.FILE, Use.MERGED, Use.NAMES
_AMOUNT, _INTERNAL = Use.AMOUNT, Use.INTERNAL
_PRICE = _LISTED | _FILE | _AMOUNT

_ALL = (
    record(
        "customers",
        "cus",
        each("id", _LISTED, searched="query"),
        each("external_id", _LISTED | _FILE, erase=Erase.EMPTY_IF_NAMED, searched="query external_id"),
        detail("first_name", searched="query name first_name"),
        detail("last_name", searched="query name last_name"),
        detail("email", searched="query email"),
        detail("phone", searched="query phone"),
        detail("ip", _SHOWN | _NAMES, searched="ip"),
        detail("billing_line1", _SHOWN | _NAMES, searched="query address"),
        detail("billing_line2", _SHOWN, searched="query address"),
        detail("billing_city", _SHOWN, searched="query address city"),
        detail("billing_region", _SHOWN, searched="query address region"),
        detail("billing_postal_code", _SHOWN, searched="query address postal_code"),
        detail("billing_country", _SHOWN, searched="query address country"),
        detail("shipping_line1", _SHOWN | _NAMES, searched="query address"),
        detail("shipping_line2", _SHOWN, searched="query address"),
        detail("shipping_city", _SHOWN, searched="query address city"),
        detail("shipping_region", _SHOWN, searched="query address region"),
        detail("shipping_postal_code", _SHOWN, searched="query address postal_code"),
        detail("shipping_country", _SHOWN, searched="query address country"),
        each("created_at", _LISTED | _FILE, searched="since until"),
        each("folded_first_name folded_last_name folded_email folded_city", _INTERNAL, erase=Erase.COPY),
        each("folded_region folded_address phone_digits", _INTERNAL, erase=Erase.COPY),
        each("merged_into_id", _SHOWN | _MERGED, key="merged_into"),
        each("erased_at version", _SHOWN),
        each("updated_at"),
    ),
    record(
        "payment_methods",
        "pm",
        each("id", _LISTED, searched="query"),
        each("external_id", _LISTED | _FILE, erase=Erase.EMPTY_IF_NAMED),
        each("customer_id", _FILE | _MERGED, file="customer"),
        each("gateway", _LISTED | _FILE),
        each("token", _FILE | _INTERNAL, erase=Erase.REPLACE),
        each("brand", _LISTED | _FILE, erase=Erase.EMPTY),
        each("bin", _LISTED | _FILE, erase=Erase.EMPTY, searched="card_bin"),
        each("last4", _LISTED | _FILE, erase=Erase.EMPTY, searched="card_last4"),
        each("exp_month exp_year", _LISTED | _FILE, erase=Erase.EMPTY),
        each("is_default", _LISTED | _FILE, key="default", file="default"),
        each("disabled_at created_at", _LISTED),
    ),
    record(
        "history",
        "his",
        each("id at kind order_id transaction_id edited_at", _LISTED),
        each("customer_id", _LISTED | _MERGED),
        each("text", _LISTED, erase=Erase.REPLACE),
        each("reason", _LISTED, erase=Erase.EMPTY, key="text"),
        each("operator_id", _LISTED, key="operator"),
        each("replaces_id"),
    ),
    record(
        "products",
        "prd",
        each("id created_at retired_at", _LISTED),
        each("sku name", _LISTED | _FILE),
    ),
    record(
        "product_options",
        None,
        each("code", _LISTED | _FILE, key="options", file="option"),
        each("name", _LISTED | _FILE, key="options", file="option_name"),
        each("id product_id created_at"),
    ),
    record(
        "price_points",
        None,
        each("code", _LISTED | _FILE, key="price_points", file="price"),
        each("amount", _PRICE, key="price_points"),
        each("currency interval trial_days", _LISTED | _FILE, key="price_points"),
        each("trial_amount", _PRICE, key="price_points"),
        each("final_cycle", _LISTED | _FILE, key="price_points"),
        each("id option_id created_at"),
    ),
    record(
        "orders",
        "ord",
        each("id", _LISTED, searched="query order_id"),
        each("external_id", _LISTED | _FILE, searched="query external_id"),
        each("customer_id", _LISTED | _FILE | _MERGED, file="customer"),
        each("currency", _LISTED | _FILE),
        each("status", _LISTED | _FILE, searched="status"),
        each("placed_at", _LISTED | _FILE, searched="since until"),
        each("total", _LISTED | _AMOUNT),
        each("billing_line1", _SHOWN | _NAMES, erase=Erase.EMPTY),
        each("billing_line2 billing_city billing_region billing_postal_code", _SHOWN, erase=Erase.EMPTY),
        each("billing_country", _SHOWN, erase=Erase.KEEP),
        each("shipping_line1", _SHOWN | _FILE | _NAMES, erase=Erase.EMPTY),
        each("shipping_line2 shipping_city shipping_region shipping_postal_code", _SHOWN | _FILE, erase=Erase.EMPTY),
        each("shipping_country", _SHOWN | _FILE, erase=Erase.KEEP),
        each("cancelled_at", _LISTED),
        each("cancel_reason", _SHOWN, erase=Erase.REPLACE),
        each("created_by"),
    ),
    record(
        "purchases",
        "pur",
        each("id", _LISTED, searched="query"),
        each("external_id", _LISTED | _FILE),
        each("order_id", _LISTED | _FILE, file="order"),
        each("price_point_id", _LISTED | _FILE, key="price_point", file="price"),
        each("description", _LISTED | _FILE, key="product"),
        each("quantity", _LISTED | _FILE),
        each("unit_price", _PRICE),
        each("status", _LISTED | _FILE, searched="status"),
        each("cycle trial_ends_on next_bill_on", _LISTED | _FILE),
        each("price", _LISTED | _AMOUNT),
        each("cancel_on billed_by", _LISTED | _FILE),
        each("cancel_after_billing paused_until", _SHOWN | _FILE),
        each("next_price_point_id", _SHOWN | _FILE, key="next_billing", file="next_price"),
        each("next_quantity", _SHOWN | _FILE, key="next_billing"),
        each("next_unit_price", _SHOWN | _FILE | _AMOUNT, key="next_billing"),
        each("checkout_amount", _FILE | _AMOUNT),
        each("payment_method_id", _FILE, file="payment_method"),
        each("currency interval", _LISTED),
        each("billing_day final_cycle cancelled_at recycle_attempts", _SHOWN),
        each("cancel_reason", _SHOWN, erase=Erase.REPLACE),
        each("created_at", _SHOWN),
        each("due_on billed_from billed_to last_billed_on version"),
    ),
    record(
        "fulfillments",
        "ful",
        each("id", _LISTED, searched="query"),
        each("external_id", _LISTED | _FILE),
        each("order_id", _LISTED | _FILE, file="order"),
        each("status carrier", _LISTED | _FILE),
        each("tracking", _LISTED | _FILE, searched="tracking"),
        each("shipped_at", _LISTED | _FILE),
        each("reship_of_id", _LISTED, key="reship_of"),
        each("created_at", _LISTED),
    ),
    record(
        "transactions",
        "txn",
        each("id", _LISTED, searched="query transaction_id"),
        each("external_id", _LISTED | _FILE, searched="query"),
        each("order_id", _LISTED | _FILE, file="order"),
        each("purchase_id", _LISTED | _FILE, file="purchase"),
        each("payment_method_id", _SHOWN | _FILE, key="payment_method", file="payment_method"),
        each("kind state", _LISTED | _FILE),
        each("amount", _PRICE),
        each("currency gateway", _LISTED | _FILE),
        each("gateway_ref", _LISTED | _FILE, searched="gateway_ref"),
        each("parent_id", _LISTED | _FILE, file="parent"),
        each("settlement settled_at created_at", _LISTED | _FILE),
        each("refunded over_returned", _LISTED | _AMOUNT),
        each("reserved", _LISTED | _AMOUNT, key="refundable"),
        each("voided_at", _LISTED | _FILE, key="voided", file="voided"),
        each("disputed_at", _LISTED | _FILE, key="disputed", file="disputed"),
        each("duplicate_at", _LISTED | _FILE, key="duplicate", file="duplicate"),
        each("outside", _LISTED | _FILE),
        each("reason", _LISTED),
        each("outside_reference", _LISTED | _FILE, erase=Erase.IF_NAMED),
        each("message", _LISTED, erase=Erase.IF_NAMED),
        each("gateway_code gateway_request_id network_ref", _LISTED | _FILE),
        each("cycle", _FILE),
        each("refund_reason", _LISTED, erase=Erase.REPLACE),
        each("created_by", _LISTED),
        each("unit_price", _AMOUNT),
        each("key claim lease_until request_id", _INTERNAL),
        each("occasion due_on quantity sent_at watch_until looked_at billing_blocked_at look_since finished_at"),
        each("bank_reference", _LISTED),
        each("queue_item_id attempt_on send_email joins_queue"),
        each("cancels cancels_purchase_id cancels_on cancels_after_billing"),
    ),
    record(
        "refund_queue",
        "rfq",
        each("id", _LISTED, searched="query"),
        each("external_id", _FILE),
        each("sale_id", _LISTED | _FILE, key="transaction_id", file="transaction"),
        each("amount", _PRICE),
        each("currency state attempts next_attempt_on", _LISTED | _FILE),
        each("last_reason", _LISTED | _FILE, erase=Erase.IF_NAMED, file="reason"),
        each("reference", _SHOWN | _FILE, erase=Erase.IF_NAMED),
        each("created_at", _LISTED | _FILE),
        each("closed_at", _SHOWN | _FILE),
        each("order_id", _LISTED),
        each("customer_id", _LISTED | _MERGED),
        each("close_reason", _SHOWN, erase=Erase.REPLACE),
        each("origin_id last_attempt_on send_email unattempted_told_at"),
    ),
    record(
        "deferred_changes",
        None,
        each("reason", erase=Erase.REPLACE),
        each("id charge_id order_id purchase_id bill_on created_at created_by"),
    ),
    record(
        "approvals",
        "apr",
        each("id currency requested_by created_at", _LISTED),
        each("sale_id", _LISTED, key="transaction_id"),
        each("amount", _LISTED | _AMOUNT),
        each("reason", _LISTED, erase=Erase.REPLACE),
        each("returned_before", _SHOWN | _AMOUNT, key="returned_since"),
        each("request_id", _INTERNAL),
        each("purchase_id cancels send_email"),
    ),
    record(
        "approval_decisions",
        None,
        each("state decided_by decided_at", _LISTED),
        each("reason", _LISTED, erase=Erase.REPLACE, key="decision_reason"),
        each("id approval_id transaction_id"),
    ),
    record(
        "emails",
        "eml",
        each("id kind state order_id transaction_id queue_item_id created_at sent_at message_id", _LISTED),
        each("customer_id", _LISTED | _MERGED),
        each("recipient", _LISTED | _NAMES, erase=Erase.REPLACE),
        each("subject", _LISTED, erase=Erase.REPLACE),
        each("text", _SHOWN, erase=Erase.REPLACE),
        each("html", _SHOWN | _INTERNAL, erase=Erase.EMPTY),
        each("error", _SHOWN, erase=Erase.EMPTY),
        each("attempts", _SHOWN),
        each("context", erase=Erase.EMPTY),
        each("lease_until", _INTERNAL),
    ),
    record(
        "blacklist",
        "bli",
        each("id kind created_at created_by", _LISTED),
        each("value", _LISTED | _MERGED, erase=Erase.KEEP),
        each("match_key", _MERGED, erase=Erase.KEEP),
        each("reason", _LISTED, erase=Erase.KEEP),
    ),
    record(
        "runs",
        "run",
        each("id command state total done failed started_at ended_at", _LISTED),
        each("operator_id", _LISTED, key="operator"),
        each("arguments", _SHOWN, erase=Erase.IF_NAMED),
        each("by_ids worker lease_until"),
    ),
    record(
        "run_records",
        None,
        each("given", _SHOWN, erase=Erase.REPLACE, key="records"),
        each("message", _SHOWN, erase=Erase.REPLACE, key="records"),
        each("state outcome transactions at", _SHOWN, key="records"),
        each("run_id place"),
    ),
    record(
        "audit",
        "aud",
        each("id at operator login command target outcome changes", _LISTED),
        each("operator_id"),
    ),
    record("audit_seals", None, each("number at first_id last_id last_at leaves previous hash")),
    record(
        "operators",
        "opr",
        each("id name role created_at disabled_at token_created_at token_expires_at last_used_at", _LISTED),
        each("token_hash", _INTERNAL),
    ),
    record(
        "notify_emails",
        None,
        each("id created_at", _LISTED),
        each("address", _LISTED, key="email"),
        each("created_by"),
    ),
    record("settings", None, each("name value", _LISTED), each("updated_at")),
    record(
        "gateway_accounts",
        None,
        each("name kind account first_used_at", _LISTED),
        each("livemode", _LISTED, key="mode"),
        each("accepted_at"),
    ),
    record("gateway_cursors", None, each("moved_at", _LISTED, key="synced_at"), each("account cursor")),
    record("requests", None, each("id operator_id key asked created_at", _INTERNAL)),
    record("installation", None, each("rehearsal", _LISTED), each("id created_at")),
    record("moves", None, each("id direction archive mark at confirmed_at")),
)
RECORDS: dict[str, Record] = {one.table: one for one in _ALL}

# The options of `customer search` and `order search` that find a detail of a customer.
PERSON_OPTIONS = tuple(
    dict.fromkeys(
        option
        for field in RECORDS["customers"].fields
        if field.uses & Use.ENTERED
        for option in field.searched
        if option != "query"
    )
)

# The details that search compares as text, without case and accents. For each, the model has a column `folded_<name>`.
TEXTS = tuple(
    field.name
    for field in RECORDS["customers"].fields
    if field.uses & Use.ENTERED and {"query", field.name} <= set(field.searched) and field.name != "phone"
)


def of(table: str, uses: Use) -> tuple[Field, ...]:
    """The fields of a table that have one of these uses."""
    return tuple(field for field in RECORDS[table].fields if field.uses & uses)


def personal(table: str) -> tuple[Field, ...]:
    """The fields of a table that erasing a person may change."""
    return tuple(field for field in RECORDS[table].fields if field.erase not in (None, Erase.KEEP, Erase.COPY))


def details(uses: Use = Use.ENTERED) -> tuple[str, ...]:
    """The details of a customer that have one of these uses; an address is one detail."""
    entered = (field for field in of("customers", Use.ENTERED) if field.uses & uses)
    return tuple(dict.fromkeys(field.detail for field in entered))
