"""What the people are called whose phones these are, the same for a number every time."""

from dataclasses import dataclass

_FIRST = ("ACHIENG", "BARAKA", "CHEBET", "DAUDI", "ESHE", "FAITH", "GITAU", "HALIMA", "IMANI", "JUMA")
_MIDDLE = ("", "A.", "KIPLAGAT", "NJERI", "OTIENO", "", "WANJIRU", "MWENDE", "", "NYAMBURA")
_LAST = ("KAMAU", "LAGAT", "MUTUA", "NDEGE", "OCHIENG", "PENDO", "ROTICH", "SIMIYU", "TANUI", "WEKESA")


@dataclass(frozen=True)
class Name:
    """A person's three names; the middle one may be empty."""

    first: str
    middle: str
    last: str

    @property
    def public(self) -> str:
        return " ".join(part for part in (self.first, self.middle, self.last) if part)


def name_of(msisdn: str) -> Name:
    """Name the owner of a number, by its last three digits."""
    first, middle, last = (int(digit) for digit in msisdn[-3:])
    return Name(_FIRST[first], _MIDDLE[middle], _LAST[last])


def party(msisdn: str) -> str:
    """Write a customer as results do: number and name (observed 2018-2024)."""
    return f"{msisdn} - {name_of(msisdn).public}"
