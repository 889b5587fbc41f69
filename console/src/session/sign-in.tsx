import { useState, type FormEvent } from "react";
import { Button } from "../ui/button";
import { signIn } from "./session";

export function SignIn({
  onSignedIn,
  notice,
}: {
  onSignedIn: (token: string) => void;
  notice: string | null;
}) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [waiting, setWaiting] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setWaiting(true);
    try {
      await signIn(token.trim());
      onSignedIn(token.trim());
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
        <label htmlFor="token">API token</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          autoFocus
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
        <Button kind="primary" type="submit" disabled={waiting || token.trim() === ""}>
          {waiting ? "Signing in …" : "Sign in"}
        </Button>
      </form>
    </main>
  );
}
