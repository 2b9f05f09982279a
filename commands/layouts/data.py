"""The result of an import for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = ("read", "created", "updated", "unchanged", "rejected")


def import_result(counts: Mapping[str, Any]) -> str:
    """A line of counts, and notes below; of a dry run also the first records, and the first problem of each kind."""
    said = ", ".join(f"{counts[name]} {name}" for name in (*_SHOWN, *(["skipped"] if counts["skipped"] else [])))
    file = counts["rejects_file"]
    files = [file] if isinstance(file, str) else file or []
    notes = [f"  see {name}" for name in files] + ["  dry run: nothing was stored"] * counts["dry_run"]
    return "\n".join([f"{counts['kind']}: {said}", *notes, *_look(counts)])


def _look(counts: Mapping[str, Any]) -> list[str]:
    if not counts["dry_run"]:
        return []
    lines: list[str] = []
    for number, record in enumerate(counts["sample"], start=1):
        width = max(map(len, record))
        lines += ["", f"Record {number}", *(f"  {name.ljust(width)}  {value}" for name, value in record.items())]
    if counts["problems"]:
        lines += ["", "Problems"]
        lines += [f"  {one['count']:>6,} like line {one['line']}: {one['reason']}" for one in counts["problems"]]
    return lines
