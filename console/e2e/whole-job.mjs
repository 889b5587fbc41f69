// The whole job of an ADMIN in a practice that begins: from the sign-in to the first invoice in Xero, by one way of working (hands.mjs).
import { apiOf, until } from "./api.mjs";
import { checkAccessible, newPage, open, shownIssue, signIn } from "./browser.mjs";
import { keyboard, mouse } from "./hands.mjs";
import { disconnect } from "./xero.mjs";

const LINKED = `{ contacts(first: 3, filter: {syncState: [SYNCED]}) { edges { node { name } } } }`;
const CREATE = `mutation($contacts: [CreateContactInput!]!) { createContacts(input: {contacts: $contacts}) {
  userErrors { message } results { userErrors { message } } } }`;
const IMPORT = `{ workspace { xeroOrganisations { importProgress { finished created } } } }`;
const TYPES = `{ workspace { contactTypes { id } } }`;
const ISSUES = `{ matchIssues(first: 10, filter: {state: RESOLVED}) { edges { node { resolution } } } }`;
const CONTACT = `query($name: String!) { contacts(first: 1, filter: {search: $name}) { edges { node { billingEmail syncLinks { state } } } } }`;
const INVOICE = `{ invoices(first: 1) { edges { node { status total sync { state } } } } }`;
const LONGEST = 300; // seconds until an import ends on a busy machine

const contactOf = async (ask, name) => (await ask(CONTACT, { name })).contacts.edges[0].node;

/** Contacts of the practice before it connects Xero: three with names that Xero has too, and `alone`, which Xero does not have. */
async function prepare(ask, askFirst, alone) {
  const names = (await askFirst(LINKED)).contacts.edges.map(({ node }) => node.name);
  const contacts = [...names, alone].map((name, place) => ({
    name,
    kind: "ORGANISATION",
    billingEmail: `office${place}.${Date.now()}@practice.example`,
  }));
  const { createContacts } = await ask(CREATE, { contacts });
  const refusals = [createContacts, ...createContacts.results].flatMap(({ userErrors }) => userErrors);
  if (refusals.length > 0) throw new Error(refusals[0].message);
  return names;
}

/** `token`: of an ADMIN in a practice without anything. `ask`: its API; `askFirst`: that of a practice whose contacts are in Xero. */
async function wholeJob({ browser, api }, { token, ask, askFirst, hand }) {
  const alone = `Only Here ${Date.now()}`;
  const names = await prepare(ask, askFirst, alone);
  const { page } = await newPage(browser);
  const button = (name) => page.getByRole("button", { name, exact: true });
  const go = (screen) => open(page, screen, hand);

  await signIn(page, api, token, "", hand);
  await page.getByText("Nothing waits for a decision").waitFor();

  await go("Xero");
  await hand.press(button("Connect an organisation …"));
  await hand.press(page.getByRole("button", { name: /allow/i }));
  await page.getByRole("heading", { name: "First import" }).waitFor();
  await hand.choose(page.getByLabel("Contacts of Xero"), "Suppliers and customers");
  if ((await ask(TYPES)).workspace.contactTypes.length === 0) await hand.press(button("Create the type"));
  await page.getByText("so far").waitFor({ state: "detached", timeout: LONGEST * 1_000 });
  await checkAccessible(page, "the preview of an import");
  const told = await page.locator("[aria-label='First import'] li").allInnerTexts();
  const [expected] = /\d+/.exec(told.find((text) => text.includes("new contacts")).replaceAll(",", ""));
  await hand.press(button("Start the import"));
  const { created } = await until(
    "the import ends",
    async () => {
      const [{ importProgress }] = (await ask(IMPORT)).workspace.xeroOrganisations;
      return importProgress?.finished && importProgress.created > 0 && importProgress; // the preview has read Xero too
    },
    LONGEST,
  );
  if (created !== Number(expected))
    throw new Error(`The preview says ${expected}, the import created ${created}`);

  await go("Match Issues");
  await page.locator("[data-issue]").waitFor();
  for (const act of ["Confirm", "Create separate", "Ignore"]) {
    const id = await shownIssue(page);
    await hand.press(page.locator(".detail").getByRole("button", { name: act }));
    await page.locator(`[data-issue="${id}"]`).waitFor({ state: "detached" });
  }
  await until("all three are decided", async () => (await ask(ISSUES)).matchIssues.edges.length >= 3);

  await go("Contacts");
  await hand.write(page.getByLabel("Search"), names[0]);
  await page.getByRole("article", { name: names[0] }).waitFor();
  await hand.press(button("Edit"));
  await hand.write(page.getByLabel("Billing email"), "new@practice.example");
  await hand.press(button("Save"));
  await until(
    "the email is saved",
    async () => (await contactOf(ask, names[0])).billingEmail === "new@practice.example",
  );
  await hand.write(page.getByLabel("Search"), alone);
  await page.getByRole("article", { name: alone }).waitFor();
  await hand.press(button("Create Xero contact"));
  await until(
    "the contact is in Xero",
    async () => (await contactOf(ask, alone)).syncLinks[0]?.state === "SYNCED",
    60,
  );

  await go("Invoice set-up");
  for (const kind of ["Revenue", "Expenses"]) {
    const choice = page.getByRole("combobox", { name: kind, exact: true });
    await choice.locator("option").nth(1).waitFor({ state: "attached" });
    await hand.choose(choice, await choice.locator("option").nth(1).innerText());
  }
  await hand.press(button("Save the accounts"));
  await page.getByText("Default accounts saved.").waitFor();
  await hand.writeDate(page.getByLabel("First issue date"), new Date().toISOString().slice(0, 10));
  await hand.press(button("Switch on"));
  await page.getByText("Invoices go to Xero now.").waitFor();

  await go("Invoices");
  await hand.press(page.getByRole("link", { name: "New invoice" }));
  await hand.write(page.getByLabel("Contact", { exact: true }), alone);
  await hand.press(button(`Bill ${alone}`));
  await hand.write(page.getByLabel("Number"), `J-${Date.now()}`); // Xero has the numbers of other practices
  await hand.choose(page.getByLabel("Prices are"), "no tax");
  await hand.write(page.getByLabel("Description of line 1"), "Advice");
  await hand.write(page.getByLabel("Price of line 1"), "250");
  await page.locator(".sums strong").waitFor();
  await hand.press(button("Save and send"));
  const invoice = await until(
    "the invoice is in Xero",
    async () => {
      const found = (await ask(INVOICE)).invoices.edges[0]?.node;
      return found?.sync.state === "SYNCED" && found;
    },
    60,
  );
  if (Number(invoice.total) !== 250) throw new Error(`The invoice comes to ${invoice.total}`);

  await go("Activity");
  await page
    .getByText(/is in Xero/)
    .first()
    .waitFor();
  await disconnect({ page, ask }, hand);
  await hand.press(button("Sign out"));
  await page.getByLabel("API token").waitFor();
  await page.context().close();
  return `${created} contacts imported`;
}

/** By keyboard alone. */
export function byKeyboard({ browser, api, ask, second }) {
  if (!second) return "skipped: SECOND is not set";
  return wholeJob(
    { browser, api },
    { token: second, ask: apiOf(api, second), askFirst: ask, hand: keyboard },
  );
}

export function byMouse({ browser, api, ask, third }) {
  if (!third) return "skipped: THIRD is set with --full only";
  return wholeJob({ browser, api }, { token: third, ask: apiOf(api, third), askFirst: ask, hand: mouse });
}
