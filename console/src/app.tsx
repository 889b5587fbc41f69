import { useCallback, useEffect, useState } from "react";
import { resume, signOut } from "./session/session";
import { SignIn } from "./session/sign-in";
import { SignedIn } from "./signed-in";
import { Button } from "./ui/button";
import { Loading } from "./ui/states";

type Session =
  | { kind: "looking" }
  | { kind: "unreachable"; why: string }
  | { kind: "out"; notice: string | null }
  | { kind: "in"; token: string };

export function App() {
  const [session, setSession] = useState<Session>({ kind: "looking" });

  const look = useCallback(async () => {
    setSession({ kind: "looking" });
    try {
      const token = await resume();
      setSession(token ? { kind: "in", token } : { kind: "out", notice: null });
    } catch (error) {
      setSession({ kind: "unreachable", why: error instanceof TypeError ? "" : (error as Error).message });
    }
  }, []);

  useEffect(() => void look(), [look]);

  const leave = useCallback((notice: string | null) => {
    setSession({ kind: "out", notice });
    void signOut().catch(() => {}); // the token is gone from memory in any case
  }, []);

  switch (session.kind) {
    case "looking":
      return <Loading what="the session" />;
    case "unreachable":
      return (
        <div className="state" role="alert">
          <strong>Tandem does not answer</strong>
          <p className="muted">{session.why || "Look at the connection, then try again."}</p>
          <Button onClick={look}>Try again</Button>
        </div>
      );
    case "out":
      return <SignIn notice={session.notice} onSignedIn={(token) => setSession({ kind: "in", token })} />;
    case "in":
      return <SignedIn key={session.token} token={session.token} onLeave={leave} />;
  }
}
