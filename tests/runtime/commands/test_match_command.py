import csv
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runtime.commands.match_command import app

XERO = "id,name,email\nx1,Kowhai,k@x.example\nx2,Zebedee Roofing Ltd,\nx3,Nobody Known,\n"
PRACTICE = "id,name,email\np1,Kowhai,k@x.example\np2,Zebedee Roofing,\np3,Totara Motors,\n"


def run(tmp_path: Path, command: str, *texts: str | bytes, options: tuple[str, ...] = ()) -> Result:
    files = []
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        files.append(str(file))
    return CliRunner().invoke(app, [command, *files, *options])


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_classify_answers_every_row_in_order(tmp_path: Path) -> None:
    text = "\ufeffid,name,first_name,last_name\n1,Kowhai Ltd,Jane,Doe\n2,Jane Doe,Jane,Doe\n3,,,\n"
    found = rows(run(tmp_path, "classify", text))
    assert [(row["id"], row["kind"]) for row in found] == [
        ("1", "ORGANISATION"),
        ("2", "PERSON"),
        ("3", "ORGANISATION"),
    ]
    assert list(found[0]) == ["id", "kind", "confidence", "reasons"]
    assert found[0]["reasons"].startswith("legal form: Ltd")


def test_match_lists_the_best_candidates_first(tmp_path: Path) -> None:
    found = rows(run(tmp_path, "match", XERO, PRACTICE))
    assert [(row["xero_id"], row["practice_id"], row["outcome"]) for row in found] == [
        ("x1", "p1", "FULL_MATCH"), ("x2", "p2", "SIMILAR"),
    ]  # fmt: skip
    assert list(found[0]) == ["xero_id", "practice_id", "score", "outcome", "evidence"]


def test_match_lists_candidates_below_the_threshold_on_request(tmp_path: Path) -> None:
    found = rows(
        run(
            tmp_path,
            "match",
            "id,name\n1,Kowhai Joinery\n",
            "id,name\n2,Kowhai Roofing\n",
            options=("--all",),
        )
    )
    assert [row["outcome"] for row in found] == ["CANDIDATE"]


def test_match_prints_a_table_for_people(tmp_path: Path) -> None:
    result = run(tmp_path, "match", XERO, PRACTICE, options=("--table",))
    assert "FULL_MATCH" in result.stdout
    assert not result.stdout.startswith("xero_id,")
    assert "Kowhai" in result.stdout


def test_a_table_ends_with_the_counts_of_matched_and_unmatched_contacts(tmp_path: Path) -> None:
    xero = "name,email\nKowhai Ltd,k@x.example\nRimu Ltd,r@x.example\nTotara Roofing,t@x.example\nMoa Quarries,\n"
    practice = "name,email\nKowhai Ltd,k@x.example\nRimu Ltd,s@x.example\nTotara Roofing Ltd,\nWeka Fencing,\nTui Cafe,\n"
    told = run(tmp_path, "match", xero, practice, options=("--table",)).stdout
    assert (
        "4 contacts in Xero: 1 FULL_MATCH, 1 CONFLICT, 1 SIMILAR, 1 not matched; 5 in the practice, 2 not matched"
        in told
    )
    told = run(tmp_path, "classify", "name\nKowhai Ltd\nAnn Lee\n", options=("--table",)).stdout
    assert "2 contacts: 1 people, 1 organisations; 0 for review" in told


def test_lists_without_ids_with_names_in_two_columns_and_with_excels_first_line_are_read(
    tmp_path: Path,
) -> None:
    found = rows(run(tmp_path, "classify", "sep=;\r\nFirst Name;Last Name\r\nJane;Doe\r\nAnn;Lee\r\n"))
    assert [(row["id"], row["kind"]) for row in found] == [("3", "PERSON"), ("4", "PERSON")]


def test_a_table_shows_text_in_brackets_unchanged(tmp_path: Path) -> None:
    text = "id,name\n[old],Kowhai [/nz]\nx[/b],[bold]Kowhai[/bold]\n"
    told = run(tmp_path, "classify", text, options=("--table",))
    assert told.exit_code == 0, told.output
    assert "Kowhai [/nz]" in told.stdout
    assert "[bold]Kowhai[/bold]" in told.stdout


