import { Tabs } from "@base-ui/react/tabs";
import { useConsole } from "../../graphql/context";
import { setFilters, usePlace } from "../../routing";
import { Inbox } from "./inbox";
import { Unsynced } from "./unsynced";

export function MatchIssues() {
  const { filters } = usePlace();
  const { start } = useConsole();
  const organisations = start.workspace.xeroOrganisations;
  const issues = organisations.reduce((sum, one) => sum + one.summary.openIssues, 0);
  const unsynced = organisations.reduce((sum, one) => sum + one.summary.unsynced, 0);
  return (
    <Tabs.Root
      className="match-issues"
      value={filters.get("tab") ?? "issues"}
      onValueChange={(tab) => setFilters({ tab: tab === "issues" ? null : String(tab) })}
    >
      <div className="heading">
        <h1>Match Issues</h1>
        <Tabs.List className="tabs">
          <Tabs.Tab className="tab" value="issues">
            Issues <span className="count">{issues}</span>
          </Tabs.Tab>
          <Tabs.Tab className="tab" value="unsynced">
            Unsynced <span className="count">{unsynced}</span>
          </Tabs.Tab>
        </Tabs.List>
      </div>
      <Tabs.Panel className="panel" value="issues">
        <Inbox />
      </Tabs.Panel>
      <Tabs.Panel className="panel" value="unsynced">
        <Unsynced />
      </Tabs.Panel>
    </Tabs.Root>
  );
}
