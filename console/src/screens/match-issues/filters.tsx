import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import type { MatchIssueFilter, MatchIssueReason } from "../../gql/graphql";
import { setFilters, usePlace } from "../../routing";
import { Search } from "../../ui/search";
import { REASONS } from "../../words";

/** The filter of the list, as the address has it. */
export function useFilter(): MatchIssueFilter {
  const { filters } = usePlace();
  const reasons = filters.getAll("reason").flatMap((text) => text.split(","));
  const sure = filters.get("sure");
  return {
    state: filters.get("state") === "decided" ? "RESOLVED" : "OPEN",
    reason: reasons.length > 0 ? reasons.filter((one): one is MatchIssueReason => one in REASONS) : null,
    sure: sure === null ? null : sure === "yes",
    search: filters.get("search"),
  };
}

export function Filters() {
  const filter = useFilter();
  const sure = filter.sure === null || filter.sure === undefined ? [] : [filter.sure ? "yes" : "no"];
  return (
    <div className="filters" role="group" aria-label="Filters">
      <Search placeholder="Search name, email or phone" />
      <ToggleGroup
        multiple
        className="toggles"
        aria-label="Reason"
        value={filter.reason ?? []}
        onValueChange={(reasons) => setFilters({ reason: reasons.join(",") })}
      >
        {Object.entries(REASONS).map(([reason, { label, sentence }]) => (
          <Toggle key={reason} value={reason} className="toggle" title={sentence}>
            {label}
          </Toggle>
        ))}
      </ToggleGroup>
      <ToggleGroup
        className="toggles"
        aria-label="Sure"
        value={sure}
        onValueChange={([chosen]) => setFilters({ sure: chosen ?? null })}
      >
        <Toggle value="yes" className="toggle" title="The best candidate may be confirmed without a look">
          Sure
        </Toggle>
        <Toggle value="no" className="toggle">
          Not sure
        </Toggle>
      </ToggleGroup>
      <Toggle
        className="toggle"
        pressed={filter.state === "RESOLVED"}
        onPressedChange={(pressed) => setFilters({ state: pressed ? "decided" : null })}
      >
        Decided
      </Toggle>
    </div>
  );
}
