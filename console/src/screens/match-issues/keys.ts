import { useEffect, useEffectEvent } from "react";

/** Each act of the screen, with its keys. One key decides an issue; a digit before it chooses another candidate. */
export const KEYS = {
  confirm: { keys: ["Enter", "c"], shown: "Enter", does: "Confirm the chosen candidate" },
  separate: { keys: ["s"], shown: "S", does: "Create a separate contact" },
  ignore: { keys: ["i"], shown: "I", does: "Ignore: neither link nor import" },
  undo: { keys: ["u"], shown: "U", does: "Reopen the last issue that was ignored or created separate" },
  next: { keys: ["j", "ArrowDown"], shown: "J or ↓", does: "Next issue" },
  previous: { keys: ["k", "ArrowUp"], shown: "K or ↑", does: "Previous issue" },
  candidate: {
    keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shown: "1 … 9",
    does: "Choose a candidate",
  },
  NAME: { keys: ["n"], shown: "N", does: "Turn the arrow of the name" },
  BILLING_EMAIL: { keys: ["e"], shown: "E", does: "Turn the arrow of the billing email" },
  PRIMARY_PHONE: { keys: ["p"], shown: "P", does: "Turn the arrow of the primary phone" },
  BILLING_ADDRESS: { keys: ["a"], shown: "A", does: "Turn the arrow of the billing address" },
  search: { keys: ["/"], shown: "/", does: "Search" },
  help: { keys: ["?"], shown: "?", does: "Show these keys" },
} as const satisfies Record<string, { keys: readonly string[]; shown: string; does: string }>;

export type Act = keyof typeof KEYS;

const BY_KEY = new Map<string, Act>(
  Object.entries(KEYS).flatMap(([act, { keys }]) => keys.map((key) => [key, act as Act] as const)),
);

/**
 * Calls `act` for a key of the screen. Keys that somebody types into a field, and keys of an open dialog, are left alone;
 * Enter is left to the button that has the focus, and the arrow keys to the tab.
 */
export function useKeys(act: (act: Act, key: string) => void, on: boolean): void {
  const acted = useEffectEvent(act);
  useEffect(() => {
    if (!on) return;
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (target.closest("input, textarea, select, [role=dialog]")) return;
      const tab = target.closest("[role=tab]");
      if (event.key.startsWith("Arrow") && tab) return;
      if (event.key === "Enter" && target.closest("button, a") && !tab && !target.closest("[data-keys]"))
        return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const wanted = BY_KEY.get(key);
      if (!wanted) return;
      event.preventDefault();
      acted(wanted, key);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [on]);
}
