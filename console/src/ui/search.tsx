import { useEffect, useState } from "react";
import { setFilters, usePlace } from "../routing";

const TYPING = 300;

/** The filter `search` of the screen, which is applied after a short pause. */
export function Search({ placeholder }: { placeholder: string }) {
  const { filters } = usePlace();
  const kept = filters.get("search") ?? "";
  const [text, setText] = useState(kept);
  useEffect(() => {
    if (text === kept) return;
    const timer = setTimeout(() => setFilters({ search: text }), TYPING);
    return () => clearTimeout(timer);
  }, [text, kept]);
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
