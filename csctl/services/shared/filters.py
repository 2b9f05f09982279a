"""Conditions that lists share: any of several values, and amounts in any currency."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from csctl.domain.money import USUAL_EXPONENT, unusual_currencies
from csctl.errors import NotFound, Usage
from csctl.models import GatewayAccount, Transaction
from csctl.results import Amounts

_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)

Condition = ColumnElement[bool]


def any_of(column: Any, values: Sequence[Any]) -> list[Condition]:
    """The condition of a filter with one or several values; none without a value."""
    return [column.in_(values)] if values else []


def amounts(
    wanted: Amounts, column: InstrumentedAttribute[int], currency: InstrumentedAttribute[str]
) -> list[Condition]:
    """Conditions for a column of minor units: `19.99` is 1999 where a currency has two decimals. Raises Usage."""
    found: list[Condition] = []
    if wanted.amount:
        exact = [_decimal(text) for text in wanted.amount]
        found.append(_by_currency(currency, lambda digits: column.in_(_minor(exact, digits))))
    low, high = (None if text is None else _decimal(text) for text in (wanted.min_amount, wanted.max_amount))
    if low is not None:
        found.append(_by_currency(currency, lambda digits: column >= math.ceil(low.scaleb(digits))))
    if high is not None:
        found.append(_by_currency(currency, lambda digits: column <= math.floor(high.scaleb(digits))))
    if low is not None and high is not None and low > high:
        raise Usage(f"--min-amount {low} is more than --max-amount {high}", fix="exchange them")
    return found


def known_gateways(session: Session, configured: Iterable[str], names: Sequence[str]) -> list[str]:
    """The names of gateway accounts as they are stored. Raises NotFound for an unknown one."""
    wanted = [name.strip().lower() for name in names]
    known = set(configured) | set(session.scalars(select(GatewayAccount.name))) if wanted else set()
    for name in wanted:
        if name not in known and not session.scalar(select(Transaction.id).where(Transaction.gateway == name).limit(1)):
            raise NotFound(f"there is no gateway account {name[:40]!r}", fix=f"one of: {', '.join(sorted(known))}")
    return wanted


def _decimal(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text.strip()):
        raise Usage(f"{text[:40]!r} is not an amount", fix="write a plain decimal number such as 19.99")
    return Decimal(text.strip())


def _minor(amounts: Sequence[Decimal], digits: int) -> list[int]:
    """The amounts in minor units, without those that have too many decimals."""
    scaled = [amount.scaleb(digits) for amount in amounts]
    return [int(amount) for amount in scaled if amount == amount.to_integral_value()]


def _by_currency(currency: InstrumentedAttribute[str], compare: Callable[[int], Condition]) -> Condition:
    """The comparison in minor units, for currencies with any number of decimals."""
    unusual = unusual_currencies()
    others = [code for codes in unusual.values() for code in codes]
    found = [and_(currency.not_in(others), compare(USUAL_EXPONENT))]
    found += [and_(currency.in_(codes), compare(digits)) for digits, codes in unusual.items()]
    return or_(false(), *found)
