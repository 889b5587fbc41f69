import type { CombinedError } from "@urql/core";
import { useState } from "react";
import type { RefusalsFragment } from "../gql/graphql";
import { useTell } from "./notices";
import { explain } from "./states";

interface Answer {
  error?: CombinedError | undefined;
  refusals: RefusalsFragment[];
}

/** Sends one mutation at a time, and tells its outcome. `act` returns whether the mutation was accepted. */
export function useActing(): {
  waiting: boolean;
  act: (done: string, asked: PromiseLike<Answer>) => Promise<boolean>;
} {
  const tell = useTell();
  const [waiting, setWaiting] = useState(false);
  async function act(done: string, asked: PromiseLike<Answer>): Promise<boolean> {
    setWaiting(true);
    const { error, refusals } = await asked;
    setWaiting(false);
    if (!error && refusals.length === 0) {
      tell(done);
      return true;
    }
    tell(error ? explain(error) : refusals.map((one) => one.message).join(" "), "refused");
    return false;
  }
  return { waiting, act };
}
