import csv
from pathlib import Path

import pytest

from domain.names.classification import Classification, classify
from domain.names.classification.evidence import mailbox, relation
from domain.names.classification.model import load

PARAMETERS = Path(__file__).resolve().parents[3] / "domain" / "names" / "parameters"
DATA = Path("/work/shared/data/classify_dev.csv")

# Made up for these tests; any likeness to a person is chance.
PEOPLE = [
    "John Smith", "SMITH, John", "Smith, J", "J R Smith", "john smith", "JOHN SMITH", "Dr A Patel", "Mrs B. Jones",
    "Mary-Jane O'Connor", "Rose Baker", "van der Merwe, Johan", "Prof. Anna Lindqvist",
    "Hemi Tūhoe", "Aroha Parata", "Wiremu Tamihere", "Ngaire Te Aroha",
    "Sione Fifita", "Malia Fonua", "Tevita Latu", "Apisai Koroi",
    "Li Wei", "Zhang Xiaoming", "Chan Tai Man", "Nguyen Thi Mai", "Kim Min-jun",
    "Priya Sharma", "Harpreet Singh", "Deepak Ramanathan",
    "Fatima Al-Hassan", "Mohammed Yusuf", "Ahmed bin Said",
    "José García", "Björk Jónsdóttir", "Zoë Brontë",
    "Иван Петров", "王小明", "김민준", "محمد علي", "דוד כהן", "राहुल शर्मा", "Γιώργος Παπαδόπουλος",
]  # fmt: skip
BUSINESSES = [
    "Acme Pty Ltd", "Acme P/L", "Kowhai Holdings (2019) Limited", "Zebra GmbH",
    "Smith Plumbing", "John Smith Builders", "Dr A Patel Dental", "Smith & Sons", "Kiri's Hair Studio",
    "Singh Transport", "Wong's Takeaways", "Green Leaf Landscaping", "Sunshine Daycare", "Bob the Builder",
    "The Smith Family Trust", "Estate of John Smith", "Smith Family Superannuation Fund",
    "Auckland Rowing Club", "Ministry of Works", "St Mary's School", "3D Printing Shed", "Cafe Aroha",
    "Te Whare Wānanga o Kōwhai", "Ngāti Kōwhai Trust Board", "Kōwhai Marae",
    "ООО Ромашка", "北京科技有限公司", "株式会社ひまわり", "شركة النور للتجارة", "บริษัท ดอกไม้ จำกัด",
]  # fmt: skip
COUPLES = [
    "J & K Smith", "J and K Smith", "John & Mary Smith", "Mr & Mrs Jones", "Mr and Mrs J Smith", "Smith, John & Mary",
    "Smith & Jones", "Hēmi and Aroha Tūhoe",
]  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_names_of_people_are_classified_as_people(name: str) -> None:
    assert classify(name).kind == "PERSON"


@pytest.mark.parametrize("name", BUSINESSES)
def test_names_of_organisations_are_classified_as_organisations(name: str) -> None:
    assert classify(name).kind == "ORGANISATION"


@pytest.mark.parametrize("name", COUPLES)
def test_couples_and_partners_are_organisations_that_a_person_should_review(name: str) -> None:
    found = classify(name)
    assert (found.kind, found.needs_review) == ("ORGANISATION", True)
    assert found.reasons == ("several names joined: a couple or partners",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Acme Pty Ltd", "legal form: Pty Ltd"),
        ("Acme P/L", "legal form: P/L"),
        ("Smith Plumbing", "trade word: Plumbing"),
        ("The Smith Family Trust", "trust or estate: Trust"),
        ("John Smith", "given name and family name"),
        ("SMITH, John", "family name, then given name"),
        ("Dr A Patel", "title: Dr"),
        ("J R Smith", "initials and family name"),
    ],
)
def test_reasons_are_words_that_a_person_can_check(name: str, reason: str) -> None:
    assert reason in classify(name).reasons


def test_a_note_after_the_name_is_a_reason_and_does_not_count() -> None:
    found = classify("Ann Lee (Deceased)")
    assert found.kind == "PERSON"
    assert "a note, not the name: Deceased" in found.reasons
    assert found.confidence == classify("Ann Lee").confidence


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "---", "\x00"])
def test_a_blank_name_is_an_organisation_with_low_confidence(name: str) -> None:
    assert classify(name) == Classification("ORGANISATION", 0.5, ("no name",), needs_review=True)


@pytest.mark.parametrize(
    "name", ["x" * 300, "Ā" * 300, "a " * 150, "'", "王", "&", "& & &", "Smith &", ", ", "1", "…"]
)
def test_unusual_names_are_classified_too(name: str) -> None:
    found = classify(name)
    assert 0.5 <= found.confidence <= 1
    assert found.reasons


def test_confidence_below_the_threshold_asks_for_review() -> None:
    found = [classify(name) for name in PEOPLE + BUSINESSES + COUPLES]
    assert [f.needs_review for f in found] == [f.confidence < load().review_below for f in found]


def test_first_and_last_name_count_if_they_make_up_the_name() -> None:
    alone = classify("Pat Kowhai")
    same = classify("Pat Kowhai", "Pat", "Kowhai")
    assert same.kind == "PERSON"
    assert same.confidence > (alone.confidence if alone.kind == "PERSON" else 1 - alone.confidence)
    assert "first name and last name are the whole name" in same.reasons


def test_a_contact_person_does_not_make_an_organisation_a_person() -> None:
    assert classify("Acme Ltd", "Jane", "Doe").kind == "ORGANISATION"
    assert classify("Kebab King", "Jane", "Doe").kind == "ORGANISATION"


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("John", "Smith", "same"),
        ("Jane", "Doe", "other"),
        ("", "Smith", ""),
        ("Mary", "Smith", "inside"),
        (None, None, ""),
    ],
)
def test_relation_of_the_person_to_the_name(first: str | None, last: str | None, expected: str) -> None:
    assert relation("SMITH, Mr John", first, last) == expected


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("accounts@x.example", "accounts"),
        ("Info+nz@x.example", "info"),
        ("jane@x.example", None),
        ("", None),
        (None, None),
    ],
)
def test_shared_mailboxes_are_recognised(email: str | None, expected: str | None) -> None:
    assert mailbox(email) == expected


def test_a_shared_mailbox_leans_to_an_organisation() -> None:
    without, with_ = classify("Rose Baker"), classify("Rose Baker", email="accounts@x.example")
    assert with_.confidence < without.confidence


def test_parameters_stay_below_a_megabyte_and_name_their_sources() -> None:
    own = [PARAMETERS / name for name in ("classify.bin", "classify.json", "lexicon.bin")]
    assert sum(path.stat().st_size for path in own) < 1_000_000
    notice = (PARAMETERS / "NOTICE.md").read_text()
    assert all(
        source in notice for source in ("Electoral Commission", "Open Government Licence", "CC BY 4.0")
    )


@pytest.mark.skipif(not DATA.exists(), reason="the development data are not here")
def test_the_development_data_are_classified_as_well_as_documented() -> None:
    with DATA.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["id"][1:]) % 7 == 0]
    right = [classify(row["name"]).kind == row["label"] for row in rows]
    assert sum(right) / len(right) > 0.96  # with some 2 % of labels wrong


def test_the_guide_names_the_confidence_that_needs_no_review() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs/MATCHING.md").read_text(encoding="utf-8")
    assert f"The review threshold is {load().review_below}:" in guide
