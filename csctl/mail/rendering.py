"""Render an email from its template and the values stored with it.

A template is a folder with `subject.txt`, `body.txt` and `body.html`. csctl looks for each file in CSCTL_TEMPLATES_DIR,
then among its own. They run in jinja2's sandbox, with plain values only, and without jinja2's globals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import parse_pattern
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from csctl.domain.money import exponent
from csctl.domain.states import EmailKind
from csctl.errors import CsctlError, Misconfigured
from csctl.paths import shipped

if TYPE_CHECKING:
    from csctl.domain.shop import Shop

_LONGEST_SUBJECT = 200  # characters
# Embeddings, overrides and isolates: with them a name could reverse the text around it.
_BIDI = {*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
# Zero-width characters, tags and similar ones hide text, or split a word. Persian, Indic scripts and emoji need two of
# them.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]|(?<![^\0-\u024f])[\u200c\u200d]|[\u200c\u200d](?![^\0-\u024f])"
)

_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")  # where `KWD1.234` needs a space


@dataclass(frozen=True)
class Rendered:
    """The subject and bodies of an email."""

    subject: str
    text: str
    html: str


class TemplateBroken(Misconfigured):
    """A template that cannot be rendered: its emails wait until it is corrected, the others are sent."""


class Renderer:
    """Renders emails for a shop. `own` is the folder of its own templates."""

    def __init__(self, shop: Shop, own: Path | None = None) -> None:
        self._shop = shop
        self._own = own
        self._locale = Locale.parse(shop.locale)
        folders = [*([own] if own else []), shipped("templates") / "emails"]
        # An include cannot leave the folders: the loader refuses "..".
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folders),
            autoescape=lambda name: bool(name) and str(name).endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals = {}
        self._environment.filters |= {"money": self.money, "date": self.date, "time": self.time}

    def render(self, kind: EmailKind, context: Mapping[str, Any]) -> Rendered:
        """Render an email. Raises TemplateBroken, naming the file, or Misconfigured if the folder of templates does not
        exist.
        """
        values = self._values(context)
        return Rendered(
            subject=self._subject(kind, values),
            text=self._file(kind, "body.txt", values).strip() + "\n",
            html=self._file(kind, "body.html", values).strip() + "\n",
        )

    def subject(self, kind: EmailKind, context: Mapping[str, Any]) -> str:
        """Render the subject alone. Raises as `render` does."""
        return self._subject(kind, self._values(context))

    def _values(self, context: Mapping[str, Any]) -> Mapping[str, object]:
        if self._own and not self._own.is_dir():
            raise Misconfigured(f"CSCTL_TEMPLATES_DIR: there is no folder {self._own}", fix="make it, or unset it")
        return {**_clean(context), "shop": {"name": self._shop.name, "support_email": self._shop.support_email}}

    def _subject(self, kind: EmailKind, values: Mapping[str, Any]) -> str:
        subject = " ".join(self._file(kind, "subject.txt", values).split())
        if not subject:
            raise _broken(f"{kind.value}/subject.txt", "it comes to an empty line")
        return subject[:_LONGEST_SUBJECT]

    def _file(self, kind: EmailKind, name: str, values: Mapping[str, Any]) -> str:
        path = f"{kind.value}/{name}"
        try:
            return self._environment.get_template(path).render(values)
        except TemplateNotFound as error:
            raise _broken(path, f"there is no template {error.name}") from error
        except TemplateSyntaxError as error:
            raise _broken(path, f"line {error.lineno}: {error.message}") from error
        except TemplateError as error:
            raise _broken(path, error.message or type(error).__name__) from error
        except (CsctlError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
            # the expressions of a template may raise anything
            raise _broken(path, str(error)) from error
        except (RecursionError, MemoryError) as error:
            raise _broken(path, type(error).__name__) from error

    # -- filters

    def money(self, money: Mapping[str, Any]) -> str:
        """An amount in the shop's locale, with the decimals that ISO 4217 gives its currency."""
        currency = str(money["currency"])
        digits = exponent(currency)
        pattern = parse_pattern(self._locale.currency_formats["standard"].pattern)
        pattern.frac_prec = (digits, digits)  # babel's own table rounds some currencies to whole units
        value = Decimal(int(money["amount"])).scaleb(-digits)
        written: str = pattern.apply(value, self._locale, currency=currency, currency_digits=False)
        return _TOUCHING.sub("\N{NO-BREAK SPACE}", written)

    def date(self, value: str) -> str:
        """A day; for a time, the shop's day."""
        day = date.fromisoformat(value) if len(value) == len("2026-03-01") else self._local(value).date()
        return format_date(day, "long", locale=self._locale)

    def time(self, value: str) -> str:
        """Day and time of day, in the shop's time zone, with its name."""
        return format_datetime(self._local(value), "long", locale=self._locale)

    def _local(self, value: str) -> datetime:
        return datetime.fromisoformat(value).astimezone(self._shop.timezone)


def _broken(path: str, why: str) -> TemplateBroken:
    return TemplateBroken(
        f"the email template {path} cannot be rendered",
        cause=" ".join(why.split())[:300],
        fix=f"fix it in CSCTL_TEMPLATES_DIR, then preview it: csctl email preview {path.partition('/')[0]}",
    )


def _clean(value: Any) -> Any:
    """The values without characters that act on the text around them (control and bidi characters, line breaks), and
    with invisible ones escaped.
    """
    if isinstance(value, str):
        text = "".join(" " if c in "\n\r\t\u2028\u2029" else c for c in value if _is_text(c))
        return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    if isinstance(value, Mapping):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value


def _is_text(char: str) -> bool:
    return char in "\n\r\t" or (char not in _BIDI and unicodedata.category(char) not in {"Cc", "Cs"})
