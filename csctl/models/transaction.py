"""Transactions, the refund queue, and the requests that callers repeat."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csctl.domain.cancellations import Carried, Scope
from csctl.domain.reasons import Reason
from csctl.domain.states import ItemState, Kind, Occasion, Outside, Settlement, State
from csctl.models import cancellations
from csctl.models.columns import Base, BigId, Words, partial_index
from csctl.models.deferred import DeferredChange
from csctl.models.order import Order


class Transaction(Base):
    """One operation at a gateway: one attempt, one key. Amounts in minor units.

    Of a sale, `refunded` is what was returned for good, and `reserved` the sum of refunds and voids that are under way,
    unknown or queued. The database refuses more than the amount of the sale.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        CheckConstraint("amount > 0 OR (amount = 0 AND kind NOT IN ('refund', 'capture'))", name="amount"),
        CheckConstraint("reserved >= 0 AND refunded >= 0 AND reserved + refunded <= amount", name="reservation"),
        CheckConstraint("over_returned >= 0", name="over_returned"),
        CheckConstraint("voided_at IS NULL OR reserved + refunded = 0", name="voided"),
        CheckConstraint(cancellations.CHECK, name="carried"),
        # Each cycle of a purchase is billed at most once, whatever happens.
        partial_index(
            "uq_transactions_billing",
            "purchase_id",
            "cycle",
            where="kind = 'sale' AND state NOT IN ('declined', 'failed')",
            unique=True,
        ),
        # An order is paid for by one checkout; after a decline it may be charged again.
        partial_index(
            "uq_transactions_checkout",
            "order_id",
            where="kind = 'sale' AND occasion = 'checkout' AND state NOT IN ('declined', 'failed')",
            unique=True,
        ),
        # One charge at a gateway is one sale, and is refunded once (domain rules, section 3).
        partial_index(
            "uq_transactions_reference",
            "gateway",
            "gateway_ref",
            where="kind IN ('sale', 'capture') AND state = 'approved' AND gateway_ref NOT IN ('', '0')"
            " AND duplicate_at IS NULL",
            unique=True,
        ),
        # A queued refund is tried once a day, by any process.
        UniqueConstraint("queue_item_id", "attempt_on"),
        Index("ix_transactions_order_id_transactions_kind", "order_id", "kind", "payment_method_id"),
        Index("ix_transactions_payment_method_id", "payment_method_id", "order_id"),
        Index(None, "state", "created_at"),
        Index(None, "gateway", "created_at"),
        partial_index("ix_transactions_disputed_at", "disputed_at", where="disputed_at IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"), index=True)
    payment_method_id: Mapped[int | None] = mapped_column(ForeignKey("payment_methods.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"), index=True)
    kind: Mapped[Kind]
    state: Mapped[State]
    amount: Mapped[int] = mapped_column(BigId, index=True)
    currency: Mapped[str] = mapped_column(String(3))
    cycle: Mapped[int | None]  # the cycle of the purchase that a rebill paid for
    # Of a charge: why it is made, and so what follows when it is approved.
    occasion: Mapped[Occasion | None]
    due_on: Mapped[date | None]  # the day on which that cycle was due: the next one is counted from it
    quantity: Mapped[int | None]  # after approval, these two are set on the purchase
    unit_price: Mapped[int | None] = mapped_column(BigId)

    gateway: Mapped[str]
    gateway_ref: Mapped[str | None] = mapped_column(index=True)
    key: Mapped[str | None] = mapped_column(unique=True)  # idempotency key; NULL if imported
    reason: Mapped[Reason | None] = mapped_column(Words(Reason, unlimited=True))  # why it did not succeed
    message: Mapped[str | None]  # the message of the gateway
    gateway_code: Mapped[str | None]  # the gateway's own code of its answer
    gateway_request_id: Mapped[str | None]  # of that answer, for the gateway's support
    network_ref: Mapped[str | None]  # the card network's id of a charge: later charges of the card name it
    sent_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    claim: Mapped[str | None]  # the process that owns it; the answer of another one comes too late

    settlement: Mapped[Settlement | None]
    settled_at: Mapped[datetime | None]
    # Of a refund: until when it can be returned, and when the gateway was last asked about it.
    watch_until: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    disputed_at: Mapped[datetime | None]
    duplicate_at: Mapped[datetime | None]  # another sale is the same charge: this one is not refunded
    billing_blocked_at: Mapped[datetime | None]  # its dispute was lost: what it paid for is not billed again
    outside: Mapped[Outside | None]  # of a refund that csctl did not send
    outside_reference: Mapped[str | None]
    bank_reference: Mapped[str | None]  # of a refund, for the bank of the customer (ARN)
    refunded: Mapped[int] = mapped_column(BigId, default=0)
    reserved: Mapped[int] = mapped_column(BigId, default=0)
    # more than the amount of the sale
    over_returned: Mapped[int] = mapped_column(BigId, default=0, server_default=text("0"))
    look_since: Mapped[datetime | None]  # it was approved late, and no person has checked it yet

    queue_item_id: Mapped[int | None] = mapped_column(ForeignKey("refund_queue.id", use_alter=True))
    attempt_on: Mapped[date | None]  # the business day that this attempt of a queue item uses
    request_id: Mapped[int | None] = mapped_column(ForeignKey("requests.id"), index=True)
    send_email: Mapped[bool] = mapped_column(default=True)
    # The cancellation that comes with it, once it is approved, accepted or queued.
    cancels: Mapped[Scope | None] = mapped_column(Words(Scope))
    cancels_purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"))
    cancels_on: Mapped[date | None]
    cancels_after_billing: Mapped[bool | None]
    # Of a void: the money is to be returned, so where the void never happened, the refund queue continues.
    joins_queue: Mapped[bool] = mapped_column(default=False, server_default=false())
    refund_reason: Mapped[str | None]  # why the operator did it
    created_at: Mapped[datetime] = mapped_column(index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    finished_at: Mapped[datetime | None]

    order: Mapped[Order] = relationship()
    parent: Mapped[Transaction | None] = relationship(remote_side=[id])
    # Of a charge: what waits for its answer.
    deferred: Mapped[list[DeferredChange]] = relationship(viewonly=True, order_by="DeferredChange.id")

    @property
    def carries(self) -> Carried | None:
        """The cancellation that comes with it."""
        if self.cancels is None:
            return None
        return Carried(self.cancels, self.cancels_purchase_id, self.cancels_on, bool(self.cancels_after_billing))

    def is_leased(self, now: datetime) -> bool:
        """Whether a process may be waiting for the answer to this attempt."""
        return self.lease_until is not None and self.lease_until >= now

    @property
    def is_sale(self) -> bool:
        """An approved sale or capture, and no duplicate of one: what can be refunded."""
        return self.kind.takes_money and self.state is State.APPROVED and self.duplicate_at is None

    @property
    def refundable(self) -> int:
        """The remaining amount of a sale, in minor units (domain rules, section 2)."""
        if not self.is_sale or self.voided_at or self.disputed_at:
            return 0
        return self.amount - self.refunded - self.reserved


class QueueItem(Base):
    """A refund that failed and is retried once a day. Its amount stays reserved on the sale."""

    __tablename__ = "refund_queue"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_refund_queue_created_at", "created_at", "id"),  # in the order of lists
        Index(None, "external_id", unique=True),
        Index(None, "state", "next_attempt_on"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None]
    sale_id: Mapped[int] = mapped_column(ForeignKey("transactions.id"), index=True)
    origin_id: Mapped[int] = mapped_column(ForeignKey("transactions.id"))  # the refund that failed first
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    amount: Mapped[int] = mapped_column(BigId, index=True)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[ItemState]
    attempts: Mapped[int] = mapped_column(default=0)  # those that count; a requeued item starts again at 0
    next_attempt_on: Mapped[date | None]
    last_attempt_on: Mapped[date | None]
    last_reason: Mapped[str | None]
    send_email: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]  # why it was removed
    reference: Mapped[str | None]  # of the payment outside that resolved it
    unattempted_told_at: Mapped[datetime | None]  # the Notify Emails know that it could not be attempted for days

    sale: Mapped[Transaction] = relationship(foreign_keys=[sale_id])
    origin: Mapped[Transaction] = relationship(foreign_keys=[origin_id])
    order: Mapped[Order] = relationship()


class Request(Base):
    """A change that its caller named (`--request-id`), so that a repeated one is made once."""

    __tablename__ = "requests"
    __table_args__ = (UniqueConstraint("operator_id", "key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    key: Mapped[str]
    asked: Mapped[str]  # the content of the request; the same key with other content is a conflict
    created_at: Mapped[datetime]
