"""The short form of the benches, in about ten minutes: `make bench`, or `python -m bench [NAME …]`.

Runs each bench as a process of its own and writes the table at the head of docs/PERFORMANCE.md: figure, peer, ratio and command. A bench
that fails or takes too long has a line that says so. Long forms, and how each figure came about, are below the table.
"""

import argparse
import asyncio
import os
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[1] / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"


class Line(NamedTuple):
    what: str
    figure: str
    peer: str
    ratio: str


@dataclass(frozen=True)
class Figure:
    """A figure that a pattern finds in the bench's output: `ours`, and `theirs` where it names a peer. `larger`: more is
    better."""

    what: str
    pattern: str
    unit: str
    peer: str = ""
    larger: bool = False

    def line(self, output: str) -> Line:
        found = re.search(self.pattern, output, re.DOTALL)
        if found is None:
            return Line(self.what, "the bench did not say", self.peer, "")
        named = found.groupdict()
        theirs = named.get("theirs")
        ratio = ""
        if theirs is not None:
            ours, other = float(named["ours"].replace(",", "")), float(theirs.replace(",", ""))
            times = ours / other if self.larger else other / max(ours, 1e-9)
            ratio = f"{times:.2f}"
        return Line(
            self.what, f"{named['ours']} {self.unit}", f"{self.peer}: {theirs}" if theirs else "", ratio
        )


