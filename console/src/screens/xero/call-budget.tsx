import { bytes, time } from "../../words";
import type { Organisation } from ".";

type Budget = NonNullable<Organisation["callBudget"]>;

const FEW = 0.1; // of the calls of a day

/** The calls that are left, the bytes that were read, and what a person can do about them. */
export function CallBudget({ budget }: { budget: Budget | null }) {
  if (!budget) return null;
  const advice = adviceOf(budget);
  const numbers: [string, string][] = [
    ["Calls left this minute", shown(budget.minuteRemaining)],
    ["Calls left in 24 hours", leftInDay(budget)],
    ["Read this month", bytes(budget.bytesThisMonth)],
    ["Expected for the month", bytes(budget.bytesForecast)],
  ];
  return (
    <section aria-label="Calls to Xero">
      <dl className="numbers">
        {numbers.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {advice && <p className="problem">{advice}</p>}
    </section>
  );
}

function adviceOf({ limitedUntil, dayRemaining, dayLimit }: Budget): string | null {
  if (limitedUntil) {
    const until = `Xero’s limit is used up. Calls go on ${time(limitedUntil)}, and nothing is lost.`;
    return dayRemaining === 0
      ? `${until} If this happens often, a higher plan of the app at Xero allows more calls a day.`
      : until;
  }
  if (dayRemaining !== null && dayLimit !== null && dayRemaining < dayLimit * FEW)
    return "Few calls are left for the next 24 hours. Put off imports and “Read Xero now”: what people change is sent first.";
  return null;
}

function shown(calls: number | null): string {
  return calls?.toLocaleString("en") ?? "unknown";
}

function leftInDay({ dayRemaining, dayLimit }: Budget): string {
  const left = shown(dayRemaining);
  return dayLimit === null || dayRemaining === null ? left : `${left} of ${shown(dayLimit)}`;
}
