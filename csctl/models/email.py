"""The outbox, and the recipients of messages about exhausted refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from csctl.domain.states import EmailKind, EmailState
from csctl.models.columns import Base, BigId


class Email(Base):
    """An email, written in the transaction of the change that it announces, and delivered after it.

    `context` has the values of its template. Subject and bodies are set when it is rendered for delivery.
    """

    __tablename__ = "emails"
    __table_args__ = (Index(None, "state", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[EmailKind]
    recipient: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)  # one for each event: a repeated delivery can be recognized
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    subject: Mapped[str | None]
    text: Mapped[str | None]
    html: Mapped[str | None]
    state: Mapped[EmailState]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    transaction_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"), index=True)
    queue_item_id: Mapped[int | None] = mapped_column(ForeignKey("refund_queue.id"))
    created_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]


class NotifyEmail(Base):
    """An address that receives a message when a queued refund is exhausted."""

    __tablename__ = "notify_emails"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
