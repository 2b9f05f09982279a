"""Records of an API in the fields of an import, and the pages of a dry run, which wait in a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Listed:
    """A record of an API in the fields of an import. `aside`: it came with another record, and makes a new one only."""

    kind: str
    values: Mapping[str, str]
    aside: bool = False


class Waiting:
    """Pages in a private temporary file, deleted when it is closed: an account may have millions of records."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `close`

    def add(self, records: Sequence[Listed]) -> None:
        self._file.write(json.dumps([asdict(one) for one in records]) + "\n")

    def __iter__(self) -> Iterator[list[Listed]]:
        self._file.seek(0)
        for line in self._file:
            yield [Listed(**one) for one in json.loads(line)]

    def close(self) -> None:
        self._file.close()
