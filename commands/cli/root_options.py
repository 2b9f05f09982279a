"""The options that this command line began with, for the commands that messages tell to run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_WITH_VALUE = ("--profile", "--env-file", "--database")
_ELSEWHERE = "(?<!there: )(?<!administrator: )(?<!owner: )"
_typed: list[str] = []
_commands: list[str] = []


def note(words: list[str], commands: Collection[str]) -> None:
    """Keep the options before the command that say which shop is meant. `commands` are those of the root group."""
    _typed.clear()
    _commands[:] = commands
    left = iter(words)
    for word in left:
        name, given, value = word.partition("=")
        if name in _WITH_VALUE:
            _typed.extend((name, value if given else next(left, "")))
        elif not word.startswith("-"):
            return


def repeated(text: str) -> str:
    """The text, with these options in each command of csctl: as it stands, it would work on another shop.

    Not in a command that another database or person is to run: with these options it would run here.
    """
    if not _typed or "csctl " not in text:
        return text
    import shlex

    from csctl.settings import mask_within

    before = " ".join(shlex.quote(mask_within(word)) for word in _typed)
    return re.sub(rf"{_ELSEWHERE}\bcsctl (?=(?:{'|'.join(_commands)})\b)", lambda _: f"csctl {before} ", text)


def in_fix(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    """An error or finding, its fix with these options."""
    fix = problem.get("fix")
    return {**problem, "fix": repeated(fix)} if _typed and isinstance(fix, str) else problem


def in_records(records: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Records as they are printed: their own fix, and that of their error, with these options."""
    return map(_in_record, records) if _typed else records


def _in_record(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found, error = in_fix(record), record.get("error")
    return {**found, "error": in_fix(error)} if isinstance(error, Mapping) else found