def test_empty_lines_before_the_column_names_are_skipped(tmp_path: Path) -> None:
    found = rows(run(tmp_path, "classify", "\n\r\nid;name\n1;Kowhai Ltd\n"))
    assert [row["id"] for row in found] == ["1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\n1\n", "has no column name, nor first_name and last_name; its columns are id"),
        ("", "has no column name, nor first_name and last_name; the file is empty"),
        (b"id,name\n1,K\xf6\n", "not in UTF-8: save it as 'CSV UTF-8'"),
        ('id,name\n1,"unclosed\n2,Kowhai\n', "is not valid CSV (line 3"),
        ("id,name\n1," + "x" * 200_000, "is not valid CSV (line 2"),
    ],
)
def test_an_invalid_file_is_refused_with_a_reason(tmp_path: Path, text: str | bytes, said: str) -> None:
    result = run(tmp_path, "classify", text)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_short_and_long_rows_are_read(tmp_path: Path) -> None:
    assert len(rows(run(tmp_path, "classify", "id,name,email\n1\n2,Kowhai,a@x.example,more,and more\n"))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "ID, Name ,First Name\n1,Kowhai Ltd,\n",
        "id;name\n1;Kowhai Ltd\n",
        "id\tname\r\n1\tKowhai Ltd\r\n",
        "id,name\n\n1,Kowhai Ltd\n".encode("utf-16"),
    ],
)
def test_files_as_spreadsheets_save_them_are_read(tmp_path: Path, text: str | bytes) -> None:
    [row] = rows(run(tmp_path, "classify", text))
    assert (row["id"], row["kind"]) == ("1", "ORGANISATION")


def test_first_and_last_name_replace_a_blank_name(tmp_path: Path) -> None:
    [row] = rows(run(tmp_path, "classify", "id,name,first_name,last_name\n1, ,Jane,Doe\n"))
    assert row["kind"] == "PERSON"


def test_cells_that_a_spreadsheet_would_run_are_written_as_text(tmp_path: Path) -> None:
    text = "id,name\n=1+1,Kowhai\n@x,Kowhai\n-5,Kowhai\n+64 4 1,Kowhai\n"
    found = rows(run(tmp_path, "classify", text))
    assert [row["id"] for row in found] == ["'=1+1", "'@x", "-5", "'+64 4 1"]


def test_an_unknown_country_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "match", XERO, PRACTICE, options=("--country", "XX"))
    assert result.exit_code == 2
    assert "XX is not a country code" in " ".join(result.output.replace("│", " ").split())


def test_surplus_cells_and_repeated_ids_are_reported(tmp_path: Path) -> None:
    text = 'id,name\n1,Kowhai\n2,"Rimu\nRoofing",Ltd,\n1,Totara,,\n'
    result = run(tmp_path, "classify", text)
    assert [row["id"] for row in rows(result)] == ["1", "2", "1"]
    file = tmp_path / "0.csv"
    assert result.stderr.splitlines() == [
        f"{file}: line 3 has more cells than the 2 columns; ignored: Ltd",
        f"{file}: line 5, column id: '1' is in line 2 too; both rows count as contacts",
    ]


def test_only_the_first_of_many_faulty_lines_are_reported(tmp_path: Path) -> None:
    result = run(tmp_path, "classify", "id,name\n" + "1,Kowhai\n" * 14)
    told = result.stderr.splitlines()
    assert (len(told), told[-1]) == (11, f"{tmp_path / '0.csv'}: and 3 more lines with faults")


def test_a_repeated_column_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "classify", "id,name,Name\n1,Kowhai,Rimu\n")
    assert result.exit_code == 2
    assert "has the column name twice" in " ".join(result.output.replace("│", " ").split())


def test_columns_are_read_under_common_synonyms(tmp_path: Path) -> None:
    xero = "ID,Full Name,E-Mail,Telephone,Zip\nx1,KJC,,06 123 4567,4110\nx2,Kowhai,k@x.example,,\n"
    practice = (
        "id,name,Email Address,phone-number,Postal Code\np1,Kowhai Joinery Collective,,+64 6 1234567,4110\n"
        "p2,Kowhai,k@x.example,,\n"
    )
    result = run(tmp_path, "match", xero, practice, options=("--all",))
    found = {(row["xero_id"], row["practice_id"]): row for row in rows(result)}
    assert found["x2", "p2"]["outcome"] == "FULL_MATCH"
    assert "same phone; same postcode" in found["x1", "p1"]["evidence"]
    assert result.stderr == ""


