"""The result of an import for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = ("read", "created", "updated", "unchanged", "rejected")


def import_result(counts: Mapping[str, Any]) -> str:
    """One line of counts; of a dry run also the first records, and the first problem of each kind."""
    said = ", ".join(f"{counts[name]} {name}" for name in (*_SHOWN, *(["skipped"] if counts["skipped"] else [])))
    file = counts["rejects_file"]
    notes = [f"see {file if isinstance(file, str) else ', '.join(file)}"] if file else []
    notes += ["dry run: nothing was stored"] if counts["dry_run"] else []
    line = f"{counts['kind']}: {said}" + (f" ({'; '.join(notes)})" if notes else "")
    return "\n".join([line, *_look(counts)])


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
