"""The references of transactions at their gateways: one charge is one sale, and is refunded once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import Kind, State
from csctl.errors import Conflict
from csctl.models import Transaction
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.transaction_fields import Details, Facts
from csctl.services.shared.chunks import among, chunks
from csctl.services.shared.duplicates import NO_REFERENCE

_READ = (
    *(Transaction.gateway, Transaction.gateway_ref, Transaction.external_id, Transaction.id, Transaction.duplicate_at),
    *(Transaction.kind, Transaction.state, Transaction.amount, Transaction.currency, Transaction.key),
)


class Charged:
    """Which approved sale or capture has a reference, by gateway account, and what csctl itself sent under one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: dict[tuple[str, str], str] = {}  # its external id, or its id
        self._own: dict[tuple[str, str, Kind, int, str], State] = {}

    def load(self, wanted: Sequence[str | None]) -> None:
        """Read those that have one of these references."""
        refs = sorted({ref for ref in wanted if ref and ref not in NO_REFERENCE})
        for some in chunks(refs):
            known = select(*_READ).where(among(self._session, Transaction.gateway_ref, some))
            for row in self._session.execute(known.order_by(Transaction.id)):
                if row.kind.takes_money and row.state is State.APPROVED and row.duplicate_at is None:
                    self._names.setdefault((row.gateway, row.gateway_ref), row.external_id or ids.show("txn", row.id))
                if row.key is not None and row.external_id is None:
                    self._own[row.gateway, row.gateway_ref, row.kind, row.amount, row.currency] = row.state

    def own(self, row: Cells) -> State | None:
        """The state of the attempt of csctl that a row is: a refund that it sent is not booked again under the name
        that the other system has for it.
        """
        gateway, ref, kind, currency = row.account(), row.text("gateway_ref"), row.word("kind", Kind), row.currency()
        if not self._own or not (gateway and ref and kind and currency):
            return None
        return self._own.get((gateway, ref, kind, row.amount("amount", currency) or 0, currency))

    def take(self, name: str, facts: Facts, details: Details) -> None:
        """Note the reference of a row, except of a marked duplicate. Raises Conflict where another sale has it."""
        ref, taken = details.gateway_ref, facts.kind.takes_money and facts.state is State.APPROVED
        if not ref or ref in NO_REFERENCE or not taken or details.duplicate_at:
            return
        other = self._names.setdefault((facts.gateway, ref), name)
        if other != name:
            raise Conflict(
                f"gateway_ref: {other} has it already",
                cause="one charge at a gateway is one sale: both would be refunded",
                fix="leave the second row out; several captures of one authorization are one row with their sum",
            )
