"""Where an import from an API stands: an interrupted one continues there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from csctl.models import GatewayCursor

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Position:
    """The step at hand, and the last object of it that is stored. The period (RFC 3339) is fixed when an import
    begins: what is made later does not move the pages. `asked` is how its beginning was typed.
    """

    since: str | None
    until: str
    step: int = 0
    after: str | None = None
    asked: str | None = None

    def passed(self, after: str) -> Position:
        return replace(self, after=after)

    def next_step(self) -> Position:
        return replace(self, step=self.step + 1, after=None)


def read(app: App, account: str) -> Position | None:
    """Where the last import of an account was interrupted; None if it was completed, or there was none."""
    with app.read() as session:
        kept = session.get(GatewayCursor, _key(account))
        return Position(**json.loads(kept.cursor)) if kept and kept.cursor else None


def write(app: App, account: str, position: Position | None) -> None:
    """Keep a position; None when the import is complete."""
    text, now = json.dumps(asdict(position)) if position else "", app.clock.now()
    with app.write() as session:
        if kept := session.get(GatewayCursor, _key(account)):
            kept.cursor, kept.moved_at = text, now
        else:
            session.add(GatewayCursor(account=_key(account), cursor=text, moved_at=now))


def _key(account: str) -> str:
    """Beside the position of `txn sync`. No account has such a name."""
    return f"{account} import"