@dataclass(frozen=True)
class Short:
    name: str
    command: str
    seconds: int
    figures: tuple[Figure, ...]

    async def run(self) -> list[Line]:
        began = time.perf_counter()
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self.command.split(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(self.seconds):
                output, _ = await started.communicate()
        except TimeoutError:
            started.terminate()
            await started.wait()
            return [Line(self.name, f"not measured: it took more than {self.seconds} s", "", "")]
        print(f"{self.name}: {time.perf_counter() - began:.0f} s", flush=True)
        text = output.decode(errors="replace")
        if started.returncode:
            print(text[-2000:], file=sys.stderr)
            return [Line(self.name, f"not measured: it ended with {started.returncode}", "", "")]
        return [one.line(text) for one in self.figures]


def _reads(what: str, connections: int, *peers: str) -> tuple[Figure, ...]:
    def beside(peer: str) -> Figure:
        ours = rf"c={connections} +tandem +(?P<ours>\d+)/s.*?c={connections} +{peer} +(?P<theirs>\d+)/s"
        return Figure(f"page of 50 {what}, {connections} connections", ours, "requests/s", peer, larger=True)

    return tuple(map(beside, peers))


def _filter(name: str) -> Figure:
    return Figure(
        f"PostgreSQL's CPU: page of contacts, filter: {name}",
        rf"{re.escape(name)} +\d+ match; first page +(?P<ours>[\d.]+)", "ms",
    )  # fmt: skip


BENCHES = (
    Short(
        "reads", "bench.reads --contacts 3000 --rounds 1", 120,
        tuple(one for n in (1, 16) for one in _reads("contacts", n, "json_agg", "owner", "mercurius", "mercurius_owner")),
    ),
    Short(
        "issues", "bench.reads --contacts 3000 --rounds 1 --page issues", 90,
        tuple(one for n in (1, 16) for one in _reads("match issues", n, "json_agg")),
    ),
    Short(
        "invoices", "bench.reads --contacts 3000 --rounds 1 --page invoices", 90,
        tuple(one for n in (1, 16) for one in _reads("invoices", n, "json_agg")),
    ),
    Short(
        "filters", "bench.filters --contacts 20000 --workspaces 50", 120,
        (
            *map(_filter, ("no filter", "linked", "not linked", "state FAILING", "state SYNCED", "kind PERSON", "type", "to review", "search ten")),
        ),
    ),
    Short(
        "webhooks", "bench.webhooks --rate 300 --seconds 5 --peer", 60,
        (Figure("webhooks at 300/s, p99", r"(?s)p99 (?P<ours>[\d.]+).*p99 (?P<theirs>[\d.]+)", "ms", "one by one"),),
    ),
    Short(
        "sync", "bench.sync --burst 60 --rounds 1 --times 6", 120,
        (
            Figure(
                "commit to the first byte at Xero, p50",
                r"tandem worker: \d+ times, ms p50 (?P<ours>[\d.]+).*plain arq: \d+ times, ms p50 (?P<theirs>[\d.]+)", "ms", "plain arq",
            ),
            Figure("Xero to practice, p50", r"practice, webhook: \d+ times, ms p50 (?P<ours>[\d.]+)", "ms"),
            Figure("an idle worker", r"idle tandem worker: (?P<ours>[\d.]+) %", "% of a core"),
        ),
    ),
    Short(
        "imports", "bench.imports --contacts 2000", 180,
        (
            Figure("import of 2,000 into 2,000", r"in all: (?P<ours>[\d.]+) s", "s"),
            Figure("its CPU in the worker", r"in all: [\d.]+ s; CPU (?P<ours>[\d.]+) s", "s"),
            Figure("its CPU in PostgreSQL", r"in all: .*?worker, (?P<ours>[\d.]+) s PostgreSQL", "s"),
            Figure("the API meanwhile, p95", r"p95 (?P<ours>\d+) ms", "ms"),
        ),
    ),
    Short(
        "live", "bench.live --contacts 2000 --viewers 64 --seconds 60", 120,
        (
            Figure("an edit's answer to 64 viewers during an import, p99", r"answer to viewer: ms p50 \d+, p99 (?P<ours>\d+)", "ms"),
            Figure("the edit itself, p99", r"the mutation: ms p50 \d+, p99 (?P<ours>\d+)", "ms"),
        ),
    ),
    Short(
        "fleet", "bench.fleet --practices 20 --contacts 2000 --rate 3 --seconds 10", 150,
        (
            Figure("20 practices, lag of an edit, p99", r"lag ms p50 \d+, p99 (?P<ours>\d+)", "ms"),
            Figure("CPU in workers for each call of an edit", r"edits: .*?CPU ms (?P<ours>[\d.]+) in workers", "ms"),
        ),
    ),
    Short(
        "practices", "bench.practices --practices 1", 60,
        (Figure("of 1,000 Xero contacts, looked at by a person", r"looked at by a person (?P<ours>[\d.]+)", ""),),
    ),
)  # fmt: skip


def rows_of(short: Short, lines: list[Line], load: float) -> list[str]:
    command = f"`python -m {short.command}`"
    return [
        f"| {line.what} | {line.figure.strip()} | {line.peer} | {line.ratio} | {command} | {load:.0f} |"
        for line in lines
    ]


def kept_rows(written: str, short: Short) -> list[str]:
    """The rows of a bench that does not run this time."""
    return [row for row in written.splitlines() if f"`python -m {short.command}`" in row]


def table(rows: list[str]) -> str:
    day = datetime.now(UTC).date().isoformat()
    return "\n".join(
        [
            BEGIN,
            f"Written by `make bench` on {day}, {os.cpu_count()} cores. A ratio above 1 is better than the peer. Load: of the machine before the bench began.",
            "",
            "| What | Figure | Peer | Ratio | Command | Load |",
            "|---|---|---|---|---|---|",
            *rows,
            END,
        ]
    )


async def run(names: list[str]) -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    rows: list[str] = []
    for short in BENCHES:
        if names and short.name not in names:
            rows += kept_rows(written, short)
        else:
            load = os.getloadavg()[0]
            rows += rows_of(short, await short.run(), load)
    made = table(rows)
    print(made)
    PAGE.write_text(before + made + after)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", help="only these benches; the rows of the others stay as they are")
    asyncio.run(run(parser.parse_args().name))


if __name__ == "__main__":
    main()
