// A token with the scope READ looks at everything and changes nothing: no control is offered that the API would refuse.
import { until } from "./api.mjs";
import { checkAccessible, open, signedIn } from "./browser.mjs";
import { LOADED } from "./screens.mjs";

const NEW_TOKEN = `mutation($name: String!) { createApiToken(input: {name: $name, scopes: [READ]}) { token userErrors { message } } }`;
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

export async function readOnly({ browser, api, ask }) {
  const { token } = (await ask(NEW_TOKEN, { name: `Reader ${Date.now()}` })).createApiToken;
  const { page, errors } = await signedIn(browser, api, token);
  for (const [screen, words] of Object.entries(SCREENS)) {
    await open(page, screen);
    await page.locator(LOADED[screen]).first().waitFor();
    const loading = page.getByRole("status").filter({ hasText: "Loading" });
    await until(`${screen} has loaded`, async () => (await loading.count()) === 0);
    for (const text of words) await page.getByText(text).waitFor();
    const offered = await page
      .locator("button:not(:disabled):not([role]):not([aria-pressed]):not(.link)")
      .allInnerTexts();
    const changing = offered.map((text) => text.trim()).filter((text) => !LOOKING.test(text));
    const typing = await page
      .locator("main")
      .locator("select:not(:disabled), input:not(:disabled):not([type=search])")
      .count();
    if (changing.length + typing > 0)
      throw new Error(`${screen} offers ${changing.join(", ")} and ${typing} fields to a reader`);
    await checkAccessible(page, `${screen} for a reader`);
  }
  const before = await page.locator("h1").innerText();
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
  return before;
}
