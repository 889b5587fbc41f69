import type { OperationResult } from "@urql/core";
import { useState } from "react";
import type { RefusalsFragment } from "../gql/graphql";
import { useTell } from "./notices";
import { explain } from "./states";

interface Payload {
  userErrors: RefusalsFragment[];
}

interface Acting {
  waiting: boolean;
  /**
   * Sends one mutation, and tells its outcome: `done`, or why it was refused. `pick` takes the mutation's payload out of the
   * answer. Returns the payload, and whether the mutation was accepted.
   */
  act: <Data, Picked extends Payload>(
    done: string,
    sent: PromiseLike<OperationResult<Data>>,
    pick: (data: Data) => Picked | null | undefined,
  ) => Promise<{ accepted: boolean; payload: Picked | null }>;
}

export function useActing(): Acting {
  const tell = useTell();
  const [waiting, setWaiting] = useState(false);
  const act: Acting["act"] = async (done, sent, pick) => {
    setWaiting(true);
    const { error, data } = await sent;
    setWaiting(false);
    const payload = (data && pick(data)) ?? null;
    const refusals = payload?.userErrors ?? [];
    if (error) tell(explain(error), "refused");
    else if (refusals.length > 0) tell(refusals.map((one) => one.message).join(" "), "refused");
    else tell(done);
    return { accepted: !error && refusals.length === 0, payload };
  };
  return { waiting, act };
}
