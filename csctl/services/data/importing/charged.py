"""The references of charges at their gateways: one charge is one sale, and is refunded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import SALES, State
from csctl.errors import Conflict
from csctl.models import Transaction
from csctl.services.shared.duplicates import NO_REFERENCE

_CHUNK = 500


class Charged:
    """Which approved sale or capture has a reference, by gateway account."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: dict[tuple[str, str], str] = {}  # its external id, or its id

    def load(self, wanted: Sequence[str | None]) -> None:
        """Read those that have one of these references."""
        refs = sorted({ref for ref in wanted if ref and ref not in NO_REFERENCE})
        for start in range(0, len(refs), _CHUNK):
            known = select(Transaction.gateway, Transaction.gateway_ref, Transaction.external_id, Transaction.id).where(
                Transaction.gateway_ref.in_(refs[start : start + _CHUNK]),
                Transaction.kind.in_(SALES),
                Transaction.state == State.APPROVED,
                Transaction.duplicate_at.is_(None),
            )
            for gateway, ref, external_id, number in self._session.execute(known.order_by(Transaction.id)):
                self._names.setdefault((gateway, ref or ""), external_id or ids.show("txn", number))

    def take(self, name: str, facts: dict[str, Any], details: dict[str, Any]) -> None:
        """Note the reference of a row that is no marked duplicate. Raises Conflict where another sale has it."""
        ref, taken = details.get("gateway_ref"), facts["kind"] in SALES and facts["state"] is State.APPROVED
        if not ref or ref in NO_REFERENCE or not taken or details.get("duplicate_at"):
            return
        other = self._names.setdefault((facts["gateway"], ref), name)
        if other != name:
            raise Conflict(
                f"gateway_ref: {other} has it already",
                cause="one charge at a gateway is one sale: both would be refunded",
                fix="leave the second row out; several captures of one authorization are one row with their sum",
            )
