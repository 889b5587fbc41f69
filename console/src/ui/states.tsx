import type { CombinedError } from "@urql/core";
import type { ReactNode } from "react";
import { Button } from "./button";

export function Loading({ what }: { what: string }) {
  return (
    <div className="state" role="status">
      <span className="spinner" aria-hidden="true" />
      Loading {what} …
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children && <p className="muted">{children}</p>}
    </div>
  );
}

export function Failed({ error, retry }: { error: CombinedError; retry: () => void }) {
  return (
    <div className="state" role="alert">
      <strong>This could not be loaded</strong>
      <p className="muted">{explain(error)}</p>
      <Button onClick={retry}>Try again</Button>
    </div>
  );
}

/** The error in words for a person. */
export function explain(error: CombinedError): string {
  if (error.networkError) return "Tandem does not answer. Nothing was changed. Try again in a moment.";
  return error.graphQLErrors.map((one) => one.message).join(" ");
}
