/**
 * The session of this browser. The token is in memory only; an HttpOnly cookie, which no script can read, gives it back
 * after a reload. See api/http/console.py.
 */
const ADDRESS = "/console/session";
const HEADERS = { "X-Tandem-Console": "1" };

/** The token of the session, or null if nobody is signed in. */
export async function resume(): Promise<string | null> {
  const answer = await fetch(ADDRESS, { headers: HEADERS });
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error(await readMessage(answer));
  const { token } = (await answer.json()) as { token: string };
  return token;
}

/** Begins a session. Throws an error with the server's message if the token is refused. */
export async function signIn(token: string): Promise<void> {
  const headers = { ...HEADERS, Authorization: `Bearer ${token}` };
  const answer = await fetch(ADDRESS, { method: "POST", headers });
  if (!answer.ok) throw new Error(await readMessage(answer));
}

export async function signOut(): Promise<void> {
  await fetch(ADDRESS, { method: "DELETE", headers: HEADERS });
}

async function readMessage(answer: Response): Promise<string> {
  try {
    const { errors } = (await answer.json()) as { errors: { message: string }[] };
    return errors[0]?.message ?? answer.statusText;
  } catch {
    return `The server answered ${answer.status} ${answer.statusText}.`;
  }
}
