"""Runs: bulk changes by command line, and the journal with which a stopped one is resumed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csctl.domain.states import RecordState, RunState
from csctl.models.columns import Base, BigId


class Run(Base):
    """One bulk change: its command and options, and its progress.

    `arguments` are the words of the command line except ids and output options. `worker` is the process that runs it.
    """

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("done >= 0 AND failed >= 0 AND done + failed <= total", name="counts"),
        Index(None, "operator_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    command: Mapped[str]
    arguments: Mapped[list[str]] = mapped_column(JSON)
    by_ids: Mapped[bool]  # whether its records were named by ids; else by a file
    state: Mapped[RunState]
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class RunRecord(Base):
    """One record of a run, by the words that named it, and its outcome.

    `transactions` are the attempts at a gateway that were begun for it: they identify its payment.
    """

    __tablename__ = "run_records"
    __table_args__ = (UniqueConstraint("run_id", "given"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    place: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    given: Mapped[str]
    state: Mapped[RecordState]
    outcome: Mapped[str | None]
    message: Mapped[str | None]
    transactions: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    at: Mapped[datetime | None]