def test_columns_that_are_not_read_are_reported_once(tmp_path: Path) -> None:
    text = "id,name,Fax,,Client Code,phone,Telephone,\n1,Kowhai,1,2,3,4,5,\n2,Rimu,,,,,,\n"
    result = run(tmp_path, "classify", text)
    assert len(rows(result)) == 2
    assert result.stderr.splitlines() == [
        f"{tmp_path / '0.csv'}: columns that are not read: Fax, a column without a name, Client Code, Telephone"
    ]


def test_two_synonyms_of_one_column_are_refused(tmp_path: Path) -> None:
    xero = "id,name,Telephone,Phone Number\nx1,Kowhai,06 123 4567,06 765 4321\n"
    practice = "id,name,phone\np1,Kowhai,06 123 4567\n"
    result = run(tmp_path, "match", xero, practice, options=("--all",))
    assert [row["evidence"] for row in rows(result)] == ["same name"]
    assert result.stderr.splitlines() == [
        f"{tmp_path / '0.csv'}: columns that are not read: Telephone, Phone Number"
    ]


def test_a_row_without_an_id_is_reported_and_answered(tmp_path: Path) -> None:
    result = run(tmp_path, "classify", "id,name\n ,Kowhai\n 2 ,Rimu\n,Totara\n2,Miro\n")
    assert [row["id"] for row in rows(result)] == ["", "2", "", "2"]
    file = tmp_path / "0.csv"
    assert result.stderr.splitlines() == [
        f"{file}: line 2 has no id",
        f"{file}: line 4 has no id",
        f"{file}: line 5, column id: '2' is in line 3 too; both rows count as contacts",
    ]


def test_xeros_own_export_is_read_unchanged(tmp_path: Path) -> None:
    xero = (
        "*ContactName,AccountNumber,EmailAddress,FirstName,LastName,POAddressLine1,POAddressLine2,POCity,POPostalCode,"
        "SAAddressLine1,SACity,PhoneNumber,MobileNumber\n"
        "KJC,,,,,,,,,12 Rimu Road,Napier,,64 6 1234567\n"
        "Kowhai,K1,K@x.example,Jane,Doe,PO Box 1,Level 2,Napier,4110,1 Totara St,Hastings,,\n"
    )
    practice = "id,name,email,phone,address,city\np1,Kowhai Joinery Collective,,06 123 4567,12 Rimu Rd,Napier\np2,Kowhai,k@x.example,,,\n"
    result = run(tmp_path, "match", xero, practice)
    found = rows(result)
    assert [(row["xero_id"], row["practice_id"], row["outcome"]) for row in found] == [
        ("Kowhai", "p2", "FULL_MATCH"), ("KJC", "p1", "SIMILAR"),
    ]  # fmt: skip
    assert result.stderr.splitlines() == [f"{tmp_path / '0.csv'}: columns that are not read: AccountNumber"]
    assert "same phone; same address; same city" in found[1]["evidence"]


def test_blank_names_are_not_reported_as_equal(tmp_path: Path) -> None:
    text = "id,name,email\n1,,k@x.example\n2,,r@y.example\n"
    found = rows(run(tmp_path, "match", text, text, options=("--all",)))
    assert [(row["xero_id"], row["practice_id"], row["outcome"]) for row in found] == [
        ("1", "1", "CONFLICT"), ("2", "2", "CONFLICT"),
    ]  # fmt: skip
    assert {row["evidence"] for row in found} == {"same email"}


def test_official_numbers_are_read_in_columns_of_their_kinds_and_in_xeros(tmp_path: Path) -> None:
    xero = (
        "*ContactName,EmailAddress,CompanyNumber,TaxNumber\n"
        "Kowhai Ltd,k@x.example,,49-098-576\nRimu Roofing Ltd,,9429041848234,\nAnn Lee,a@x.example,,49-098-576\n"
    )
    practice = "id,name,email,GST number,nzbn\np1,Kowhai Ltd,k@x.example,49-091-850,\np2,Totara Tiles,,,9429 0418 4823 4\n"
    found = rows(run(tmp_path, "match", xero, practice))
    assert [(row["xero_id"], row["practice_id"], row["outcome"]) for row in found] == [
        ("Rimu Roofing Ltd", "p2", "SIMILAR"), ("Kowhai Ltd", "p1", "CONFLICT"),
    ]  # fmt: skip
    assert found[0]["evidence"].startswith("same NZBN 9429041848234")
    assert "GST number 49-098-576 is not GST number 49-091-850" in found[1]["evidence"]
