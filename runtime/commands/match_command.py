"""`tandem classify` and `tandem match`: classify and match exported lists, before Xero is connected.

They read CSV files in UTF-8 and print CSV on standard output; progress goes to standard error. Nothing leaves the machine.
"""

import codecs
import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import phonenumbers
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from domain.fields import identifiers
from domain.fields.identifiers import Identifier
from domain.fields.values import XeroNumbers
from domain.names.classification import classify as classify_name
from domain.names.similarity.contacts import Details
from domain.names.similarity.lists import Candidate, Lists, Outcome
from domain.tables import IdentifierKind

app = typer.Typer()

AsTable = Annotated[bool, typer.Option("--table", help="print a table for people instead of CSV")]
CLASSIFIED = ("id", "kind", "confidence", "reasons")
CLASSIFIED_TABLE = ("name", "kind", "confidence", "reasons")
MATCHED = ("xero_id", "practice_id", "score", "outcome", "evidence")
MATCHED_TABLE = ("in Xero", "in the practice", "score", "outcome", "evidence")
FIELDS = ("email", "phone", "address", "city", "region", "postcode")
# Columns of official numbers: of one kind each, and Xero's two, of which the country and the shape decide the kind.
NUMBERS = {
    name: IdentifierKind(name.upper())
    for name in ("abn", "acn", "nzbn", "nz_company", "uk_company", "vat", "gst", "ein")
}
XEROS_NUMBERS = ("company_number", "tax_number")
COLUMNS = ("id", "name", "first_name", "last_name", *FIELDS, *NUMBERS, *XEROS_NUMBERS)
SYNONYMS = {
    "fullname": "name", "emailaddress": "email", "telephone": "phone", "phonenumber": "phone",
    "gstnumber": "gst", "irdnumber": "gst", "vatnumber": "vat", "postalcode": "postcode", "zip": "postcode", "zipcode": "postcode",
}  # fmt: skip
# The columns of Xero's own export of contacts. It has no ids, so the name serves as the id: names are unique in Xero.
# The postal address counts; the street address if there is none.
XEROS = {
    "name": ["contactname"], "email": ["emailaddress"], "first_name": ["firstname"], "last_name": ["lastname"],
    "phone": ["phonenumber", "mobilenumber", "ddinumber"], "company_number": ["companynumber"], "tax_number": ["taxnumber"],
}  # fmt: skip
XEROS_ADDRESS = {
    "address": ["addressline1", "addressline2", "addressline3", "addressline4"], "city": ["city"], "region": ["region"],
    "postcode": ["postalcode"],
}  # fmt: skip
XEROS_COLUMNS = {
    *(name for names in XEROS.values() for name in names),
    *(kind + name for kind in ("po", "sa") for names in XEROS_ADDRESS.values() for name in names),
}
MOST_REPORTED = 10


@app.command()
def classify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV with the column name, or first_name and last_name; optional: id, email",
        ),
    ],
    table: AsTable = False,
) -> None:
    """Say for each contact of FILE whether it is a person or an organisation, with confidence and reasons."""
    rows = read(file)
    answers = []
    kinds: Counter[str] = Counter()
    unsure = 0
    for row in progress(rows, "Classifying"):
        found = classify_name(whole_name(row), row.get("first_name"), row.get("last_name"), row.get("email"))
        named = whole_name(row) if table else row["id"]
        answers.append((named, found.kind, f"{found.confidence:.4f}", "; ".join(found.reasons)))
        kinds[found.kind] += 1
        unsure += found.needs_review
    write(CLASSIFIED_TABLE if table else CLASSIFIED, answers, table)
    if table:
        typer.echo(
            f"{len(rows)} contacts: {kinds['PERSON']} people, {kinds['ORGANISATION']} organisations; {unsure} for review"
        )


