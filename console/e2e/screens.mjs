// Each screen in each of its states: axe finds nothing, and "Open in GraphiQL" opens what the screen has sent.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { checkAccessible, checkHidden, newPage, open, sent, signedIn, signIn } from "./browser.mjs";

const SCREENS = ["Match Issues", "Contacts", "Invoices", "Invoice set-up", "Xero", "Activity"];
const MOST_BYTES = 200_000;
/** What shows that a screen has its data. */
export const LOADED = {
  "Match Issues": ".detail",
  Contacts: ".detail .history",
  Invoices: ".detail .history",
  "Invoice set-up": "#tax-rates",
  Xero: ".numbers",
  Activity: ".history li",
};

export async function reload({ page, token }) {
  await page.reload();
  await page.locator(".detail").waitFor();
  await checkHidden(page, [token]);
}

/**
 * What travels until Match Issues shows, without a cache: scripts, styles and answers, compressed as they travel. The second page of
 * the list, which is read ahead as soon as the first one shows, does not count: its answer is held back.
 */
export async function firstScreen({ browser, api, token }) {
  const { page } = await newPage(browser);
  const devtools = await page.context().newCDPSession(page);
  let bytes = 0;
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await devtools.send("Network.enable");
  const isFirst = (route) => !/"after":"/.test(route.request().postData());
  await page.route("**/graphql", (route) => isFirst(route) && route.continue());
  await signIn(page, api, token);
  await page.locator(".detail").waitFor();
  await page.context().close();
  if (bytes > MOST_BYTES) throw new Error(`The first screen needs ${bytes} bytes`);
  return `${Math.round(bytes / 1000)} kB`;
}

export async function accessible({ page }) {
  for (const screen of SCREENS) {
    await open(page, screen);
    await page.locator(LOADED[screen]).first().waitFor();
    await checkAccessible(page, screen);
  }
  await open(page, "Match Issues");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await checkAccessible(page, "the keys");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page
    .getByRole("button", { name: /Confirm all sure/ })
    .first()
    .click();
  await page.locator(".dialog .sample").waitFor();
  await checkAccessible(page, "the preview of Confirm all sure");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("tab", { name: /Unsynced/ }).click();
  await page.getByText("No ended links").or(page.locator(".cards .card")).first().waitFor();
  await checkAccessible(page, "Unsynced");
  await page
    .getByRole("tab", { name: /Issues/ })
    .first()
    .click();
}

/** What opens in GraphiQL is what the screen has sent since it was opened, with its variables. */
export async function graphiql({ page }) {
  const posted = [];
  const note = (request) => {
    if (request.url().endsWith("/graphql") && request.method() === "POST")
      posted.push(JSON.parse(request.postData()));
  };
  page.on("request", note);
  await open(page, SCREENS[0]);
  const names = [];
  for (const screen of SCREENS.toReversed()) {
    const before = posted.length;
    await open(page, screen);
    await page.locator(LOADED[screen]).first().waitFor();
    const popup = page.context().waitForEvent("page");
    await page.getByRole("button", { name: "Open in GraphiQL" }).click();
    const opened = await popup;
    await opened.waitForURL(/\/graphql\?/, { waitUntil: "commit" }); // a new page begins at about:blank
    const asked = new URL(opened.url()).searchParams;
    const [, name] = /(?:query|mutation) (\w+)/.exec(asked.get("q") ?? "") ?? [];
    const variables = JSON.parse(asked.get("variables"));
    const isSent = posted
      .slice(before)
      .some((one) => one.operationName === name && isDeepStrictEqual(one.variables ?? {}, variables));
    if (!isSent) throw new Error(`${screen} opens ${name}, which it has not sent with these variables`);
    if (/pageInfo \{[^}]*__typename/.test(asked.get("q")))
      throw new Error(`${screen} opens what the cache has added`);
    if (screen === "Contacts") await opened.locator(".graphiql-query-editor", { hasText: name }).waitFor();
    await opened.close();
    names.push(name);
  }
  page.off("request", note);
  return names.join(", ");
}

/** Loading, failing and empty: the answers of the API wait, fail, or hold nothing, because the filter fits nothing. */
export async function states({ browser, api, token }) {
  const { page } = await signedIn(browser, api, token);
  const fail = (route) => route.fulfill({ status: 503, body: "" });
  let answer = (route) => route.continue();
  await page.route("**/graphql", (route) => answer(route));
  for (const screen of SCREENS.toReversed()) {
    const held = [];
    answer = (route) => held.push(route);
    await open(page, screen);
    await checkAccessible(page, `${screen}, loading`);
    answer = fail;
    await Promise.all(held.map(fail));
    const again = page.getByRole("button", { name: "Try again" });
    if (held.length > 0) await again.or(page.locator(LOADED[screen])).first().waitFor();
    await checkAccessible(page, `${screen}, failing`);
    answer = (route) => route.continue();
    for (const button of await again.all()) await button.click(); // a list and the object beside it may both have failed
    await page.locator(LOADED[screen]).first().waitFor();
  }
  for (const screen of ["issues", "contacts", "invoices"]) {
    await page.goto(`${api}/console/${screen}?search=nothing-fits-this`);
    await page.locator(".state strong").waitFor();
    await checkAccessible(page, `${screen}, empty`);
  }
  await page.goto(`${api}/console/nowhere`);
  await page.getByText("There is no such screen").waitFor();
  await checkAccessible(page, "an unknown screen");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API token").waitFor();
  await checkAccessible(page, "the sign-in");
  await page.context().close();
}

/** A server that runs trusted documents only runs all that the browsers have sent until now. */
export async function trusted() {
  const manifest = readFileSync(new URL("../dist/trusted-documents.json", import.meta.url), "utf8");
  const known = new Set(Object.values(JSON.parse(manifest)));
  const missing = [...sent].filter((text) => !known.has(text));
  if (missing.length > 0) throw new Error(`The manifest lacks ${missing.length} documents:\n${missing[0]}`);
  return `${sent.size} of ${known.size} documents were sent`;
}
