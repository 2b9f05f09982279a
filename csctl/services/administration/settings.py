"""What the shop decided, kept in the database so that all hosts agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import contact
from csctl.domain.money import Money, to_minor
from csctl.domain.shop import Shop
from csctl.domain.text import accept
from csctl.errors import NotFound, Usage
from csctl.models import ShopSetting
from csctl.results import Result
from csctl.services.shared import audit, bulk

if TYPE_CHECKING:
    from csctl.app import App


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Usage(f"{text!r} is not a time zone", fix="write a name such as Europe/Berlin or UTC") from None
    return text


def _locale(text: str) -> str:
    from babel import Locale, UnknownLocaleError  # 25 ms, for this one setting

    try:
        return str(Locale.parse(text.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise Usage(f"{text!r} is not a locale", fix="write one such as en_US or de_DE") from None


def _sender(text: str) -> str:
    address = contact.email_address(text)
    if not address.rpartition("@")[0].isascii():
        raise Usage(
            f"{text[:80]!r} is not an address that all mail servers take",
            cause="it is in every email, and what is before the @ is not ASCII",
            fix="use one whose name is; its domain may be in any script",
        )
    return address


def _recycle_days(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,2}(,[1-9]\d{0,2})*", text.replace(" ", ""), re.ASCII):
        raise Usage(f"{text!r} is not a list of days", fix="write it like 3,7,14")
    days = [int(day) for day in text.split(",")]
    if days != sorted(set(days)):
        raise Usage(f"{text!r} does not rise", cause="each is a day after the decline", fix="write it like 3,7,14")
    return text.replace(" ", "")


def _limit(text: str) -> str:
    amount, _, currency = (part.strip() for part in text.strip().partition(" "))
    if not currency:
        raise Usage(f"{text!r} names no currency", fix="write it like 50 USD")
    money = Money(to_minor(amount, currency.upper()), currency.upper())
    if money.amount <= 0:
        raise Usage("a limit must be more than zero", fix="csctl setting unset agent-refund-limit, to have none")
    return str(money)


# name -> (what it means, how a value is checked and brought into one form)
KNOWN: dict[str, tuple[str, Callable[[str], str]]] = {
    "timezone": ("the shop's time zone: when a business day begins", _timezone),
    "country": ("for phone numbers without a country", contact.country_code),
    "locale": ("how amounts and dates are written in emails", _locale),
    "shop-name": ("the shop, as emails call it", lambda text: accept(text, "shop-name")),
    "support-email": ("where customers may answer to", _sender),
    "mail-from": ("the sender of emails", _sender),
    "agent-refund-limit": ("the most an agent may refund of one sale, e.g. `50 USD`; one a currency", _limit),
    "recycle-days": ("days after a soft decline on which billing is tried again", _recycle_days),
}
_LIMIT = "agent-refund-limit"
DEFAULTS: dict[str, str | None] = {
    "timezone": str(Shop().timezone),
    "locale": Shop().locale,
    "shop-name": Shop().name,
    "recycle-days": ",".join(str(day) for day in Shop().recycle_days),
}


def load(session: Session) -> Shop:
    """The shop as the database has it, defaults where nothing is set."""
    found = dict(session.execute(select(ShopSetting.name, ShopSetting.value)).all())
    limits = [value.split(" ") for name, value in found.items() if name.startswith(f"{_LIMIT}:")]
    default = Shop()
    return Shop(
        timezone=ZoneInfo(found["timezone"]) if "timezone" in found else default.timezone,
        country=found.get("country"),
        locale=found.get("locale", default.locale),
        name=found.get("shop-name", default.name),
        support_email=found.get("support-email"),
        mail_from=found.get("mail-from"),
        refund_limits={currency: to_minor(amount, currency) for amount, currency in limits},
        recycle_days=tuple(int(day) for day in found["recycle-days"].split(","))
        if "recycle-days" in found
        else default.recycle_days,
    )


def listing(app: App) -> list[dict[str, Any]]:
    """Every setting with its meaning; those not set have their default, if there is one."""
    with app.read() as session:
        found = session.scalars(select(ShopSetting).order_by(ShopSetting.name)).all()
    rows = [row_of(row.name.split(":")[0], row.value) for row in found]
    return rows + [row_of(name) for name in KNOWN if name not in {row["name"] for row in rows}]


def row_of(name: str, value: str | None = None) -> dict[str, Any]:
    """A setting as it is shown; `origin` says whether somebody set its value."""
    origin = "default" if value is None else "set"
    return {"name": name, "value": value or DEFAULTS.get(name), "origin": origin, "meaning": KNOWN[name][0]}


def change(app: App, name: str, value: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Set a setting; `value` of the result is the form that is kept. Raises Usage, or NotFound for an unknown name."""
    kept = _known(name)[1](value)
    stored_as = f"{name}:{kept.split(' ')[1]}" if name == _LIMIT else name

    def keep(session: Session, named: bulk.Word) -> Result:
        row = session.get(ShopSetting, stored_as)
        before = row.value if row else None
        audit.write(session, app, "updated", target=stored_as, before=before, after=kept)
        if row:
            row.value, row.updated_at = kept, app.clock.now()
        else:
            session.add(ShopSetting(name=stored_as, value=kept, updated_at=app.clock.now()))
        return Result(named.given, "updated", f"was {before}" if before else "was not set", extra={"value": kept})

    return bulk.each(app, [bulk.Word(name)], keep, dry_run=dry_run)


def unset(app: App, name: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Forget a setting; of the refund limits, all currencies. `value` of the result is the default, in force from then.

    Raises NotFound for an unknown name.
    """
    _known(name)

    def forget(session: Session, named: bulk.Word) -> Result:
        same = (ShopSetting.name == name) | ShopSetting.name.startswith(f"{name}:")
        rows = session.scalars(select(ShopSetting).where(same).order_by(ShopSetting.name)).all()
        for row in rows:
            audit.write(session, app, "removed", target=row.name, before=row.value, after=None)
            session.delete(row)
        before = ", ".join(row.value for row in rows)
        outcome, message = ("removed", f"was {before}") if rows else ("skipped", "was not set")
        return Result(named.given, outcome, message, extra={"value": DEFAULTS.get(name)})

    return bulk.each(app, [bulk.Word(name)], forget, dry_run=dry_run)


def _known(name: str) -> tuple[str, Callable[[str], str]]:
    if name not in KNOWN:
        raise NotFound(f"there is no setting {name!r}", fix=f"one of: {', '.join(KNOWN)}")
    return KNOWN[name]
