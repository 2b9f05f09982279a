"""How many statements csctl sends to the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from tests.shops import Shop


def queries_of(shop: Shop, words: str) -> int:
    """The number of statements that a command sends, once the operator was seen on this day."""
    assert shop(words).code == 0
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert shop(words).code == 0
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(sent)
