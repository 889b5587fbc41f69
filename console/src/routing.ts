import { useSyncExternalStore } from "react";

/** The address within the console: the screen, and its filters, which so survive a reload and can be sent to a colleague. */
export interface Place {
  screen: string;
  filters: URLSearchParams;
}

const BASE = "/console";
const CHANGED = "console:navigated";
const REMEMBERED = "console:filters:";

function subscribe(changed: () => void): () => void {
  window.addEventListener("popstate", changed);
  window.addEventListener(CHANGED, changed);
  return () => {
    window.removeEventListener("popstate", changed);
    window.removeEventListener(CHANGED, changed);
  };
}

export function usePlace(): Place {
  const address = useSyncExternalStore(subscribe, () => window.location.pathname + window.location.search);
  const [path = "", search = ""] = address.split("?");
  return { screen: path.slice(BASE.length + 1), filters: new URLSearchParams(search) };
}

/** The address of a screen, with the filters that it had at the last visit. */
export function addressOf(screen: string): string {
  return `${BASE}/${screen}${localStorage.getItem(REMEMBERED + screen) ?? ""}`;
}

export function go(address: string): void {
  window.history.pushState(null, "", address);
  window.dispatchEvent(new Event(CHANGED));
}

/** Changes filters of the screen; `null` removes one. They are kept for the next visit. */
export function setFilters(changes: Record<string, string | null>): void {
  const { pathname, search } = window.location;
  const filters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") filters.delete(name);
    else filters.set(name, value);
  }
  const text = filters.size > 0 ? `?${filters}` : "";
  localStorage.setItem(REMEMBERED + pathname.slice(BASE.length + 1), text);
  window.history.replaceState(null, "", pathname + text);
  window.dispatchEvent(new Event(CHANGED));
}
