"""What a check of the database found."""

from __future__ import annotations

from typing import NamedTuple

from csctl.errors import Conflict, Misconfigured


class Finding(NamedTuple):
    """`check` says what was looked at, `target` which record or table, `problem` what is wrong with it."""

    check: str
    target: str
    problem: str

    @property
    def exit(self) -> int:
        """The exit code of `db check`: a wrong schema or a damaged file is a configuration problem, wrong
        records are a conflict.
        """
        error = Misconfigured if self.check in ("file", "schema", "trigger") else Conflict
        return error.exit


class Problem(NamedTuple):
    """Something that is not in order, and the command that mends it. A `warning` may be meant so."""

    problem: str
    fix: str | None
    status: str = "problem"
