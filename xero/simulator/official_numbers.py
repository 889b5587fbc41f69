"""Made-up official numbers with right check digits, as bodies of New Zealand, Australia, Britain and America have them."""

from random import Random
from typing import NamedTuple

from stdnum import ean
from stdnum.au import abn, acn
from stdnum.nz import ird


class Numbers(NamedTuple):
    """The values of Xero's fields CompanyNumber and TaxNumber. '' means none."""

    company: str = ""
    tax: str = ""


def draw(random: Random, country: str, *, company: bool) -> Numbers:
    """The numbers of a body. `company`: a register of companies has it."""
    if country == "NZ":
        return Numbers(draw_nzbn(random) if company else "", draw_ird(random))
    if country == "AU":
        number = draw_acn(random)
        base = number if company else digits(random, 9)
        return Numbers(acn.format(number) if company else "", abn.format(abn.calc_check_digits(base) + base))
    if country == "GB":
        return Numbers(digits(random, 8) if company else "", draw_vat(random))
    return Numbers("", f"{random.randrange(20, 28)}-{digits(random, 7)}")


def digits(random: Random, count: int) -> str:
    return f"{random.randrange(10 ** (count - 1), 10**count)}"


def draw_nzbn(random: Random) -> str:
    base = f"9429{random.randrange(10**8):08}"
    return f"{base}{ean.calc_check_digit(base)}"


def draw_ird(random: Random) -> str:
    base = random.randrange(1_000_000, 14_000_000)
    while len(check := ird.calc_check_digit(str(base))) > 1:
        base += 1
    return ird.format(f"{base}{check}")


def draw_acn(random: Random) -> str:
    base = f"{random.randrange(10**8):08}"
    return f"{base}{acn.calc_check_digit(base)}"


def draw_vat(random: Random) -> str:
    base = f"{random.randrange(1_000_000, 10_000_000)}"
    check = 97 - sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), base, strict=True)) % 97
    return f"GB{base}{check:02}"
