import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { MatchIssuesDocument, type SyncedField } from "../../gql/graphql";
import { useReload, useScope } from "../../graphql/context";
import type { Update } from "../../graphql/live";
import { usePages } from "../../graphql/pages";
import { Button } from "../../ui/button";
import { useTell } from "../../ui/notices";
import { Empty, Failed, Loading } from "../../ui/states";
import { count, FIELDS } from "../../words";
import { ConfirmSure } from "./confirm-sure";
import { useDecisions, type Issue } from "./decisions";
import { Filters, useFilter } from "./filters";
import { Help } from "./help";
import { IssueDetail, keptOf } from "./issue-detail";
import { IssueList } from "./issue-list";
import { useKeys, type Act } from "./keys";

const NOTHING: ReadonlySet<SyncedField> = new Set();
const LOOK = 400; // milliseconds in which keys count for nothing after another issue has come to the page by itself

export function Inbox() {
  const filter = useFilter();
  const mayDecide = useScope("WRITE");
  const tell = useTell();
  const pages = usePages(
    MatchIssuesDocument,
    { filter, orderBy: { field: "CREATED_AT", direction: filter.state === "OPEN" ? "ASC" : "DESC" } },
    (data) => data.matchIssues,
  );
  const [selectedId, setSelectedId] = useState<string | null>(null);
  // An issue that somebody else decides stays while it is selected, so that a key never meets an issue that was not looked at.
  const { rows } = pages;
  const places = useMemo(() => {
    const isShown = (row: Issue | null) => !row || row.state === filter.state || row.id === selectedId;
    return [...rows.keys()].filter((place) => isShown(rows[place] ?? null));
  }, [rows, filter.state, selectedId]);
  const issues = useMemo(() => places.map((place) => rows[place] ?? null), [rows, places]);
  const gone = rows.filter((issue) => issue && issue.state !== filter.state).length;

  // Decided issues have no row: the place of a row in the list is not the place of its issue in the pages.
  const show = (first: number, last: number) => pages.show(places[first] ?? 0, places[last] ?? rows.length);

  const place = placeOf(issues, selectedId);
  const selected = issues[place] ?? undefined;
  const [chosen, setChosen] = useState(0);
  const [kept, setKept] = useState(NOTHING);
  const [helping, setHelping] = useState(false);
  const [keysOn, setKeysOn] = useState(true);

  const select = useCallback((issueId: string | undefined) => {
    setSelectedId(issueId ?? null);
    setChosen(0);
    setKept(NOTHING);
  }, []);

  useEffect(() => {
    if (selected && selectedId === null) setSelectedId(selected.id);
  }, [selected, selectedId]);

  // After a decision the list has one row less: the next issue comes to the place of the decided one.
  const next = issues[place + 1] ?? issues[place - 1];
  const [keysRest, setKeysRest] = useState(false);
  const rest = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(rest.current), []);
  const decisions = useDecisions({
    onDecided: () => select(next?.id),
    onReturned: (issueId) => {
      select(issueId);
      setKeysRest(true);
      clearTimeout(rest.current);
      rest.current = setTimeout(() => setKeysRest(false), LOOK);
    },
  });

  const turn = (field: SyncedField) =>
    setKept(
      (before) =>
        new Set(before.has(field) ? [...before].filter((one) => one !== field) : [...before, field]),
    );

  useKeys((act: Act, key: string) => {
    if (act === "help") return setHelping(true);
    if (act === "search") return document.querySelector<HTMLInputElement>(".search")?.focus();
    if (act === "next") return select((issues[place + 1] ?? selected)?.id);
    if (act === "previous") return select((issues[place - 1] ?? selected)?.id);
    if (act === "candidate") return setChosen(Math.min(Number(key), selected?.candidates.length ?? 1) - 1);
    if (!mayDecide || keysRest) return;
    if (act === "undo") return decisions.undo();
    if (!selected) return;
    if (selected.state !== "OPEN") return select(next?.id);
    if (act in FIELDS) return turn(act as SyncedField);
    const candidate = selected.candidates[chosen] ?? selected.candidates[0];
    if (act === "confirm" && candidate?.blockedBy) return tell("This contact is linked already.", "refused");
    if (act === "confirm" && candidate) decisions.confirm(selected, candidate, keptOf(candidate, kept));
    if (act === "separate") decisions.createSeparate(selected);
    if (act === "ignore") decisions.ignore(selected);
  }, keysOn && !helping);

  useReload((update) => isNew(update, rows), pages.reload);

  return (
    <section className="inbox">
      <div className="toolbar">
        <Filters />
        <div className="actions">
          <span className="muted" role="status">
            {!pages.loading && `${count(pages.totalCount - gone, "issue")}${pages.isExact ? "" : " or more"}`}
          </span>
          {mayDecide && <ConfirmSure onDone={pages.reload} />}
          <Button hint="?" onClick={() => setHelping(true)}>
            Keys
          </Button>
        </div>
      </div>
      {pages.error && !selected ? (
        <Failed error={pages.error} retry={pages.reload} />
      ) : issues.length === 0 ? (
        pages.loading ? (
          <Loading what="match issues" />
        ) : (
          <Nothing decided={filter.state !== "OPEN"} />
        )
      ) : (
        <div className="split">
          <IssueList
            issues={issues}
            selected={selected}
            onSelect={select}
            refused={decisions.refused}
            onShow={show}
          />
          {selected ? (
            <IssueDetail
              key={selected.id}
              issue={selected}
              chosen={chosen}
              onChoose={setChosen}
              kept={kept}
              onTurn={turn}
              onSelect={select}
              decisions={decisions}
              mayDecide={mayDecide}
              keysRest={keysRest}
            />
          ) : (
            <Loading what="match issues" />
          )}
        </div>
      )}
      <Help open={helping} onClose={() => setHelping(false)} on={keysOn} onSwitch={setKeysOn} />
    </section>
  );
}

function Nothing({ decided }: { decided: boolean }) {
  if (decided) return <Empty title="No decided issue fits these filters" />;
  return (
    <Empty title="Nothing waits for a decision">
      No open match issue fits these filters. New issues appear here by themselves.
    </Empty>
  );
}

/** The place of the selected issue, or else of the first issue that was read. */
function placeOf(issues: (Issue | null)[], selectedId: string | null): number {
  const found = issues.findIndex((issue) => issue?.id === selectedId);
  return found >= 0 ? found : issues.findIndex((issue) => issue !== null);
}

/** Whether the list must be read again, because an issue was opened that the list does not have. */
function isNew(update: Update, known: (Issue | null)[]): boolean {
  if (update.__typename === "Resync") return true;
  if (update.__typename !== "MatchIssueUpdate" || update.issue.state !== "OPEN") return false;
  return !known.some((issue) => issue?.id === update.issue.id);
}
