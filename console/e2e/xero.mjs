// The connection with Xero in the browser: connecting, the preview and the first import, a mass change, and disconnecting.
import { until } from "./api.mjs";
import { checkAccessible, newPage, open, signIn } from "./browser.mjs";

const LINKED = `query($after: String) { syncLinks(first: 100, after: $after, filter: {state: [SYNCED]}) {
  pageInfo { hasNextPage endCursor } edges { node { contact { archivedAt } xeroContact { xeroContactId } } } } }`;
const STATE = `{ workspace { contactTypes { name } xeroOrganisations { tenantId health contactSync { startedAt }
  massChange { changed } importProgress { finished created } summary { linked } } } }`;
const LONGEST = 300; // seconds for thousands of contacts on a busy machine
const SHARE = 0.35; // of all links: more than the 30 % that stop an organisation

const organisationOf = async (ask) => (await ask(STATE)).workspace.xeroOrganisations[0];

export async function disconnect({ page, ask }) {
  await open(page, "Xero");
  await page.getByRole("button", { name: "Disconnect …" }).click();
  await page.getByRole("dialog").waitFor();
  await checkAccessible(page, "the question before a disconnect");
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("button", { name: "Connect again …" }).waitFor();
  const { health } = await organisationOf(ask);
  if (health !== "DISCONNECTED") throw new Error(`The organisation is ${health}`);
}

/** Another practice connects the organisation, which is free again, sees what the import would do, and imports, all in the browser. */
export async function firstImport({ browser, api, second, askSecond }) {
  if (!second) return "skipped: SECOND is not set";
  const { page } = await newPage(browser);
  await signIn(page, api, second, "/xero");
  await page.getByText("No Xero organisation is connected").waitFor();
  await page.getByRole("button", { name: "Connect an organisation …" }).click();
  await page.getByRole("button", { name: /allow/i }).click();
  await page.getByRole("heading", { name: "First import" }).waitFor();
  await page.getByLabel("Contacts of Xero").selectOption({ label: "Customers only" });
  if ((await askSecond(STATE)).workspace.contactTypes.length === 0)
    await page.getByRole("button", { name: "Create the type" }).click();
  await page.getByText("so far").waitFor({ state: "detached", timeout: LONGEST * 1_000 });
  await checkAccessible(page, "the preview of an import");
  const told = await page.locator("[aria-label='First import'] li").allInnerTexts();
  const expected = Number(told.find((text) => text.includes("new contacts")).replace(/\D.*/, ""));
  await page.getByRole("button", { name: "Start the import" }).click();
  const created = await until(
    "the import ends",
    async () => {
      const { importProgress } = await organisationOf(askSecond);
      return importProgress?.finished && importProgress.created;
    },
    LONGEST,
  );
  if (created !== expected) throw new Error(`The preview says ${expected}, the import created ${created}`);
  await page.getByText("The last import ended").waitFor();
  await page.context().close();
  return `${created} contacts`;
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
