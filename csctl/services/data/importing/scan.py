"""The first pass over a file: what has to be known of all its rows before the first is stored."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from csctl.card_numbers import holds_card_number
from csctl.domain.record_kinds import REFERENCES
from csctl.errors import Usage
from csctl.services.data.importing.job import Entry
from csctl.services.data.importing.passes import Passes
from csctl.services.data.mapping.language import Section

LOOKED_AT = 1000  # records whose columns are looked at for card numbers
_PARTS = 256
_NAMED = 5  # lines that an error names
_EXEMPT = REFERENCES | {"token"}


@dataclass
class Scan:
    """The records that are not what they seem, by their number: `conflicts` have the key of another one with other
    contents (the lines of all), `repeats` are the same as an earlier one, `later` come after the first with their key.
    """

    conflicts: dict[int, list[int]] = field(default_factory=dict)
    repeats: set[int] = field(default_factory=set)
    later: set[int] = field(default_factory=set)

    def conflict(self, entry: Entry, key: str) -> Usage | None:
        """Why a record cannot be distinguished from another."""
        if (lines := self.conflicts.get(entry.number)) is None:
            return None
        named = ", ".join(map(str, lines[:_NAMED])) + (", …" if len(lines) > _NAMED else "")
        return Usage(
            f"{key}: {entry.values[key]!r} stands in several rows with different contents",
            cause=f"lines {named}: it is not known which of them is right",
            fix="keep one of them, or give each an id of its own",
        )


def scan(passes: Passes, section: Section) -> Scan:
    """Go through the file for repeated keys and for card numbers. Raises Usage for a file that may not be stored."""
    counts, cards = _Keys(), _Cards()
    with passes.begin(section) as first:
        for entry in first.entries(keys_after=LOOKED_AT):
            counts.add(entry.values.get(section.kind.key, ""))
            if entry.number < LOOKED_AT:
                cards.look(entry)
    cards.check()
    found = Scan()
    if repeated := counts.repeated():
        with passes.begin(section) as second:
            _compare(found, section, repeated, second.entries())
    return found


def _compare(found: Scan, section: Section, repeated: set[int], entries: Iterable[Entry]) -> None:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        key = entry.values.get(section.kind.key, "")
        if key and hash(key) in repeated:
            groups.setdefault(key, []).append(entry)
    for same in groups.values():
        first, *others = same
        if section.first:
            found.later.update(entry.number for entry in others)
        elif any(entry.values != first.values for entry in others):
            lines = [entry.row.line for entry in same]
            found.conflicts.update({entry.number: lines for entry in same})
        else:
            found.repeats.update(entry.number for entry in others)


class _Keys:
    """Keys by their hash, of which a million takes eight megabytes: which of them come more than once."""

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(_PARTS)]

    def add(self, key: str) -> None:
        if key:
            number = hash(key)
            self._parts[number % _PARTS].append(number)

    def repeated(self) -> set[int]:
        found: set[int] = set()
        for part in self._parts:
            seen: set[int] = set()
            for number in part:
                (found if number in seen else seen).add(number)
        return found


class _Cards:
    """Columns of ids, tokens and references: how many of their values look like card numbers."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._alike: dict[str, int] = {}

    def look(self, entry: Entry) -> None:
        for name in _EXEMPT & entry.values.keys():
            self._seen[name] = self._seen.get(name, 0) + 1
            if holds_card_number(entry.values[name]):
                self._alike[name] = self._alike.get(name, 0) + 1

    def check(self) -> None:
        """Raises Usage where more than half of the values do: one may by chance, most do not."""
        for name, alike in self._alike.items():
            if alike > 1 and alike * 2 > self._seen[name]:
                raise Usage(
                    f"the column mapped to {name} holds card numbers",
                    cause=f"{alike} of the first {self._seen[name]} values look like one; csctl keeps no card numbers",
                    fix=f"map another column to {name}, and delete the card numbers from the file",
                )
