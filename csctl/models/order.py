"""Orders, their purchases and their shipments."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from csctl.domain.addresses import Address
from csctl.domain.states import FulfillmentStatus, OrderStatus, PurchaseStatus
from csctl.models.catalog import PricePoint
from csctl.models.columns import Base, BigId
from csctl.models.customer import Customer, address_columns


class Order(Base):
    """One checkout of a customer. `total` (minor units) is the amount due then; rebills do not change it."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_customer_id", "customer_id", "status", "id"),
        # In the order of lists.
        Index("ix_orders_placed_at", "placed_at", "id", "customer_id"),
        Index("ix_orders_status_orders_placed_at", "status", "placed_at", "id", "customer_id"),
        Index(None, "total"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[OrderStatus]
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[int] = mapped_column(BigId, default=0)
    billing: Mapped[Address] = composite(*address_columns("billing"))
    shipping: Mapped[Address] = composite(*address_columns("shipping"))
    placed_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))

    customer: Mapped[Customer] = relationship()
    purchases: Mapped[list[Purchase]] = relationship(back_populates="order", order_by="Purchase.id")


class Purchase(Base):
    """One line of an order. `price` = `quantity` x `unit_price`, in minor units. Recurring if it has an `interval`.

    `cycle` is the last one billed; checkout is cycle 1.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("price = quantity * unit_price", name="price"),
        Index(None, "status", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    price_point_id: Mapped[int | None] = mapped_column(ForeignKey("price_points.id"), index=True)
    payment_method_id: Mapped[int | None] = mapped_column(ForeignKey("payment_methods.id"), index=True)
    description: Mapped[str | None]  # of an item that is not in the catalog
    status: Mapped[PurchaseStatus]
    quantity: Mapped[int]
    unit_price: Mapped[int] = mapped_column(BigId)
    price: Mapped[int] = mapped_column(BigId, index=True)
    # What its checkout charged for it: for a trial less than its price, and its price may change later.
    checkout_amount: Mapped[int] = mapped_column(
        BigId, default=lambda context: context.get_current_parameters()["price"], server_default="0"
    )
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str | None]
    billing_day: Mapped[int | None]  # of the month; billings on the 31st return to it after a shorter month
    cycle: Mapped[int] = mapped_column(default=1)
    trial_ends_on: Mapped[date | None]
    next_bill_on: Mapped[date | None] = mapped_column(index=True)
    due_on: Mapped[date | None]  # of a cycle that was declined and is retried: the next one is counted from it
    # The period that its latest billing paid for, the second day not included; later changes of dates do not move it.
    billed_from: Mapped[date | None]
    billed_to: Mapped[date | None]
    last_billed_on: Mapped[date | None]  # a cycle without costs leaves no sale
    cancel_on: Mapped[date | None]
    cancel_after_billing: Mapped[bool] = mapped_column(default=False)  # scheduled for after the next successful billing
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    paused_until: Mapped[date | None]
    billed_by: Mapped[str | None]  # the other system that bills it; csctl then charges and changes nothing
    recycle_attempts: Mapped[int] = mapped_column(default=0)  # soft declines of the due cycle
    final_cycle: Mapped[int | None]  # copied from its price point: after this billing, the purchase is complete
    # These apply to the next billing alone (`--next-only`), and are removed after it.
    next_price_point_id: Mapped[int | None] = mapped_column(ForeignKey("price_points.id"))
    next_quantity: Mapped[int | None]
    next_unit_price: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(index=True)
    version: Mapped[int] = mapped_column()

    order: Mapped[Order] = relationship(back_populates="purchases")
    price_point: Mapped[PricePoint | None] = relationship(foreign_keys=[price_point_id])

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way

    @property
    def ends_later(self) -> bool:
        """Whether a cancellation is scheduled, for a day or for after a billing."""
        return self.cancel_on is not None or self.cancel_after_billing


class Fulfillment(Base):
    """One shipment for an order."""

    __tablename__ = "fulfillments"
    __table_args__ = (Index(None, "status", "created_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    status: Mapped[FulfillmentStatus]
    carrier: Mapped[str | None]
    tracking: Mapped[str | None] = mapped_column(index=True)
    reship_of_id: Mapped[int | None] = mapped_column(ForeignKey("fulfillments.id"), index=True)
    shipped_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)

    order: Mapped[Order] = relationship()
