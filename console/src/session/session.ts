/**
 * The session of this browser. The token is in memory only; an HttpOnly cookie, which no script can read, gives a token
 * back after a reload. See api/http/console_session.py.
 */
const ADDRESS = "/console/session";
const OPTIONS = "/console/sign-in/options";
const HEADERS = { "X-Tandem-Console": "1" };
const MARGIN = 30_000;
const AGAIN = 5_000;

interface Given {
  token: string;
  /** When the token ends, if the session can give another one. */
  expiresAt?: string | null;
}

/** Somebody who has signed in. `token` is the newest token; `onRenewed` hears of each new one. */
export class Session {
  onRenewed: () => void = () => {};
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private given: Given) {}

  get token(): string {
    return this.given.token;
  }

  get renews(): boolean {
    return Boolean(this.given.expiresAt);
  }

  /** Renews the token before it ends, until the returned function is called. `onEnded`: the session gives no token any more. */
  keepFresh(onEnded: () => void): () => void {
    const wait = (time: number) => {
      this.timer = setTimeout(() => void this.renew(onEnded, wait), time);
    };
    if (this.given.expiresAt) wait(timeLeft(this.given.expiresAt));
    return () => clearTimeout(this.timer);
  }

  private async renew(onEnded: () => void, wait: (time: number) => void): Promise<void> {
    try {
      const given = await read();
      if (!given) return onEnded();
      this.given = given;
      this.onRenewed();
      wait(given.expiresAt ? timeLeft(given.expiresAt) : AGAIN);
    } catch {
      wait(AGAIN); // Tandem or the identity provider does not answer at the moment
    }
  }
}

/** How long the token is used: until shortly before its end, and half of a very short life. */
function timeLeft(expiresAt: string): number {
  const left = Date.parse(expiresAt) - Date.now();
  return Math.max(left - MARGIN, left / 2, 1_000);
}

/** The session that the cookie keeps, or null if nobody is signed in. */
export async function resume(): Promise<Session | null> {
  const given = await read();
  return given && new Session(given);
}

/** One tab after the other, because an identity provider may accept each refresh token only once. */
function read(): Promise<Given | null> {
  return navigator.locks ? navigator.locks.request("tandem-console-session", ask) : ask();
}

async function ask(): Promise<Given | null> {
  const answer = await fetch(ADDRESS, { headers: HEADERS });
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error(await readMessage(answer));
  return (await answer.json()) as Given;
}

/** Begins a session. Throws an error with the server's message if the token is refused. */
export async function signIn(token: string): Promise<Session> {
  const headers = { ...HEADERS, Authorization: `Bearer ${token}` };
  const answer = await fetch(ADDRESS, { method: "POST", headers });
  if (!answer.ok) throw new Error(await readMessage(answer));
  return new Session({ token });
}

export async function signOut(): Promise<void> {
  await fetch(ADDRESS, { method: "DELETE", headers: HEADERS });
}

/** The address that begins a sign-in at the identity provider, or null if none is set up. Afterwards the console goes on here. */
export async function findProvider(): Promise<string | null> {
  const answer = await fetch(OPTIONS);
  if (!answer.ok) throw new Error(await readMessage(answer));
  const { identityProvider } = (await answer.json()) as { identityProvider: string | null };
  const place = window.location.pathname + window.location.search;
  return identityProvider && `${identityProvider}?place=${encodeURIComponent(place)}`;
}

async function readMessage(answer: Response): Promise<string> {
  try {
    const { errors } = (await answer.json()) as { errors: { message: string }[] };
    return errors[0]?.message ?? answer.statusText;
  } catch {
    return `The server answered ${answer.status} ${answer.statusText}.`;
  }
}
