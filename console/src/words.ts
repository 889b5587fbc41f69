import type {
  ConnectionHealth,
  MatchIssueReason,
  MatchResolution,
  SyncedField,
  SyncState,
} from "./gql/graphql";

/** The words of docs/GLOSSARY.md for the schema's values. */

export const FIELDS: Record<SyncedField, string> = {
  NAME: "Name",
  BILLING_EMAIL: "Billing email",
  PRIMARY_PHONE: "Primary phone",
  BILLING_ADDRESS: "Billing address",
};

/** The name of a field of the activity, which may be another than a synced field. */
export function fieldName(field: string): string {
  return (
    FIELDS[field as SyncedField] ??
    field.replace(/([a-z])([A-Z])/g, (_, end, next) => `${end} ${next.toLowerCase()}`).replaceAll("_", " ")
  );
}

export const REASONS: Record<MatchIssueReason, { label: string; sentence: string }> = {
  NAME_ONLY: { label: "Same name", sentence: "The names are equal, the emails are not." },
  EMAIL_ONLY: { label: "Same email", sentence: "The emails are equal, the names are not." },
  AMBIGUOUS: {
    label: "Ambiguous",
    sentence: "Several contacts fit, or the one that fits is linked already.",
  },
  SIMILAR: { label: "Similar", sentence: "Neither name nor email is equal, but the two are very alike." },
  IDENTIFIER_DIFFERS: {
    label: "Other number",
    sentence: "Name and email are equal, but two official numbers differ.",
  },
};

export const RESOLUTIONS: Record<MatchResolution, string> = {
  CONFIRMED: "Confirmed",
  CREATED_SEPARATE: "Created separate",
  IGNORED: "Ignored",
  OBSOLETE: "Obsolete",
};

export const STATES: Record<SyncState, string> = {
  SYNCED: "Synced",
  PENDING: "Pending",
  FAILING: "Failing",
  CONFLICT: "Conflict",
  UNSYNCED: "Unsynced",
  BROKEN: "Broken",
};

export const HEALTH: Record<ConnectionHealth, string> = {
  HEALTHY: "Healthy",
  CATCHING_UP: "Catching up",
  RATE_LIMITED: "Waiting for Xero’s limit",
  PAUSED: "Paused",
  DEGRADED: "Degraded",
  NEEDS_RECONNECT: "Needs reconnect",
  DISCONNECTED: "Disconnected",
};

export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

const TIME = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export function time(text: string): string {
  return TIME.format(new Date(text));
}

const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });

/** The day of a date without a time, such as "2026-12-14". */
export function date(text: string): string {
  return DATE.format(new Date(text));
}

/** The amount with separators of thousands. Amounts are strings, so that no digit is lost. */
export function amount(text: string): string {
  const [whole = "0", cents] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return cents === undefined ? grouped : `${grouped}.${cents}`;
}

export function money(text: string, currency: string): string {
  return `${amount(text)} ${currency}`;
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** An amount of data in words, such as "12.3 MB". */
export function bytes(amount: number | null): string {
  if (amount === null) return "unknown";
  const size = amount < 1 ? 0 : Math.min(Math.floor(Math.log10(amount) / 3), UNITS.length - 1);
  const value = amount / 1000 ** size;
  return `${value.toLocaleString("en", { maximumFractionDigits: size === 0 ? 0 : 1 })} ${UNITS[size]}`;
}
