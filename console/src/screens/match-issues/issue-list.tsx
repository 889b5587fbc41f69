import { VirtualList } from "../../ui/virtual-list";
import { REASONS } from "../../words";
import type { Issue } from "./decisions";

interface Props {
  issues: (Issue | null)[];
  selected: Issue | undefined;
  onSelect: (issueId: string) => void;
  refused: ReadonlyMap<string, string>;
  onShow: (first: number, last: number) => void;
}

export function IssueList({ issues, refused, ...rest }: Props) {
  return (
    <VirtualList items={issues} label="Match issues" {...rest}>
      {(issue) => (
        <>
          <span className="row-name">{issue.xeroContact.name}</span>
          <span className="row-email muted">{issue.xeroContact.email ?? "no email"}</span>
          <span className="row-tags">
            {refused.has(issue.id) && <span className="badge refused">Refused</span>}
            {issue.candidates[0]?.sure && issue.state === "OPEN" && <span className="badge sure">Sure</span>}
            {issue.candidates.length > 1 && <span className="badge">{issue.candidates.length}</span>}
            <span className="muted">{REASONS[issue.reason].label}</span>
          </span>
        </>
      )}
    </VirtualList>
  );
}
