"""A file as text: unpacked, decoded, and read as often as needed."""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, TextIO, cast

from csctl.errors import Usage
from csctl.tabular.options import STDIN, FileOptions

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GZIP, _ZIP, _OLD_OFFICE, _PDF = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"
_AS_CSV = "save the sheet as CSV UTF-8, and name that file"
_REJECTS = tuple(f"line{delimiter}reason".encode() for delimiter in ",;\t|")


class Input:
    """A file that can be read several times. Standard input is stored in a temporary file for that.

    `rejects` says that csctl wrote it, with rows that it refused before: in UTF-8, with nothing above the header.
    """

    def __init__(self, path: Path, options: FileOptions) -> None:
        self.path, self._options = path, options
        self._spool: IO[bytes] | None = None
        if path == STDIN:
            if sys.stdin.isatty():
                raise Usage("- reads standard input, and that is a terminal", fix="pipe a file in, or name it")
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
            shutil.copyfileobj(sys.stdin.buffer, self._spool)
        with self._bytes() as file:
            head = file.read(16)
        self.rejects = ".rejects." in path.name or head.removeprefix(codecs.BOM_UTF8).startswith(_REJECTS)
        self.encoding = self._encoding(head)

    @contextmanager
    def text(self) -> Iterator[TextIO]:
        """The text from its beginning. Bytes that are not UTF-8 come as surrogates: their row is refused, and written
        back as it was.
        """
        try:
            with self._bytes() as file:
                text = io.TextIOWrapper(file, encoding=self.encoding, errors=self._errors, newline="")
                yield text
                text.detach()
        except UnicodeDecodeError as error:
            raise Usage(
                f"cannot read {self.path} as {self.encoding}", cause=str(error), fix="--encoding NAME, such as cp1252"
            ) from None

    def close(self) -> None:
        if self._spool:
            self._spool.close()

    @property
    def _errors(self) -> str:
        return "surrogateescape" if self.encoding in ("utf-8-sig", "ascii") else "strict"

    @contextmanager
    def _bytes(self) -> Iterator[BinaryIO]:
        try:
            with self._raw() as file:
                head = file.read(4)
                file.seek(0)
                _refuse_what_is_not_text(self.path, head, file)
                if head.startswith(_GZIP):
                    with gzip.open(file) as unpacked:
                        yield cast("BinaryIO", unpacked)
                else:
                    yield file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Usage(
                f"{self.path} is not whole", cause=str(error), fix="copy or download it again; to test it: gzip -t FILE"
            ) from None
        except OSError as error:
            if self._spool or error.filename != str(self.path):
                raise
            what = "a file in it" if isinstance(error, IsADirectoryError) else "a file that you can read"
            raise Usage(f"cannot read {self.path}", cause=error.strerror, fix=f"name {what}") from None

    @contextmanager
    def _raw(self) -> Iterator[BinaryIO]:
        if self._spool:
            self._spool.seek(0)
            yield cast("BinaryIO", self._spool)
        else:
            with self.path.open("rb") as file:
                yield file

    def _encoding(self, head: bytes) -> str:
        given = self._options.encoding
        if self.rejects or not given or codecs.lookup(given).name == "utf-8":
            return next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8-sig")
        return given


def _refuse_what_is_not_text(path: Path, head: bytes, file: BinaryIO) -> None:
    """Raises Usage for a workbook, a packed folder or a document, with what to do."""
    if head.startswith(_ZIP):
        try:
            names = zipfile.ZipFile(file).namelist()
        except zipfile.BadZipFile:
            names = []
        if any(name.startswith("xl/") for name in names):
            raise Usage(f"{path} is an Excel workbook", fix=_AS_CSV)
        if "content.xml" in names:
            raise Usage(f"{path} is an OpenDocument file", fix=_AS_CSV)
        raise Usage(f"{path} is a zip file", fix="unpack it, and name the file inside: unzip FILE")
    if head.startswith(_OLD_OFFICE):
        raise Usage(f"{path} is an old Excel workbook", fix=_AS_CSV)
    if head.startswith(_PDF):
        raise Usage(f"{path} is a PDF document", fix="export the data as CSV")
