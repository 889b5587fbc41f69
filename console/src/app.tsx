import { useCallback, useEffect, useState } from "react";
import { resume, signOut, type Session } from "./session/session";
import { SignIn } from "./session/sign-in";
import { SignedIn } from "./signed-in";
import { Button } from "./ui/button";
import { Loading } from "./ui/states";

type State =
  | { kind: "looking" }
  | { kind: "unreachable"; why: string }
  | { kind: "out"; notice: string | null }
  | { kind: "in"; session: Session };

const ENDED = "Your session has ended. Sign in again.";

export function App() {
  const [state, setState] = useState<State>({ kind: "looking" });

  const look = useCallback(async (notice: string | null = null) => {
    setState({ kind: "looking" });
    try {
      const session = await resume();
      setState(session ? { kind: "in", session } : { kind: "out", notice });
    } catch (error) {
      setState({ kind: "unreachable", why: error instanceof TypeError ? "" : (error as Error).message });
    }
  }, []);

  useEffect(() => void look(), [look]);

  const leave = useCallback((notice: string | null) => {
    setState({ kind: "out", notice });
    void signOut().catch(() => {}); // the token is gone from memory in any case
  }, []);

  useEffect(() => {
    if (state.kind === "in") return state.session.keepFresh(() => leave(ENDED));
  }, [state, leave]);

  switch (state.kind) {
    case "looking":
      return <Loading what="the session" />;
    case "unreachable":
      return (
        <div className="state" role="alert">
          <strong>Tandem does not answer</strong>
          <p className="muted">{state.why || "Look at the connection, then try again."}</p>
          <Button onClick={() => look()}>Try again</Button>
        </div>
      );
    case "out":
      return <SignIn notice={state.notice} onSignedIn={(session) => setState({ kind: "in", session })} />;
    case "in":
      return <In session={state.session} onLeave={leave} onEnded={look} />;
  }
}

interface InProps {
  session: Session;
  onLeave: (notice: string | null) => void;
  onEnded: (notice: string) => void;
}

/** A token that the API refuses may have ended while this machine slept: then the session gives another one. */
function In({ session, onLeave, onEnded }: InProps) {
  const refused = useCallback(
    (notice: string) => (session.renews ? onEnded(notice) : onLeave(notice)),
    [session, onLeave, onEnded],
  );
  return <SignedIn session={session} onRefused={refused} onLeave={onLeave} />;
}