@app.command()
def match(
    xero: Annotated[
        Path,
        typer.Argument(
            metavar="XERO",
            exists=True,
            dir_okay=False,
            help="CSV of the contacts in Xero; Xero's own export works",
        ),
    ],
    practice: Annotated[
        Path,
        typer.Argument(
            metavar="PRACTICE",
            exists=True,
            dir_okay=False,
            help="CSV of the practice's contacts, with the same columns",
        ),
    ],
    everyone: Annotated[bool, typer.Option("--all", help="list the pairs below the threshold too")] = False,
    country: Annotated[
        str, typer.Option(help="country of phone numbers without a prefix and of tax numbers, two letters")
    ] = "NZ",
    table: AsTable = False,
) -> None:
    """List the pairs of XERO and PRACTICE that may be the same contact, best first.

    The files need the column name, or first_name and last_name. Optional columns: id, email, phone, address, city, region,
    postcode, and official numbers (abn, acn, nzbn, gst, vat, nz_company, uk_company, ein, company_number, tax_number).
    The outcome of a pair is FULL_MATCH, CONFLICT or SIMILAR, and CANDIDATE for the further pairs of --all.
    """
    if country.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise typer.BadParameter(f"{country} is not a country code of two letters, such as NZ, AU or GB")
    ours, theirs = read(xero), read(practice)
    region = country.upper()
    lists = Lists([details(row, region) for row in ours], [details(row, region) for row in theirs], region)
    found = [
        candidate
        for _, candidates in zip(progress(ours, "Matching"), lists.candidates(everyone), strict=True)
        for candidate in candidates
    ]
    found.sort(key=lambda candidate: (-candidate.score, candidate.xero, candidate.practice))
    shown = whole_name if table else itemgetter("id")
    answers = [
        (
            shown(ours[c.xero]),
            shown(theirs[c.practice]),
            f"{c.score:.4f}",
            c.outcome.value,
            "; ".join(c.evidence),
        )
        for c in found
    ]
    write(MATCHED_TABLE if table else MATCHED, answers, table)
    if table:
        typer.echo(_summary(found, len(ours), len(theirs)))


def _summary(found: Sequence[Candidate], ours: int, theirs: int) -> str:
    """How many contacts of each list have which outcome, by the best of their pairs, and how many have none."""
    best: dict[int, Outcome] = {}
    for one in found:
        if one.outcome is not Outcome.CANDIDATE:
            best[one.xero] = min(best.get(one.xero, one.outcome), one.outcome, key=_ORDER.index)
    counts = Counter(best.values())
    met = {one.practice for one in found if one.outcome is not Outcome.CANDIDATE}
    told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in _ORDER)
    return (
        f"{ours} contacts in Xero: {told}, {ours - len(best)} not matched;"
        f" {theirs} in the practice, {theirs - len(met)} not matched"
    )


_ORDER = (Outcome.FULL_MATCH, Outcome.CONFLICT, Outcome.SIMILAR)


