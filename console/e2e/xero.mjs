// The connection with Xero in the browser: a mass change, and disconnecting. whole-job.mjs connects and imports.
import { until } from "./api.mjs";
import { checkAccessible, open } from "./browser.mjs";
import { mouse } from "./hands.mjs";

const LINKED = `query($after: String) { syncLinks(first: 100, after: $after, filter: {state: [SYNCED]}) {
  pageInfo { hasNextPage endCursor } edges { node { contact { archivedAt } xeroContact { xeroContactId } } } } }`;
const STATE = `{ workspace { xeroOrganisations { tenantId health summary { linked } } } }`;
const LONGEST = 300; // seconds for thousands of contacts on a busy machine
const SHARE = 0.35; // of all links: more than the 30 % that stop an organisation

const organisationOf = async (ask) => (await ask(STATE)).workspace.xeroOrganisations[0];

export async function disconnect({ page, ask }, hand = mouse) {
  await open(page, "Xero", hand);
  await hand.press(page.getByRole("button", { name: "Disconnect …" }));
  await page.getByRole("dialog").waitFor();
  await checkAccessible(page, "the question before a disconnect");
  await hand.press(page.getByRole("dialog").getByRole("button", { name: "Disconnect" }));
  await page.getByRole("button", { name: "Connect again …" }).waitFor();
  const { health } = await organisationOf(ask);
  if (health !== "DISCONNECTED") throw new Error(`The organisation is ${health}`);
}

/** Somebody archives very many contacts inside Xero: Tandem stops, shows what would happen, and a person applies the change. */
export async function massChange({ page, ask, simulator }) {
  if (!simulator) return "skipped: SIMULATOR is not set";
  const { tenantId, summary } = await organisationOf(ask);
  const ids = [];
  for (let after = null; ;) {
    const { edges, pageInfo } = (await ask(LINKED, { after })).syncLinks;
    ids.push(...edges.map(({ node }) => node.xeroContact.xeroContactId));
    if (!pageInfo.hasNextPage) break;
    after = pageInfo.endCursor;
  }
  const archived = ids.slice(0, Math.ceil(ids.length * SHARE));
  for (const id of archived) await archive(`${simulator}/simulator/organisations/${tenantId}/contacts/${id}`);
  await open(page, "Xero");
  await page.getByRole("button", { name: "Read Xero now" }).click();
  const change = page.getByRole("region", { name: "Mass change" });
  await change.waitFor({ timeout: LONGEST * 1_000 });
  await checkAccessible(page, "Xero with a mass change");
  const told = await change.locator("strong").innerText();
  await change.getByRole("button", { name: /It was meant/ }).click();
  await change.waitFor({ state: "detached", timeout: LONGEST * 1_000 });
  await until(
    "the change is applied",
    async () => (await organisationOf(ask)).summary.linked <= summary.linked - archived.length,
    LONGEST,
  );
  return told;
}

async function archive(address) {
  const body = JSON.stringify({ fields: { ContactStatus: "ARCHIVED" } });
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  if (!answer.ok) throw new Error(`The simulator answers ${answer.status}: ${await answer.text()}`);
}
