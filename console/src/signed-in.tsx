import { useEffect, useMemo, useState } from "react";
import { Provider } from "urql";
import { StartDocument, type StartQuery } from "./gql/graphql";
import { connect } from "./graphql/client";
import { ConsoleContext, type Console } from "./graphql/context";
import { Live } from "./graphql/live";
import type { Session } from "./session/session";
import { Shell } from "./shell";
import { Notices } from "./ui/notices";
import { Failed, Loading } from "./ui/states";
import { CombinedError } from "@urql/core";

interface Props {
  session: Session;
  /** The API does not accept the token. */
  onRefused: (message: string) => void;
  onLeave: (notice: string | null) => void;
}

/**
 * Reads the viewer and the cursor first, and then follows the stream from this cursor: the lists are read later than the
 * cursor, so that no change between the two is missed.
 */
export function SignedIn({ session, onRefused, onLeave }: Props) {
  const connection = useMemo(() => connect(session, onRefused), [session, onRefused]);
  const [started, setStarted] = useState<Console | null>(null);
  const [error, setError] = useState<CombinedError | null>(null);
  const [tries, setTries] = useState(0);

  useEffect(() => {
    let stop = () => {};
    const stream = connection.client
      .query(StartDocument, {}, { requestPolicy: "network-only" })
      .subscribe((result) => {
        if (result.error) setError(result.error);
        if (!result.data) return;
        const start: StartQuery = result.data;
        setError(null);
        setStarted((before) => {
          if (before) return { ...before, start };
          const live = new Live(connection, start.syncCursor);
          stop = live.start();
          session.onRenewed = () => live.renew();
          return { live, start, lastSent: connection.lastSent };
        });
      });
    return () => {
      stream.unsubscribe();
      stop();
      setStarted(null);
    };
  }, [connection, session, tries]);

  if (started)
    return (
      <Provider value={connection.client}>
        <ConsoleContext value={started}>
          <Notices>
            <Shell onLeave={() => onLeave(null)} />
          </Notices>
        </ConsoleContext>
      </Provider>
    );
  if (error) return <Failed error={error} retry={() => setTries(tries + 1)} />;
  return <Loading what="the practice" />;
}
