import pytest

from domain.names.words import several, without_note, without_role


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("Ann Lee (Deceased)", "Ann Lee", "Deceased"),
        ("Lee, Ann - Rental", "Lee, Ann", "Rental"),
        ("Ann Lee c/- Orr & Co", "Ann Lee", "c/- Orr & Co"),
        ("Ann Lee (née Orr)", "Ann Lee", "née Orr"),
        ("Ann Lee (Orr Quarries Ltd)", "Ann Lee", "Orr Quarries Ltd"),
        ("Wages - Ann Lee", "Ann Lee", "Wages"),
        ("WRE002 - Ann Lee", "Ann Lee", "WRE002"),
        ("zz Ann Lee - old", "Ann Lee", "old"),
        # What is a part of the name stays, and so does what would leave nothing.
        ("Kowhai Quarries (2019) Ltd", "Kowhai Quarries (2019) Ltd", ""),
        ("Kowhai Family (Trust)", "Kowhai Family (Trust)", ""),
        ("Rent-a-Car", "Rent-a-Car", ""),
        ("24/7 Quarries", "24/7 Quarries", ""),
        ("(Deceased)", "(Deceased)", ""),
        ("C/o Orr & Co", "C/o Orr & Co", ""),
        ("", "", ""),
    ],
)
def test_a_note_after_a_name_is_no_part_of_the_name(text: str, name: str, note: str) -> None:
    assert without_note(text) == (name, note)


def test_a_second_name_is_not_taken_for_a_role() -> None:
    assert without_role("Ann Lee (Deceased)") == ("Ann Lee", "Deceased")
    assert without_role("Orr Ltd (formerly Lee Ltd)") == ("Orr Ltd (formerly Lee Ltd)", "")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ann Lee t/a Lee Baking", ["Ann Lee", "Lee Baking"]),
        ("Orr Ltd (formerly Lee Ltd)", ["Orr Ltd", "Lee Ltd"]),
        ("Ann Lee trading as Lee Baking", ["Ann Lee", "Lee Baking"]),
        ("Ann Lee", []),
        ("T/A Lee Baking", []),
    ],
)
def test_one_contact_may_have_several_names(text: str, parts: list[str]) -> None:
    assert several(text) == parts
