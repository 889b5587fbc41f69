import { useEffect, useState } from "react";
import { setFilters, usePlace } from "../routing";
import { useSettled } from "./settled";

/** The filter `search` of the screen, which is applied after a short pause. */
export function Search({ placeholder }: { placeholder: string }) {
  const { filters } = usePlace();
  const kept = filters.get("search") ?? "";
  const [text, setText] = useState(kept);
  const settled = useSettled(text);
  useEffect(() => {
    if (settled !== kept) setFilters({ search: settled });
  }, [settled]);
  return (
    <input
      type="search"
      className="search"
      placeholder={placeholder}
      aria-label="Search"
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}
