// Invoices in the browser: the set-up and its gaps, writing and sending an invoice, and a failure with the way to its remedy.
import { until } from "./api.mjs";
import { checkAccessible, open } from "./browser.mjs";

const SETUP = `{ workspace { serviceTypes { id } xeroOrganisations { id invoiceSync {
  enabled gaps { message } accountMappings { serviceType { id name } account { code } } } } } }`;
const NEW_TYPE = `mutation($name: String!) { createServiceType(input: {name: $name}) { serviceType { id } userErrors { message } } }`;
const FIND = `query($reference: String!) { invoices(first: 1, filter: {search: $reference}) { edges { node {
  id number status total reference sync { state failure { message } } contact { name } lines { description accountCode } } } } }`;
const LINKED = `{ contacts(first: 1, filter: {syncState: [SYNCED]}) { edges { node { id name } } } }`;
const UNLINKED = `{ contacts(first: 1, filter: {linked: false}) { edges { node { id name } } } }`;

const READ = `query($id: ID!) { invoice(id: $id) { reference } }`;
const CHANGE = `mutation($input: UpdateInvoiceInput!) { updateInvoice(input: $input) { userErrors { message } } }`;

const first = (connection) => connection.edges[0]?.node;
const setupOf = async (ask) => (await ask(SETUP)).workspace.xeroOrganisations[0].invoiceSync;

/** Chooses an account for a new service type in the set-up, and checks in the database that it was saved. */
export async function mapAccount({ page, ask }) {
  const name = `Advice ${Date.now()}`;
  await ask(NEW_TYPE, { name });
  await open(page, "Invoice set-up");
  const choice = page.getByRole("combobox", { name, exact: true });
  await choice.waitFor();
  await checkAccessible(page, "Invoice set-up");
  const code = await choice.locator("option").nth(1).getAttribute("value");
  await choice.selectOption(code);
  await until("the account of the service type is saved", async () => {
    const { accountMappings } = await setupOf(ask);
    return accountMappings.find(({ serviceType }) => serviceType.name === name)?.account?.code === code;
  });
  return code;
}

/** Switches the sync off and on again, with the preview of what the start date would send. */
export async function switchSync({ page, ask }) {
  await open(page, "Invoice set-up");
  await page.getByRole("button", { name: "Switch off" }).click();
  await until("the sync is off", async () => !(await setupOf(ask)).enabled);
  await page.getByText(/This date newly sends/).waitFor();
  await page.getByRole("button", { name: "Switch on" }).click();
  await until("the sync is on", async () => (await setupOf(ask)).enabled);
}

/** Writes an invoice of one line, and returns its reference. */
async function write({ page, api }, contact, price) {
  const reference = `R-${Date.now()}`;
  await page.goto(`${api}/console/invoices/new?contact=${contact.id}`);
  await page.getByText(contact.name).first().waitFor();
  await page.getByLabel("Reference").fill(reference);
  await page.getByLabel("Description of line 1").fill("Advice");
  await page.getByLabel("Price of line 1").fill(price);
  await page.getByLabel("Prices are").selectOption({ label: "no tax" });
  await page.locator(".sums strong").waitFor();
  return reference;
}

/** Writes an invoice for a contact of Xero, saves it as a draft, and returns its reference. */
async function saveDraft(world, price) {
  const { page, ask } = world;
  const reference = await write(world, first((await ask(LINKED)).contacts), price);
  await page.getByRole("button", { name: "Save as draft" }).click();
  await page.locator(".detail").getByText(reference).waitFor();
  return reference;
}

export async function createAndSend(world) {
  const { page, ask } = world;
  const contact = first((await ask(LINKED)).contacts);
  const reference = await write(world, contact, "120.50");
  await checkAccessible(page, "New invoice");
  await page.getByRole("button", { name: "Save and send" }).click();
  await page.locator(".detail").getByText(reference).waitFor();
  const sent = await until(
    "the invoice is in Xero",
    async () => {
      const invoice = first((await ask(FIND, { reference })).invoices);
      return invoice?.sync.state === "SYNCED" && invoice;
    },
    60,
  );
  await page.locator(".detail .badge.sure").waitFor();
  if (Number(sent.total) !== 120.5) throw new Error(`The invoice comes to ${sent.total}`);
  return sent.number;
}

/** Somebody else changes the invoice while a person edits it: the person is told, and nothing is overwritten. */
export async function editStaleInvoice(world) {
  const { page, api, ask } = world;
  const reference = await saveDraft(world, "10");
  const { id } = first((await ask(FIND, { reference })).invoices);
  await page.goto(`${api}/console/invoices/edit?id=${id}`);
  await page.getByLabel("Reference").fill("mine");
  await ask(CHANGE, { input: { invoiceId: id, reference: "theirs" } });
  await page.getByText("The invoice has changed since you began").waitFor();
  await checkAccessible(page, "an invoice that has changed while somebody edits it");
  if (await page.getByRole("button", { name: "Save", exact: true }).isEnabled())
    throw new Error("The form offers to overwrite the other person's change");
  const kept = (await ask(READ, { id })).invoice.reference;
  if (kept !== "theirs") throw new Error(`The reference is ${kept}`);
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.locator(".detail").getByText("reference theirs").waitFor();
}

/** A draft is voided, after a question. */
export async function voidInvoice(world) {
  const { page, ask } = world;
  const reference = await saveDraft(world, "12");
  await page.getByRole("button", { name: "Void …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await checkAccessible(page, "the question before an invoice is voided");
  await dialog.getByRole("button", { name: "Void" }).click();
  await until(
    "the invoice is voided",
    async () => first((await ask(FIND, { reference })).invoices).status === "VOIDED",
  );
}

/** An invoice whose contact is not in Xero fails, and the failure leads to the contact, where "Create Xero contact" mends it. */
export async function failAndFix(world) {
  const { page, ask } = world;
  const contact = first((await ask(UNLINKED)).contacts);
  const reference = await write(world, contact, "80");
  await page.getByRole("button", { name: "Save as draft" }).click();
  const fix = page.locator(".detail .with-fix").getByRole("link");
  await fix.waitFor();
  await checkAccessible(page, "an invoice with a problem");
  await fix.click();
  await page.getByRole("article", { name: contact.name }).waitFor();
  await page.getByRole("button", { name: "Create Xero contact" }).waitFor();
  return `${reference}: ${contact.name}`;
}
