"""`tandem classify` and `tandem match`: what Tandem makes of exported lists, before anything is connected.

CSV in UTF-8 comes in by file and goes out on standard output; progress goes to standard error. Nothing is sent.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from domain.classify import classify as classify_name
from domain.match.contacts import Details
from domain.match.lists import Lists

app = typer.Typer()

AsTable = Annotated[bool, typer.Option("--table", help="a table to read, in place of CSV")]
CLASSIFIED = ("id", "kind", "confidence", "reasons")
MATCHED = ("xero_id", "practice_id", "score", "outcome", "evidence")
FIELDS = ("email", "phone", "address", "city", "region", "postcode")


@app.command()
def classify(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV: id, name; first_name, last_name, email")
    ],
    table: AsTable = False,
) -> None:
    """Say of each contact of FILE whether it is a person or an organisation, how surely, and why."""
    rows = read(file)
    answers = []
    for row in progress(rows, "Classifying"):
        found = classify_name(row["name"], row.get("first_name"), row.get("last_name"), row.get("email"))
        answers.append((row["id"], found.kind, f"{found.confidence:.4f}", "; ".join(found.reasons)))
    write(CLASSIFIED, answers, table)


@app.command()
def match(
    xero: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV of Xero's contacts: id, name, …")
    ],
    practice: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV of the practice's: the same columns")
    ],
    everyone: Annotated[
        bool, typer.Option("--all", help="also list candidates that are not alike enough")
    ] = False,
    country: Annotated[str, typer.Option(help="that phone numbers are dialled from; two letters")] = "NZ",
    table: AsTable = False,
) -> None:
    """List who of PRACTICE may be whom of XERO, best first: full matches, conflicts and those much alike.

    Columns: id and name; email, phone, address, city, region and postcode where there are any.
    """
    ours, theirs = read(xero), read(practice)
    lists = Lists([details(row) for row in ours], [details(row) for row in theirs], country.upper())
    found = [
        candidate
        for _, candidates in zip(progress(ours, "Matching"), lists.candidates(everyone), strict=True)
        for candidate in candidates
    ]
    found.sort(key=lambda candidate: (-candidate.score, candidate.xero, candidate.practice))
    answers = [
        (
            ours[c.xero]["id"],
            theirs[c.practice]["id"],
            f"{c.score:.4f}",
            c.outcome.value,
            "; ".join(c.evidence),
        )
        for c in found
    ]
    write(MATCHED, answers, table)


def read(file: Path) -> list[dict[str, str]]:
    """Rows with all cells as text; refuses a file without `id` and `name`, or not in UTF-8."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, restval="", restkey="")
            missing = {"id", "name"} - set(reader.fieldnames or ())
            if missing:
                raise typer.BadParameter(f"{file}: has no column {' and no column '.join(sorted(missing))}")
            return [{key: cell for key, cell in row.items() if isinstance(cell, str)} for row in reader]
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file}: is not UTF-8 ({error})") from None
    except csv.Error as error:
        raise typer.BadParameter(f"{file}: is not CSV ({error})") from None


def details(row: dict[str, str]) -> Details:
    """Where the name is blank, first and last name stand for it."""
    name = row["name"].strip() or f"{row.get('first_name', '')} {row.get('last_name', '')}".strip()
    return Details(name, *(row.get(field) for field in FIELDS))


def progress(rows: Sequence[dict[str, str]], title: str) -> Iterable[dict[str, str]]:
    console = Console(stderr=True)
    return track(rows, title, console=console, disable=not console.is_terminal, transient=True)


def write(columns: Sequence[str], answers: Iterable[Sequence[str]], table: bool) -> None:
    if not table:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(answers)
        return
    shown = Table(*columns)
    for answer in answers:
        shown.add_row(*answer)
    Console(soft_wrap=not sys.stdout.isatty()).print(shown)
