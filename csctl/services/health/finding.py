"""The results of checks."""

from __future__ import annotations

from typing import NamedTuple

from csctl.errors import Conflict, Misconfigured


class Finding(NamedTuple):
    """A problem in the database: `check` is the check, `target` the record or table, `problem` what is wrong."""

    check: str
    target: str
    problem: str

    @property
    def exit(self) -> int:
        """The exit code of `db check`: a wrong schema or a damaged file is a configuration problem, wrong records are a
        conflict, and a marked duplicate is neither: nothing is done with it.
        """
        if self.check == "duplicate":
            return 0
        error = Misconfigured if self.check in ("file", "schema", "trigger") else Conflict
        return error.exit


class Problem(NamedTuple):
    """A problem of the installation, and the command that fixes it. A `warning` may be intended."""

    problem: str
    fix: str | None
    status: str = "problem"
