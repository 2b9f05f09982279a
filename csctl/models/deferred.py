"""Changes that were asked for while a charge was under way."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from csctl.models.columns import Base, BigId


class DeferredChange(Base):
    """Cancel an order, cancel a purchase, or bill it on another day (`bill_on`), once the charge is answered.

    The row is deleted when that is done.
    """

    __tablename__ = "deferred_changes"
    __table_args__ = (
        CheckConstraint("(order_id IS NULL) <> (purchase_id IS NULL)", name="target"),
        CheckConstraint("bill_on IS NULL OR purchase_id IS NOT NULL", name="bill_on"),
        # PostgreSQL accepts days and times that Python cannot read.
        CheckConstraint(
            "bill_on BETWEEN '0001-01-01' AND '9999-12-31'"
            " AND created_at BETWEEN '1900-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'",
            name="days",
        ).ddl_if("postgresql"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("transactions.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"))
    bill_on: Mapped[date | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
