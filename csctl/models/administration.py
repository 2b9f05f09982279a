"""Operators, the audit log, the blacklist, and the settings of the shop."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, FetchedValue, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csctl.domain.states import Direction, Role
from csctl.models.columns import Base, BigId


class Installation(Base):
    """The one row that describes the database itself."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    rehearsal: Mapped[bool]
    created_at: Mapped[datetime]


class Move(Base):
    """That this shop moved to another database (`out`: this one is retired), or came from one (`in`).

    `archive` is the id of the export, `mark` what the ids of exported records end with, `confirmed_at` when an
    administrator said that the database it came from is retired.
    """

    __tablename__ = "moves"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    direction: Mapped[Direction]
    archive: Mapped[str]
    mark: Mapped[str]
    at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


NO_TOKEN = "none:"  # noqa: S105 - a hash that no token has begins so


class Operator(Base):
    """A person or a cron job that runs csctl. Only a hash of the token is stored."""

    __tablename__ = "operators"
    __table_args__ = (
        # PostgreSQL accepts times that Python cannot read, and every login may write this one.
        CheckConstraint("last_used_at BETWEEN '1900-01-01' AND '9000-01-01'", name="last_used_at").ddl_if("postgresql"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role]
    token_hash: Mapped[str] = mapped_column(unique=True)
    token_created_at: Mapped[datetime | None]
    token_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuditRow(Base):
    """A change or a refusal. Append-only: triggers of the migrations enforce this, and on PostgreSQL that rows can be
    read.
    """

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    operator: Mapped[str | None]  # the name at that time
    command: Mapped[str]
    target: Mapped[str | None] = mapped_column(index=True)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)
    outcome: Mapped[str]
    # The login that wrote the row, set by PostgreSQL itself; NULL on SQLite, which has no logins.
    login: Mapped[str | None] = mapped_column(server_default=FetchedValue())


class BlacklistEntry(Base):
    """A customer, address, number… for which new orders and charges are refused. `match_key` is the
    normalized value.
    """

    __tablename__ = "blacklist"
    __table_args__ = (UniqueConstraint("kind", "match_key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    value: Mapped[str]
    match_key: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))


class ShopSetting(Base):
    """A setting of the shop, the same for every host."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[datetime]


class GatewayAccount(Base):
    """The gateway account behind a name, since it was first used.

    `account` and `livemode` are the account's own id and mode; None until the gateway was asked. `accepted_at`: when
    the books were compared with it for the last time, or an administrator said that they are up to date.
    """

    __tablename__ = "gateway_accounts"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    account: Mapped[str | None]
    livemode: Mapped[bool | None]
    first_used_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]


class GatewayCursor(Base):
    """The position up to which the changes of a gateway account are recorded."""

    __tablename__ = "gateway_cursors"

    account: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str]
    moved_at: Mapped[datetime]


class AuditSeal(Base):
    """A seal over a batch of audit rows (`domain/sealing.py`). Append-only too. Times are stored as
    they were hashed.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[str]
    first_id: Mapped[int] = mapped_column(BigId)
    last_id: Mapped[int] = mapped_column(BigId)
    last_at: Mapped[str]
    leaves: Mapped[str]
    previous: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str] = mapped_column(unique=True)
