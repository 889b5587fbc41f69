import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { REASONS } from "../../words";
import type { Issue } from "./decisions";

interface Props {
  issues: Issue[];
  selected: Issue | undefined;
  onSelect: (issueId: string) => void;
  refused: ReadonlyMap<string, string>;
  onEnd: () => void;
}

const ROW = 60;
const AHEAD = 10;

/** The issues as a list box: only the rows in sight are in the document, however long the list is. */
export function IssueList({ issues, selected, onSelect, refused, onEnd }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: issues.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: AHEAD,
    getItemKey: (place) => issues[place]?.id ?? place,
  });
  const items = rows.getVirtualItems();
  const seen = items.at(-1)?.index ?? 0;
  const place = selected ? issues.indexOf(selected) : -1;

  useEffect(() => {
    if (seen >= issues.length - AHEAD) onEnd();
  }, [seen, issues.length, onEnd]);

  useEffect(() => {
    if (place >= 0) rows.scrollToIndex(place);
  }, [place, rows]);

  return (
    <div
      ref={box}
      className="list"
      role="listbox"
      aria-label="Match issues"
      aria-activedescendant={selected && `issue-${selected.id}`}
      tabIndex={0}
      data-keys
    >
      <div role="presentation" className="list-space" style={{ height: rows.getTotalSize() }}>
        {items.map((item) => {
          const issue = issues[item.index];
          if (!issue) return null;
          return (
            <div
              key={item.key}
              id={`issue-${issue.id}`}
              role="option"
              aria-selected={issue === selected}
              aria-setsize={issues.length}
              aria-posinset={item.index + 1}
              className="row"
              style={{ transform: `translateY(${item.start}px)`, height: ROW }}
              onClick={() => onSelect(issue.id)}
            >
              <span className="row-name">{issue.xeroContact.name}</span>
              <span className="row-email muted">{issue.xeroContact.email ?? "no email"}</span>
              <span className="row-tags">
                {refused.has(issue.id) && <span className="badge refused">Refused</span>}
                {issue.candidates[0]?.sure && issue.state === "OPEN" && (
                  <span className="badge sure">Sure</span>
                )}
                {issue.candidates.length > 1 && <span className="badge">{issue.candidates.length}</span>}
                <span className="muted">{REASONS[issue.reason].label}</span>
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
