"""Requests for refunds above an agent's limit, and the decisions on them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csctl.domain.cancellations import Carried, Scope
from csctl.domain.states import ApprovalState
from csctl.models.administration import Operator
from csctl.models.columns import Base, BigId, Words
from csctl.models.transaction import Transaction


class Approval(Base):
    """A refund that an agent may not make alone. Amounts in minor units.

    A row never changes: its state follows from the decision on it, its age and its requester. So no login needs the
    right to update one. It reserves nothing on the sale. `returned_before` is what was refunded or reserved of the sale
    when it was written.
    """

    __tablename__ = "approvals"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("transactions.id"), index=True)
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"))  # the purchase whose share it is
    amount: Mapped[int] = mapped_column(BigId)
    currency: Mapped[str] = mapped_column(String(3))
    returned_before: Mapped[int] = mapped_column(BigId)
    reason: Mapped[str | None]
    cancels: Mapped[Scope | None] = mapped_column(Words(Scope))  # the order, or what the sale paid for
    send_email: Mapped[bool]
    request_id: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    requested_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    created_at: Mapped[datetime] = mapped_column(index=True)

    sale: Mapped[Transaction] = relationship()
    requester: Mapped[Operator] = relationship()
    decision: Mapped[ApprovalDecision | None] = relationship(back_populates="approval")

    @property
    def carries(self) -> Carried | None:
        """The cancellation that comes with the refund."""
        return Carried(self.cancels) if self.cancels else None


class ApprovalDecision(Base):
    """The end of a request, one for each; `transaction_id` is the refund or void of a granted one."""

    __tablename__ = "approval_decisions"
    __table_args__ = (
        CheckConstraint("state IN ('granted', 'denied', 'withdrawn')", name="state"),
        Index(None, "approval_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    approval_id: Mapped[int] = mapped_column(ForeignKey("approvals.id"))
    state: Mapped[ApprovalState]
    reason: Mapped[str | None]
    transaction_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"), index=True)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    decided_at: Mapped[datetime]

    approval: Mapped[Approval] = relationship(back_populates="decision")
