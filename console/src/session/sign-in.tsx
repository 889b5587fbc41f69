import { useEffect, useState, type FormEvent } from "react";
import { Button } from "../ui/button";
import { findProvider, signIn, type Session } from "./session";

export function SignIn({
  onSignedIn,
  notice,
}: {
  onSignedIn: (session: Session) => void;
  notice: string | null;
}) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [waiting, setWaiting] = useState(false);
  const provider = useProvider();

  async function submit(event: FormEvent) {
    event.preventDefault();
    setWaiting(true);
    try {
      onSignedIn(await signIn(token.trim()));
    } catch (error) {
      setProblem(
        error instanceof TypeError
          ? "Tandem does not answer. Try again in a moment."
          : String((error as Error).message),
      );
      setWaiting(false);
    }
  }

  return (
    <main className="sign-in">
      <h1>Tandem</h1>
      <form className="card" onSubmit={submit}>
        <h2>Sign in</h2>
        {notice && !problem && <p className="muted">{notice}</p>}
        {provider && (
          <a className="button primary" href={provider}>
            Sign in with your organisation’s account
          </a>
        )}
        {provider && <p className="muted">or with an API token</p>}
        <label htmlFor="token">API token</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          autoFocus={!provider}
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
          aria-invalid={problem !== null}
          aria-describedby="token-help"
        />
        <p id="token-help" className="muted small">
          An ADMIN of your practice creates tokens. The demo’s token is in the file .tandem/demo/token.
        </p>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <Button kind={provider ? "plain" : "primary"} type="submit" disabled={waiting || token.trim() === ""}>
          {waiting ? "Signing in …" : "Sign in"}
        </Button>
      </form>
    </main>
  );
}

/** The address of the identity provider's sign-in, once it is known. Without an answer, the API token is the way in. */
function useProvider(): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    findProvider().then(setAddress, () => {});
  }, []);
  return address;
}
