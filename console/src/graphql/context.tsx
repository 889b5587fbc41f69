import { createContext, useContext, useEffect, useEffectEvent, useRef, useSyncExternalStore } from "react";
import type { Scope, StartQuery } from "../gql/graphql";
import type { Sent } from "./client";
import type { Live, LiveState, Update } from "./live";

const QUIET = 700;

/** What the screens share while somebody is signed in. */
export interface Console {
  live: Live;
  start: StartQuery;
  lastSent: () => Sent | null;
}

export const ConsoleContext = createContext<Console | null>(null);

export function useConsole(): Console {
  const found = useContext(ConsoleContext);
  if (!found) throw new Error("This screen is shown to people who have signed in only.");
  return found;
}

export function useScope(scope: Scope): boolean {
  return useConsole().start.viewer.scopes.includes(scope);
}

export function useLiveState(): LiveState {
  const { live } = useConsole();
  return useSyncExternalStore(live.watch, () => live.state);
}

/** Calls `listener` with each update of the stream. */
export function useUpdates(listener: (update: Update) => void): void {
  const { live } = useConsole();
  const heard = useEffectEvent(listener);
  useEffect(() => live.listen((update) => heard(update)), [live]);
}

/** Calls `reload` after updates that `matters` picks, once no more of them come for a moment. */
export function useReload(matters: (update: Update) => boolean, reload: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const loaded = useEffectEvent(reload);
  useUpdates((update) => {
    if (!matters(update)) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => loaded(), QUIET);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}
