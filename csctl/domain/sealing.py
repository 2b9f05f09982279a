"""Seals of the audit log: each covers a batch of rows and the seal before it, so that a change of any is found.

A seal contains a fingerprint of every row of its batch (`leaves`), so that a check can name the changed row. The hash
of the newest seal is the root: stored elsewhere, it proves all rows that were sealed until then.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from csctl.domain import trail_triggers

BATCH = 10_000  # rows a seal covers at most
GENESIS = "0" * 64  # the value in the first seal for the hash of the seal before it
# The time of a row is set before its number, and the clocks of hosts differ: rows are slightly out of order.
_SLACK = timedelta(minutes=10)
Stored = Mapping[str, Any]  # a row of the audit log as the database has it, valid or not
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)


@dataclass(frozen=True)
class Seal:
    """`number` counts from 1 without gaps. `last_at` is the time of its last row, `at` its own (RFC 3339, UTC)."""

    number: int
    at: str
    first_id: int
    last_id: int
    last_at: str
    leaves: str
    previous: str
    hash: str

    @classmethod
    def over(cls, rows: Sequence[Stored], before: Seal | None, at: str) -> Seal:
        """The seal that covers these rows (at least one, by ascending id) and all earlier ones."""
        number, previous = (before.number + 1, before.hash) if before else (1, GENESIS)
        leaves = "\n".join(f"{row['id']} {fingerprint(row)}" for row in rows)
        facts = {
            "number": number,
            "at": at,
            "first_id": rows[0]["id"],
            "last_id": rows[-1]["id"],
            "last_at": str(rows[-1]["at"]),
            "leaves": leaves,
            "previous": previous,
        }
        return cls(**facts, hash=_digest(facts))

    @property
    def readable(self) -> bool:
        """Whether all values have their types: an edited seal may have others."""
        return all(type(getattr(self, name)).__name__ == kind for name, kind in self.__annotations__.items())

    @property
    def holds(self) -> bool:
        """Whether its hash is correct."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "hash"}
        return self.hash == _digest(facts)

    def fingerprints(self) -> dict[int, str]:
        """The fingerprints of its rows; of damaged leaves, those that can be read."""
        pairs = (line.partition(" ") for line in self.leaves.splitlines())
        return {int(number): print_ for number, _, print_ in pairs if _NUMBER.fullmatch(number)}


@dataclass(frozen=True)
class Finding:
    """A problem of the audit log: which `check` failed, for which row or seal, and in words."""

    check: str
    target: str
    problem: str


def fingerprint(row: Stored) -> str:
    """SHA-256 of a row as the database stores it, valid or not."""
    return _digest(row)


def _digest(facts: Stored) -> str:
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()


def name(seal: Seal) -> str:
    return f"seal_{seal.number}"


def begins_after(seal: Seal, before: Seal | None, lowest: int) -> int:
    """The row after which the batch of a seal begins. After missing seals, any row is accepted."""
    if seal.number != _next_number(before):
        return max(seal.first_id - 1, lowest)
    return before.last_id if before else lowest


def _next_number(before: Seal | None) -> int:
    return before.number + 1 if before else 1


def check_link(seal: Seal, before: Seal | None) -> list[Finding]:
    """Check a seal: its own hash, and its link to the seal before it."""
    findings: list[Finding] = []
    expected = _next_number(before)
    if seal.number > expected:
        gone = f"seal_{expected}" if seal.number == expected + 1 else f"seal_{expected} to seal_{seal.number - 1}"
        findings.append(Finding("seal", gone, f"removed, or past reading: the next one is {name(seal)}"))
    if not seal.holds:
        findings.append(Finding("seal", name(seal), "changed: its hash is not that of what it says"))
    elif seal.number == expected and seal.previous != (before.hash if before else GENESIS):
        findings.append(Finding("seal", name(seal), "does not follow from the seal before it"))
    return findings


def check_batch(seal: Seal, before: Seal | None, rows: Iterable[Stored]) -> list[Finding]:
    """Check the rows that a seal covers; `rows` are those in its range now."""
    findings: list[Finding] = []
    sealed = seal.fingerprints()
    for row in rows:
        kept = sealed.pop(row["id"], None)
        row_name = f"aud_{row['id']}"
        if kept is None:
            findings.append(Finding("row", row_name, f"slipped in: {name(seal)} knows no such row"))
        elif kept != fingerprint(row):
            findings.append(Finding("row", row_name, f"changed since {name(seal)}"))
        if back_dated(row["at"], before):
            findings.append(Finding("row", row_name, _back_dated(row, before)))
    findings += [Finding("row", f"aud_{number}", f"removed since {name(seal)}") for number in sorted(sealed)]
    return findings


def check_unsealed(rows: Iterable[Stored], last: Seal | None) -> list[Finding]:
    """Check the rows that no seal covers yet."""
    return [Finding("row", f"aud_{row['id']}", _back_dated(row, last)) for row in rows if back_dated(row["at"], last)]


def _back_dated(row: Stored, before: Seal | None) -> str:
    assert before is not None  # noqa: S101 - nothing is earlier than no seal
    return f"back-dated: it says {str(row['at'])[:40]} and came after {name(before)}, which ends at {before.last_at}"


def back_dated(at: Any, before: Seal | None) -> bool:
    """Whether a row after a seal has a time before it. A value that is not a time is suspect, too."""
    if before is None:
        return False
    # A seal without any readable time has a problem of its own, and is reported for it: it is not used for comparison.
    ends = [moment for moment in (_moment(before.last_at), _moment(before.at)) if moment]
    moment = _moment(at)
    return bool(ends) and (moment is None or min(ends) - moment > _SLACK)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except (TypeError, ValueError):
        return None


def check_triggers(wanted: Mapping[str, str], there: Mapping[str, str]) -> list[Finding]:
    """Check the triggers that protect the audit log: which are missing, switched off or changed;
    definitions by name.
    """
    return [
        Finding("trigger", name, "missing or disabled: the audit log can be changed")
        for name, definition in wanted.items()
        if not trail_triggers.same(there.get(name, ""), definition)
    ]


def check_mentioned(mentioned: Iterable[tuple[str, str, str]], known: Mapping[str, str]) -> list[Finding]:
    """Check the seals that the audit log mentions (row, seal, root): a missing one means that the chain was cut or
    restarted.
    """
    return [
        Finding(
            "seal",
            seal[:40],
            f"{row} tells of it with another hash" if seal in known else f"removed: {row} tells of it",
        )
        for row, seal, root in mentioned
        if known.get(seal) != root
    ]


def check_roots(kept: Iterable[str], known: Collection[str]) -> list[Finding]:
    """Check roots that were stored elsewhere: what an unknown root proved was rewritten or removed."""
    return [
        Finding("root", root[:64], "no seal has this hash: the seals were rewritten or removed since it was kept")
        for root in kept
        if root not in known
    ]