def read(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, each cell as text under its column's name. Separators: comma, semicolon or tab.

    Refuses a file that is no text or no valid CSV, that has no name, or that has a column twice. Without `id`, the number
    of the line is the id. Prints the columns that are not read and the rows with faults on standard error."""
    try:
        text = _decoded(file.read_bytes())
        first, _, rest = text.lstrip("\r\n").partition("\n")
        between = max(",;\t", key=first.count)
        if separator := re.fullmatch(
            r"sep=(.)\r?", first, re.IGNORECASE
        ):  # Excel's first line names the separator
            text, between = f"\n{rest}", separator[1]  # the lines keep their numbers
        lines = _lines(text, between)
        header = [name.strip("* ") for name in next((cells for _, cells in lines if cells), [])]
        while header and not header[-1]:
            header.pop()  # a cell without a column name is surplus
        columns, known, read_row = _columns(header), {*COLUMNS}, _as_it_is
        xeros = [name.casefold() for name in header]
        if "contactname" in xeros and not {"id", "name"} & set(columns):
            columns, known, read_row = xeros, XEROS_COLUMNS, _of_xero
        elif "name" not in columns and not {"first_name", "last_name"} <= set(columns):
            has = f"; its columns are {', '.join(filter(None, header))}" if header else "; the file is empty"
            raise typer.BadParameter(f"{file}: has no column name, nor first_name and last_name{has}")
        elif "id" not in columns:
            typer.echo(f"{file}: has no column id; each contact goes by the number of its line", err=True)
        if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
            raise typer.BadParameter(f"{file}: has the column {' and the column '.join(twice)} twice")
        if unread := [name for name, column in zip(header, columns, strict=True) if column not in known]:
            told = ", ".join(name or "a column without a name" for name in unread)
            typer.echo(f"{file}: columns that are not read: {told}", err=True)
        return _checked(file, columns, lines, read_row)
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file}: is not in UTF-8: save it as 'CSV UTF-8' ({error})") from None
    except csv.Error as error:
        raise typer.BadParameter(f"{file}: is not valid CSV ({error})") from None


def _columns(header: Sequence[str]) -> list[str]:
    """The columns under Tandem's names; case, spaces and hyphens do not count. A synonym is used only if the column itself is
    missing and no other synonym of it is there."""
    plain = [re.sub(r"[\s_-]", "", name.casefold()) for name in header]
    own = {name.replace("_", ""): name for name in COLUMNS}
    meant = [own.get(name) or SYNONYMS.get(name, name) for name in plain]
    return [
        name if name in SYNONYMS and meant.count(ours) > 1 else ours
        for name, ours in zip(plain, meant, strict=True)
    ]


def _lines(text: str, between: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with the number of its first line. A row may take several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num}: {error}") from None


def _checked(
    file: Path,
    columns: list[str],
    lines: Iterator[tuple[int, list[str]]],
    read_row: Callable[[dict[str, str]], dict[str, str]],
) -> list[dict[str, str]]:
    rows, odd, seen = [], [], dict[str, int]()
    for line, cells in lines:
        if not cells:
            continue
        row = {"id": str(line), "name": ""} | dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
        row = read_row(row)
        row["id"] = row["id"].strip()
        rows.append(row)
        if surplus := [cell for cell in cells[len(columns) :] if cell.strip()]:
            odd.append(
                f"line {line} has more cells than the {len(columns)} columns; ignored: {', '.join(surplus)}"
            )
        if not row["id"]:
            odd.append(f"line {line} has no id")
        elif row["id"] in seen:
            odd.append(
                f"line {line}, column id: {row['id']!r} is in line {seen[row['id']]} too; both rows count as contacts"
            )
        seen.setdefault(row["id"], line)
    for told in odd[:MOST_REPORTED]:
        typer.echo(f"{file}: {told}", err=True)
    if len(odd) > MOST_REPORTED:
        typer.echo(f"{file}: and {len(odd) - MOST_REPORTED} more lines with faults", err=True)
    return rows


def _as_it_is(row: dict[str, str]) -> dict[str, str]:
    return row


def _of_xero(row: dict[str, str]) -> dict[str, str]:
    known = {
        ours: next((row[name] for name in theirs if row.get(name, "").strip()), "")
        for ours, theirs in XEROS.items()
    }
    for kind in ("po", "sa"):
        parts = {
            ours: " ".join(filter(None, (row.get(kind + name, "").strip() for name in theirs)))
            for ours, theirs in XEROS_ADDRESS.items()
        }
        if any(parts.values()):
            known |= parts
            break
    return known | {"id": known["name"]}


def _decoded(found: bytes) -> str:
    wide = found.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return found.decode("utf-16" if wide else "utf-8-sig")


def whole_name(row: dict[str, str]) -> str:
    """The name; first and last name if it is blank."""
    return row["name"].strip() or f"{row.get('first_name', '')} {row.get('last_name', '')}".strip()


def details(row: dict[str, str], country: str) -> Details:
    numbers = identifiers.keys_of(_identifiers(row, country))
    return Details(whole_name(row), *(row.get(field) for field in FIELDS), identifiers=tuple(numbers))


def _identifiers(row: dict[str, str], country: str) -> list[Identifier]:
    """The official numbers of the row, without personal tax numbers."""

    def is_body() -> bool:
        found = classify_name(whole_name(row), row.get("first_name"), row.get("last_name"), row.get("email"))
        return found.kind == "ORGANISATION" and not found.needs_review

    own = [
        Identifier(kind, value)
        for name, kind in NUMBERS.items()
        if (value := row.get(name, "").strip()) and not identifiers.is_personal(kind, value)
        if kind is not IdentifierKind.GST or is_body()
    ]
    numbers = XeroNumbers(*(row.get(name) for name in XEROS_NUMBERS))
    return [*own, *identifiers.of_xero(numbers, country, is_body)]


def progress(rows: Sequence[dict[str, str]], title: str) -> Iterable[dict[str, str]]:
    console = Console(stderr=True)
    return track(rows, title, console=console, disable=not console.is_terminal, transient=True)


def write(columns: Sequence[str], answers: Iterable[Sequence[str]], table: bool) -> None:
    if not table:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_inert(cell) for cell in answer] for answer in answers)
        return
    shown = Table(*columns)
    for answer in answers:
        # As Text, because rich reads words in brackets as its own markup.
        shown.add_row(*map(Text, answer))
    Console(soft_wrap=not sys.stdout.isatty()).print(shown)


def _inert(cell: str) -> str:
    """An apostrophe before a cell that a spreadsheet would run as a formula. Numbers stay as they are."""
    runs = cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if runs and not re.fullmatch(r"[-+]?[\d.,]+", cell) else cell
