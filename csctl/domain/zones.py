"""Time zones by the names that other systems write."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from csctl.errors import Usage

# What the abbreviations mean in the exports of North American companies. Elsewhere some mean something else (CST in
# China): a mapping names another zone there.
_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "AEST": 10, "AEDT": 11,
    "JST": 9, "NZST": 12, "NZDT": 13,
}  # fmt: skip
_NAMES = {
    "Atlantic Time (Canada)": "America/Halifax",
    "Eastern Time (US & Canada)": "America/New_York",
    "Central Time (US & Canada)": "America/Chicago",
    "Mountain Time (US & Canada)": "America/Denver",
    "Arizona": "America/Phoenix",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Alaska": "America/Juneau",
    "Hawaii": "Pacific/Honolulu",
}


def zone_of(name: str) -> tzinfo:
    """The zone that a name, an abbreviation or an offset (`-05:00`) means. Raises Usage for an unknown one."""
    name = name.strip()
    if name in _HOURS:
        return timezone(timedelta(hours=_HOURS[name])) if _HOURS[name] else UTC
    if name in _NAMES:
        return ZoneInfo(_NAMES[name])
    try:
        if name[:1] in "+-":
            sign = -1 if name[0] == "-" else 1
            digits = name[1:].replace(":", "")
            return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0)))
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Usage(f"{name[:40]!r} is not a time zone", fix="a name such as UTC or America/New_York") from None
