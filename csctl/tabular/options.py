"""How a file is written."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from csctl.errors import Usage

FORMATS = ("csv", "jsonl", "json")
STDIN = Path("-")
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_TAB_ENDINGS = (".tsv", ".tab")


@dataclass(frozen=True)
class FileOptions:
    """What is said of a file; None is what its name and its first bytes say.

    `skip_lines` are above the header. `items` is the path to the rows in JSON: `data.list`. `apostrophe`: a leading
    apostrophe belongs to no value, as Excel writes it to keep a text from becoming a number.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    skip_lines: int = 0
    items: str | None = None
    apostrophe: bool = False

    def __post_init__(self) -> None:
        """Raises Usage for an invalid combination."""
        if self.format not in (*FORMATS, None):
            raise Usage(f"invalid format {self.format!r}", fix=f"one of: {', '.join(FORMATS)}")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise Usage(f"invalid delimiter {self.delimiter!r}", fix="use one character, or the word tab")
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            fix = "a name such as utf-8, cp1252 (Windows), latin-1, mac-roman, utf-16 or shift-jis"
            raise Usage(f"unknown encoding {self.encoding!r}", fix=fix) from None

    def over(self, base: FileOptions) -> FileOptions:
        """These options, where they say something, and otherwise the others."""
        said = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default}
        return replace(base, **said)

    def format_of(self, path: Path) -> str:
        """`csv` or `jsonl`: the format that was asked for, else the one that the file's name says."""
        if self.format:
            return "csv" if self.format == "csv" else "jsonl"
        return "jsonl" if self.items or _ending(path) in _JSON_ENDINGS else "csv"

    def delimiter_of(self, path: Path) -> str:
        """What stands between the cells of a CSV file."""
        return self.delimiter or ("\t" if _ending(path) in _TAB_ENDINGS else ",")


@dataclass(frozen=True)
class ColumnOptions:
    """What is said of the columns of a file: `field=Column` and `field:=value`, a mapping in a file or of csctl by its
    name, and the decimal sign of amounts.
    """

    maps: Sequence[str] = ()
    mapping: Path | None = None
    named: str | None = None
    decimal: str | None = None

    def __bool__(self) -> bool:
        return bool(self.maps or self.mapping or self.named)


def delimiter(text: str) -> str:
    """A delimiter as people write it: `tab` and `\\t` for the tabulator."""
    return {"tab": "\t", "\\t": "\t"}.get(text, text)


def _ending(path: Path) -> str:
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()
