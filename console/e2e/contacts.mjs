// Contacts in the browser: editing the synced fields, the history with restore, and unsync.
import { until } from "./api.mjs";
import { checkAccessible, open } from "./browser.mjs";

const LINKED = `{ contacts(first: 3, filter: {syncState: [SYNCED]}, orderBy: {field: NAME, direction: DESC}) {
  edges { node { id name billingEmail primaryPhone } } } }`;
const READ = `query($id: ID!) { contact(id: $id) {
  version billingEmail primaryPhone billingAddress { lines city } syncLinks { state } } }`;
const CHANGE = `mutation($input: UpdateContactInput!) { updateContact(input: $input) { userErrors { message } } }`;

async function show({ page, api }, contact) {
  await page.goto(`${api}/console/contacts?id=${contact.id}`);
  await page.getByRole("article", { name: contact.name }).waitFor();
}

const pick = async (ask, place) => (await ask(LINKED)).contacts.edges[place].node;

const untilLinked = (ask, { id }) =>
  until("the contact is linked", async () => {
    const [link] = (await ask(READ, { id })).contact.syncLinks;
    return ["SYNCED", "PENDING"].includes(link?.state);
  });

/** Edits fields, and checks that only those that were typed have changed; then restores the old value from the history. */
export async function editAndRestore(world) {
  const { page, ask } = world;
  const contact = await pick(ask, 0);
  const email = `edited${Date.now()}@example.com`;
  await show(world, contact);
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Billing email").fill(email);
  await page.getByLabel("Street, one line each").fill("1 Console Street\nFloor 2");
  await page.getByLabel("City").fill("Wellington");
  await checkAccessible(page, "editing a contact");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const saved = await until("the contact is saved", async () => {
    const { contact: now } = await ask(READ, { id: contact.id });
    return now.billingEmail === email && now;
  });
  if (saved.primaryPhone !== contact.primaryPhone) throw new Error("The phone has changed too");
  if (saved.billingAddress.lines.join("|") !== "1 Console Street|Floor 2")
    throw new Error(`The address is ${JSON.stringify(saved.billingAddress)}`);
  const change = page.locator(".change", { hasText: email }).first();
  await change.getByRole("button", { name: "Restore" }).click();
  await until(
    "the old email is back",
    async () => (await ask(READ, { id: contact.id })).contact.billingEmail === contact.billingEmail,
  );
}

/** Somebody else changes the contact while a person edits it: the person is told, and nothing is overwritten. */
export async function editStale(world) {
  const { page, ask } = world;
  const contact = await pick(ask, 1);
  const newPhone = `04 555 ${String(Date.now()).slice(-4)}`;
  await show(world, contact);
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Primary phone").fill("04 555 0199");
  await ask(CHANGE, { input: { contactId: contact.id, primaryPhone: newPhone } });
  await page.getByText("The contact has changed since you began").waitFor();
  const phone = (await ask(READ, { id: contact.id })).contact.primaryPhone;
  if (phone !== newPhone) throw new Error(`The phone is ${phone}`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator(".fields").getByText(newPhone).waitFor();
}

export async function unsync(world) {
  const { page, ask } = world;
  const contact = await pick(ask, 2);
  await show(world, contact);
  await page.getByRole("button", { name: "Unsync …" }).click();
  await page.getByRole("dialog").waitFor();
  await checkAccessible(page, "the question before an unsync");
  await page.getByRole("dialog").getByRole("button", { name: "Unsync" }).click();
  await until(
    "the link is unsynced",
    async () => (await ask(READ, { id: contact.id })).contact.syncLinks[0].state === "UNSYNCED",
  );
  await page.locator(".detail .badge.unsynced").waitFor();
  await open(page, "Match Issues");
  await page.getByRole("tab", { name: /Unsynced/ }).click();
  const card = page.getByRole("article").filter({ hasText: contact.name }).first();
  await card.waitFor();
  await checkAccessible(page, "an ended link");
  await card.getByRole("button", { name: "Link again" }).click();
  await untilLinked(ask, contact);
  await page.getByRole("tab", { name: /^Issues/ }).click();
}

const REVIEWED = `{ contacts(first: 1, filter: {needsReview: true}, orderBy: {field: NAME, direction: ASC}) { edges { node { id name } } } }`;
const KIND = `query($id: ID!) { contact(id: $id) { kind classification { needsReview } } }`;

/** A person says that a contact is a person, where the guess is unsure. */
export async function review(world) {
  const { page, ask } = world;
  const contact = (await ask(REVIEWED)).contacts.edges[0].node;
  await show(world, contact);
  await page.getByRole("button", { name: "Person", exact: true }).click();
  await until("the contact is a person", async () => {
    const { kind, classification } = (await ask(KIND, { id: contact.id })).contact;
    return kind === "PERSON" && !classification?.needsReview;
  });
  await page.getByRole("button", { name: "Person", exact: true }).waitFor({ state: "detached" });
}

const SIMILAR = `{ matchIssues(first: 50, filter: {state: OPEN}) { edges { node { candidates { blockedBy { id } contact { id name } } } } } }`;

/** Xero has a contact like the one that a person creates there: the person links the two in its place. */
export async function pushExisting(world) {
  const { page, ask } = world;
  const issues = (await ask(SIMILAR)).matchIssues.edges.map(({ node }) => node);
  const { contact } = issues.flatMap(({ candidates }) => candidates).find(({ blockedBy }) => !blockedBy);
  await show(world, contact);
  await page.getByRole("button", { name: "Create Xero contact" }).click();
  const dialog = page.getByRole("dialog", { name: "Xero has a contact like this" });
  await dialog.waitFor();
  await checkAccessible(page, "the choice between two Xero contacts");
  await dialog.getByRole("button", { name: "Link with this one" }).first().click();
  await untilLinked(ask, contact);
  await dialog.waitFor({ state: "detached" });
}
