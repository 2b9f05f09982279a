"""Settings of the shop, stored in the database, so that all hosts have the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import contact
from csctl.domain.money import Money, to_minor
from csctl.domain.outcomes import Outcome
from csctl.domain.shop import Shop
from csctl.domain.text import accept
from csctl.errors import NotFound, Usage
from csctl.models import ShopSetting
from csctl.results import Result, Row
from csctl.services.shared import audit, bulk

if TYPE_CHECKING:
    from csctl.app import App


_OF_THE_HOST = ("localtime", "posixrules", "factory")  # zones that differ between hosts, or are not zones


def _timezone(text: str) -> str:
    try:
        if text.strip().casefold() in _OF_THE_HOST:
            raise ValueError
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Usage(f"{text!r} is not a time zone", fix="write a name such as Europe/Berlin or UTC") from None
    return text


def _locale(text: str) -> str:
    from babel import Locale, UnknownLocaleError  # 25 ms, for this one setting

    try:
        found = Locale.parse(text.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        raise Usage(f"{text!r} is not a locale", fix="write one such as en_US or de_DE") from None
    known = {part.casefold() for part in (found.language, found.script, found.territory, found.variant) if part}
    if not known.issuperset(text.replace("-", "_").casefold().split("_")):  # one that is unknown is left out
        raise Usage(f"{text!r} is not a locale", fix=f"csctl setting set locale {found}, which is near")
    return str(found)


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
        raise Usage("a limit must be more than zero", fix="csctl setting unset NAME removes the limit")
    return str(money)


def _days(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,2}", text.strip(), re.ASCII):
        raise Usage(f"{text[:40]!r} is not a number of days", fix="write a number from 1 to 999")
    return text.strip()


def _reasons(text: str) -> str:
    """A comma-separated list, each reason once."""
    reasons = list(dict.fromkeys(part for one in text.split(",") if (part := accept(one, "refund-reasons"))))
    if not reasons:
        raise Usage("refund-reasons names no reason", fix="write them like 'damaged, late, changed mind'")
    return ", ".join(reasons)


def _switch(text: str) -> str:
    if (word := text.strip().lower()) not in ("on", "off"):
        raise Usage(f"{text[:40]!r} is neither on nor off", fix="write on or off")
    return word


# name -> (its meaning, how a value is checked and normalized)
KNOWN: dict[str, tuple[str, Callable[[str], str]]] = {
    "timezone": ("the shop's time zone: when a business day begins", _timezone),
    "country": ("for phone numbers without a country", contact.country_code),
    "locale": ("how amounts and dates are written in emails", _locale),
    "shop-name": ("the shop, as emails call it", lambda text: accept(text, "shop-name")),
    "support-email": ("where customers may answer to", _sender),
    "mail-from": ("the sender of emails", _sender),
    "agent-refund-limit": ("the most an agent may refund of one sale, e.g. `50 USD`; one a currency", _limit),
    "agent-daily-limit": ("the most an agent may refund on one business day, e.g. `500 USD`; one a currency", _limit),
    "recycle-days": ("days after a soft decline on which billing is tried again", _recycle_days),
    "refund-reasons": ("the reasons a refund may have; --reason is then one of them", _reasons),
    "unattempted-days": (
        "days after which Notify Emails receive a message about a refund that could not be attempted",
        _days,
    ),
    "approval-days": ("days after which a request for approval expires", _days),
    "email-refund-returned": ("tell the customer when a bank returned their refund", _switch),
    "email-billing-declined": ("tell the customer when a billing was declined", _switch),
    "email-billing-given-up": ("tell the customer when a billing is not tried again", _switch),
    "email-purchase-cancelled": ("tell the customer when a purchase was cancelled", _switch),
}
_PER_CURRENCY = ("agent-refund-limit", "agent-daily-limit")
_EMAIL = "email-"
DEFAULTS: dict[str, str | None] = {
    "timezone": str(Shop().timezone),
    "locale": Shop().locale,
    "shop-name": Shop().name,
    "recycle-days": ",".join(str(day) for day in Shop().recycle_days),
    "approval-days": str(Shop().approval_days),
    "unattempted-days": str(Shop().unattempted_days),
    **{name: "off" for name in KNOWN if name.startswith(_EMAIL)},
}


def shop_of(found: Mapping[str, str]) -> Shop:
    """The settings of the shop by their names in the table, with defaults."""
    default = Shop()
    return Shop(
        timezone=ZoneInfo(found["timezone"]) if "timezone" in found else default.timezone,
        country=found.get("country"),
        locale=found.get("locale", default.locale),
        name=found.get("shop-name", default.name),
        support_email=found.get("support-email"),
        mail_from=found.get("mail-from"),
        refund_limits=_limits(found, "agent-refund-limit"),
        daily_limits=_limits(found, "agent-daily-limit"),
        recycle_days=tuple(int(day) for day in found["recycle-days"].split(","))
        if "recycle-days" in found
        else default.recycle_days,
        refund_reasons=tuple(found["refund-reasons"].split(", ")) if "refund-reasons" in found else (),
        approval_days=int(found.get("approval-days", default.approval_days)),
        unattempted_days=int(found.get("unattempted-days", default.unattempted_days)),
        emails=frozenset(
            name.removeprefix(_EMAIL).replace("-", "_")
            for name, value in found.items()
            if name.startswith(_EMAIL) and value == "on"
        ),
    )


def refund_limits(session: Session, setting: str = "agent-refund-limit") -> dict[str, int]:
    """The current limits of agents, by currency in minor units."""
    own = ShopSetting.name.startswith(f"{setting}:", autoescape=True)
    return _limits(dict(session.execute(select(ShopSetting.name, ShopSetting.value).where(own)).all()), setting)


def _limits(found: Mapping[str, str], setting: str) -> dict[str, int]:
    """A setting with a value for each currency, in minor units."""
    values = [value.split(" ") for name, value in found.items() if name.startswith(f"{setting}:")]
    return {currency: to_minor(amount, currency) for amount, currency in values}


def agent_limits(given: Iterable[str]) -> dict[str, str]:
    """Refund limits of agents, by the name of the setting for each. Raises Usage."""
    return {_stored_as("agent-refund-limit", kept): kept for kept in map(_limit, given)}


def _stored_as(name: str, kept: str) -> str:
    return f"{name}:{kept.split(' ')[1]}" if name in _PER_CURRENCY else name


def listing(app: App) -> list[Row]:
    """Every setting with its meaning; those not set have their default, if there is one."""
    with app.read() as session:
        found = session.scalars(select(ShopSetting).order_by(ShopSetting.name)).all()
    stored = [(row.name.split(":")[0], row.value) for row in found]
    names = {name for name, _ in stored}
    return [row_of(*one) for one in stored] + [row_of(name) for name in KNOWN if name not in names]


def row_of(name: str, value: str | None = None) -> Row:
    """A setting for display; `origin` says whether its value was set."""
    origin = "default" if value is None else "set"
    return {"name": name, "value": value or DEFAULTS.get(name), "origin": origin, "meaning": KNOWN[name][0]}


def change(app: App, name: str, value: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Set a setting; `value` of the result is the normalized value. Raises Usage, or NotFound for an unknown name."""
    kept = _known(name)[1](value)
    stored_as = _stored_as(name, kept)

    def keep(session: Session, named: bulk.Word) -> Result:
        row = session.get(ShopSetting, stored_as)
        before = row.value if row else None
        audit.write(session, app, Outcome.UPDATED, target=stored_as, before=before, after=kept)
        if row:
            row.value, row.updated_at = kept, app.clock.now()
        else:
            session.add(ShopSetting(name=stored_as, value=kept, updated_at=app.clock.now()))
        return Result(named.given, Outcome.UPDATED, f"was {before}" if before else "was not set", extra={"value": kept})

    return bulk.each(app, [bulk.Word(name)], keep, dry_run=dry_run)


def unset(app: App, name: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Remove a setting; of the refund limits, all currencies. `value` of the result is the default, which then applies.

    Raises NotFound for an unknown name.
    """
    _known(name)

    def forget(session: Session, named: bulk.Word) -> Result:
        same = (ShopSetting.name == name) | ShopSetting.name.startswith(f"{name}:")
        rows = session.scalars(select(ShopSetting).where(same).order_by(ShopSetting.name)).all()
        for row in rows:
            audit.write(session, app, Outcome.REMOVED, target=row.name, before=row.value, after=None)
            session.delete(row)
        before = ", ".join(row.value for row in rows)
        extra = {"value": DEFAULTS.get(name)}
        if not rows:
            return Result(named.given, Outcome.SKIPPED, "was not set", extra=extra)
        return Result(named.given, Outcome.REMOVED, f"was {before}", extra=extra)

    return bulk.each(app, [bulk.Word(name)], forget, dry_run=dry_run)


def _known(name: str) -> tuple[str, Callable[[str], str]]:
    if name not in KNOWN:
        raise NotFound(f"there is no setting {name!r}", fix=f"one of: {', '.join(KNOWN)}")
    return KNOWN[name]
