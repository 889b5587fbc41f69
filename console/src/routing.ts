import { useSyncExternalStore } from "react";

/** The address within the console: the screen, and its filters, which so survive a reload and can be sent to a colleague. */
export interface Place {
  screen: string;
  filters: URLSearchParams;
}

const BASE = "/console";
const CHANGED = "console:navigated";
const REMEMBERED = "console:filters:";
/** Names the object that a link opens in a list. It is no filter: the next change of a filter ends it. */
export const OPENED = "id";

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

/** The address of a screen with these filters alone; a filter of null is left out. */
export function placeOf(screen: string, filters: Record<string, string | null> = {}): string {
  const given = Object.entries(filters).filter((pair): pair is [string, string] => pair[1] !== null);
  return `${BASE}/${screen}${given.length > 0 ? `?${new URLSearchParams(given)}` : ""}`;
}

export function go(address: string): void {
  window.history.pushState(null, "", address);
  window.dispatchEvent(new Event(CHANGED));
}

/** Changes filters of the screen; `null` removes one. They are kept for the next visit. */
export function setFilters(changes: Record<string, string | null>): void {
  const { pathname, search } = window.location;
  const filters = new URLSearchParams(search);
  filters.delete(OPENED);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") filters.delete(name);
    else filters.set(name, value);
  }
  const text = filters.size > 0 ? `?${filters}` : "";
  localStorage.setItem(REMEMBERED + pathname.slice(BASE.length + 1), text);
  window.history.replaceState(null, "", pathname + text);
  window.dispatchEvent(new Event(CHANGED));
}
