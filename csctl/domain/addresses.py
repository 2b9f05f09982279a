"""A postal address, as it was given."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Address:
    """Lines of an address. `country` is an ISO 3166 code of two letters where it was understood."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None

    def __bool__(self) -> bool:
        return any(vars(self).values())

    @property
    def has_no_place(self) -> bool:
        """Whether it names a street and nothing of where that is."""
        return bool(self.line1) and not (self.city or self.postal_code)

    def as_dict(self) -> dict[str, str | None]:
        return dict(vars(self))

    def lines(self) -> list[str]:
        """The address as it stands on an envelope, empty lines left out."""
        town = " ".join(part for part in (self.postal_code, self.city, self.region) if part)
        return [line for line in (self.line1, self.line2, town, self.country) if line]


ADDRESS_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Address))
