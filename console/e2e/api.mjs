// The API beside the browser: it checks what the browser has done, and acts as another person.

export function apiOf(address, token) {
  return async function ask(query, variables = {}) {
    const answer = await fetch(`${address}/graphql`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(errors.map((one) => one.message).join(" "));
    return data;
  };
}

const ISSUE = `query($id: ID!) { node(id: $id) { ... on MatchIssue {
  id state version resolution xeroContact { name email } link { contact { id billingEmail } }
  candidates { blockedBy { id } contact { id name version billingEmail } differences { field practice xero } } } } }`;

export const readIssue = async (ask, id) => (await ask(ISSUE, { id })).node;

/** Waits until `holds` returns something else than false; says in the end what did not happen. */
export async function until(what, holds, seconds = 30) {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (performance.now() > end) throw new Error(`This did not happen within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
