// Each scope sees the controls that it may use: READ looks, WRITE decides and writes, ADMIN sets up.
import { until } from "./api.mjs";
import { checkAccessible, open, signedIn } from "./browser.mjs";
import { LOADED } from "./screens.mjs";

const NEW_TOKEN = `mutation($name: String!, $scopes: [Scope!]!) {
  createApiToken(input: {name: $name, scopes: $scopes}) { token userErrors { message } } }`;
const SCREENS = {
  "Match Issues": [],
  Contacts: [],
  Invoices: [],
  "Invoice set-up": ["An ADMIN of the practice changes the set-up."],
  Xero: [],
  Activity: [],
};
/**
 * Buttons that only look: everything else that can be pressed must be a filter, a link or a disabled control. A related issue
 * is a button of the class `link`.
 */
const LOOKING = /^(Open in GraphiQL|Sign out|Keys|Show more|Try again)/;

async function tokenOf(ask, scopes) {
  const { createApiToken } = await ask(NEW_TOKEN, { name: `${scopes} ${Date.now()}`, scopes });
  return createApiToken.token;
}

/** Opens a screen, and waits until it has loaded. */
async function show(page, screen) {
  await open(page, screen);
  await page.locator(LOADED[screen]).first().waitFor();
  const loading = page.getByRole("status").filter({ hasText: "Loading" });
  await until(`${screen} has loaded`, async () => (await loading.count()) === 0);
}

/** How many fields a person may change. */
const fieldsOf = (page) =>
  page.locator("main").locator("select:not(:disabled), input:not(:disabled):not([type=search])").count();

/** WRITE decides, edits and writes invoices. What only ADMIN may do is absent. */
export async function writes({ browser, api, ask }) {
  const { page } = await signedIn(browser, api, await tokenOf(ask, ["READ", "WRITE"]));
  const offered = {
    "Match Issues": ["Confirm", "Create separate", "Ignore"],
    Contacts: ["Edit"],
    Xero: ["Read Xero now"],
  };
  for (const [screen, names] of Object.entries(offered)) {
    await show(page, screen);
    for (const name of names)
      await page
        .getByRole("button", { name: new RegExp(`^${name}`) })
        .first()
        .waitFor();
  }
  const denied = await page.getByRole("button", { name: /onnect/ }).count();
  await show(page, "Invoices");
  await page.getByRole("link", { name: "New invoice" }).waitFor();
  await show(page, "Invoice set-up");
  const fields = await fieldsOf(page);
  if (denied + fields > 0)
    throw new Error(`WRITE is offered ${denied} buttons and ${fields} fields of ADMIN`);
  await page.context().close();
}

export async function readOnly({ browser, api, ask }) {
  const token = await tokenOf(ask, ["READ"]);
  const { page, errors } = await signedIn(browser, api, token);
  for (const [screen, words] of Object.entries(SCREENS)) {
    await show(page, screen);
    for (const text of words) await page.getByText(text).waitFor();
    const offered = await page
      .locator("button:not(:disabled):not([role]):not([aria-pressed]):not(.link)")
      .allInnerTexts();
    const changing = offered.map((text) => text.trim()).filter((text) => !LOOKING.test(text));
    const typing = await fieldsOf(page);
    if (changing.length + typing > 0)
      throw new Error(`${screen} offers ${changing.join(", ")} and ${typing} fields to a reader`);
    await checkAccessible(page, `${screen} for a reader`);
  }
  await page.goto(`${api}/console/invoices/new`);
  await page.getByText("Your token only reads").waitFor();
  await page.goto(`${api}/console/issues`);
  await page.locator(".detail").waitFor();
  const issue = await page.locator(".detail").getAttribute("data-issue");
  for (const key of ["Enter", "s", "i"]) await page.keyboard.press(key);
  const { node } = await ask("query($id: ID!) { node(id: $id) { ... on MatchIssue { state } } }", {
    id: issue,
  });
  if (node.state !== "OPEN") throw new Error("A key of a reader has decided an issue");
  await page.context().close();
  if (errors.length > 0) throw new Error(`The browser complains: ${errors}`);
}
