"""The rows of a file, in the format that it has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from csctl.tabular.csv_rows import CsvSource
from csctl.tabular.json_rows import JsonSource
from csctl.tabular.opening import Input
from csctl.tabular.options import FileOptions
from csctl.tabular.row import Source


class Table:
    """A file of rows. Raises Usage for one that cannot be read as a whole."""

    def __init__(self, path: Path, options: FileOptions) -> None:
        self.path, self.options = path, options
        self.format = options.format_of(path)
        self.delimiter = options.delimiter_of(path)
        self._input = Input(path, options)

    @contextmanager
    def rows(self, wanted: Collection[str] = ()) -> Iterator[Source]:
        """The rows from the beginning. `wanted` are columns by which the header is known."""
        rejects = self._input.rejects
        with self._input.text() as file:
            if self.format == "csv":
                skip = 0 if rejects else self.options.skip_lines
                source = CsvSource(file, self.delimiter, wanted, skip)
                self.delimiter = source.delimiter
                yield source
            else:
                yield JsonSource(file, None if rejects else self.options.items)

    def close(self) -> None:
        self._input.close()
