import { useState } from "react";

interface Begun<Value> {
  /** The object as it was when the form or dialog opened. Its `version` is what the mutation has to send. */
  begun: Value;
  /** Whether somebody else has changed the object since. */
  isStale: boolean;
}

/**
 * Keeps the object with which a form began, while the stream of changes goes on in the cache. A mutation with the version of `begun` is
 * refused after a change by somebody else; with the newest version it would overwrite this change.
 */
export function useBegun<Value extends { version: number } | undefined>(present: Value): Begun<Value> {
  const [begun] = useState(present);
  return { begun, isStale: present?.version !== begun?.version };
}

/** Says that a form has become stale. `what`: the object, such as "contact". */
export function Stale({ what }: { what: string }) {
  return (
    <p className="problem" role="alert">
      The {what} has changed since you began. Cancel to see its new values, and edit again.
    </p>
  );
}
