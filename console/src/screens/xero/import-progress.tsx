import type { ImportStateFragment } from "../../gql/graphql";
import { time } from "../../words";

/** How far an import is, as the stream reports it. */
export function ImportProgress({ progress }: { progress: ImportStateFragment }) {
  const { done, total, finished, finishedAt, fullMatches, conflicts, created, skipped } = progress;
  const numbers = `${fullMatches} linked, ${conflicts} match issues, ${created} new contacts, ${skipped} skipped`;
  if (finished)
    return (
      <p className="muted">
        The last import ended{finishedAt && ` ${time(finishedAt)}`}: {numbers}.
      </p>
    );
  return (
    <div className="import" role="status">
      <label>
        {progress.phase === "READING" ? "Reading Xero" : "Importing"} … {done.toLocaleString("en")}
        {total !== null && ` of ${total.toLocaleString("en")}`}
        {total === null ? <progress /> : <progress value={done} max={total} />}
      </label>
      <span className="muted">{numbers}</span>
    </div>
  );
}
