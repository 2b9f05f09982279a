"""One row of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from csctl.errors import Usage

# A row as its file has it: the cells of a line, a JSON object of any form, or the text of a line that is neither.
Original = list[str] | Mapping[str, Any] | str


@dataclass(frozen=True)
class Row:
    """One row. `cells` are its texts by column, as the file has them; `original` is what is written back if it is
    refused: of a row that has no cells, its text.
    """

    line: int
    original: Original
    cells: Mapping[str, str] = field(default_factory=dict)
    problem: Usage | None = None


class Source(Protocol):
    """Rows of a file. `columns` are those of its header; None where each row names its own. `above` is how many lines
    came before the header.
    """

    columns: list[str] | None
    above: int

    def __iter__(self) -> Iterator[Row]: ...
