"""Text that people enter: what is accepted, how it is compared, and how it is printed."""

from __future__ import annotations

import unicodedata

from csctl.card_numbers import holds_card_number
from csctl.errors import Usage

LONGEST = 10_000  # characters of a note; other fields are held to SHORT
SHORT = 500
# Characters on which a terminal or reader acts, instead of showing them: controls, bidi marks, zero-width characters.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def fold(text: str | None) -> str:
    """Text as search compares it: without case, accents and surrounding space. `Bjørn ` is `bjorn`."""
    if not text:
        return ""
    if text.isascii():
        return " ".join(text.lower().split())

    from anyascii import anyascii  # takes 30 ms to import, and only searches and edits need it

    return " ".join(anyascii(text).casefold().split())


def digits(text: str | None) -> str:
    return "".join(c for c in text or "" if "0" <= c <= "9")


def accept(text: str, field: str, *, longest: int = SHORT, lines: bool = False, reference: bool = False) -> str:
    """Accept a text for a field that people enter, and trim it.

    Raises Usage for NUL and broken characters, text that is too long, line breaks unless `lines`, and a card number
    unless it is a `reference` of another system, which may look like one.
    """
    kept = text.strip()
    # Printable text contains neither NUL nor line breaks nor broken characters: most of an import ends here.
    if kept.isprintable() and len(kept) <= longest and (reference or not holds_card_number(kept)):
        return kept
    if len(kept) > longest:
        raise Usage(f"{field} is too long", cause=f"{len(kept):,} characters, {longest:,} at most")
    if "\0" in kept or any("\ud800" <= c <= "\udfff" for c in kept):
        raise Usage(f"{field} holds characters that are no text", cause="NUL, or bytes that are not UTF-8")
    if not lines and len(kept.splitlines()) > 1:
        raise Usage(f"{field} must be one line")
    if not reference and holds_card_number(kept):
        raise Usage(
            f"{field} holds what looks like a card number",
            cause="csctl keeps no card numbers, anywhere",
            fix="write the last four digits instead",
        )
    return kept


def printable(text: str, *, lines: bool = False) -> str:
    """Text that is safe to show: control, format and bidi characters are escaped, with `lines` all but newlines."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if (lines and c == "\n") or unicodedata.category(c) not in _UNPRINTABLE else _escape(c) for c in text
    )


def printable_html(text: str) -> str:
    """HTML that is safe to show: characters that `printable` escapes become references, which browsers show as text."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in _UNPRINTABLE else f"&#{ord(c)};" for c in text)


def _escape(char: str) -> str:
    code = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
