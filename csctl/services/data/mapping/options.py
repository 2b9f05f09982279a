"""Mappings from the command line: `--map field=Column`, `--map field:=value`, a file, a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from csctl.domain.record_kinds import KINDS
from csctl.errors import Usage
from csctl.services.data.mapping import shipped, toml
from csctl.services.data.mapping.language import Mappings, Rule, Section, Template
from csctl.tabular.options import ColumnOptions, FileOptions

ALL = "all"
_FORM = "write field=Column, or field:=value for a value that all rows share"


def given(kind: str, columns: ColumnOptions, form: FileOptions) -> Mappings:
    """What a name or a mapping file says of a kind (or of `all`), and the options, which override it. Raises Usage."""
    named = columns.named
    if columns.mapping and named:
        raise Usage("--from and --mapping exclude each other", fix=f'a mapping file may begin with: from = "{named}"')
    if named:
        mappings = shipped.read(named)
    elif columns.mapping:
        mappings = toml.read(columns.mapping, None if kind == ALL else kind, shipped.table)
    elif kind == ALL:
        raise Usage(
            "all is a directory of csctl data export all, or a file with a mapping",
            fix="--from NAME (csctl data mapping list), or --mapping",
        )
    else:
        mappings = Mappings(sections=[Section(KINDS[kind], kind, automatic=True)])
    if kind != ALL:
        mappings = mappings.of_kind(kind)
    _override(mappings, columns.maps)
    decimal = columns.decimal or mappings.file.decimal
    return replace(mappings, file=replace(mappings.file, options=form.over(mappings.file.options), decimal=decimal))


def _override(mappings: Mappings, maps: Sequence[str]) -> None:
    seen: set[str] = set()
    for option in maps:
        name, rule = _split(option)
        if name in seen:
            raise Usage(f"--map names the field {name} twice")
        seen.add(name)
        fitting = [section for section in mappings.sections if name in section.kind.fields]
        for section in fitting or mappings.sections[:1]:  # a section without the field says which it has
            section.set(name, rule)


def _split(option: str) -> tuple[str, Rule]:
    name, sign, target = (part.strip() for part in option.partition("="))
    constant = name.endswith(":")
    name = name.removesuffix(":").strip()
    if not sign or not name or not target:
        raise Usage(f"{option!r} maps nothing", fix=_FORM)
    return name, Rule(constant=target) if constant else Rule((Template.parse(target),))
