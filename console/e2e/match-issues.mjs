// Match issues in the browser: by keyboard, and a decision that the server refuses.
import { loadavg } from "node:os";
import { readIssue, until } from "./api.mjs";
import { open, shownIssue } from "./browser.mjs";
import { settle } from "./settle.mjs";

const TEN_MINUTES = 600_000;
const SUMMARY = `{ workspace { xeroOrganisations { summary { openIssues } } } }`;
const CHANGE = `mutation($input: UpdateContactInput!) { updateContact(input: $input) { contact { id } userErrors { message } } }`;

async function begin(page) {
  await open(page, "Match Issues");
  await page.locator("[data-issue]").waitFor();
  await page.getByRole("listbox").focus(); // Enter on the link that was clicked would follow the link
}

const IGNORE = `mutation($ids: [ID!]!) { resolveMatchIssues(input: {ignore: $ids}) { userErrors { message } } }`;

/**
 * Somebody else decides all issues that the browser has read: the browser reads on. Its pages are small, so that some issues are unread.
 * The list reads 40 rows ahead of the rendered ones, and then rests.
 */
export async function readsOn({ page, ask }) {
  await page.route("**/graphql", (route) =>
    route.continue({ postData: route.request().postData().replace('"first":50', '"first":5') }),
  );
  const read = new Set();
  const note = async (response) => {
    if (!/query MatchIssues\b/.test(response.request().postData() ?? "")) return;
    for (const { node } of (await response.json()).data.matchIssues.edges) read.add(node.id);
  };
  page.on("response", note);
  await page.reload();
  await begin(page);
  await until("the list has read ahead", async () => {
    const rendered = await page.locator("[role=option]").last().getAttribute("aria-posinset");
    return read.size >= Number(rendered) + 40;
  });
  const ids = [...read];
  await ask(IGNORE, { ids });
  await until("an issue shows that was not read before", async () => {
    const rows = await page
      .locator("[role=option]")
      .evaluateAll((found) => found.map(({ id }) => id.slice(4)));
    return rows.some((id) => !ids.includes(id));
  });
  page.off("response", note);
  await page.unroute("**/graphql");
  return `${ids.length} issues were read before, ${read.size - ids.length} afterwards`;
}

const SURE = `{ workspace { xeroOrganisations { sureMatchesPreview { count } } }
  matchIssues(first: 1, filter: {state: OPEN, sure: true}) { totalCount } }`;

/** The preview says how many issues are sure; then all of them are confirmed. */
export async function confirmSure({ page, ask }) {
  await begin(page);
  const { count } = (await ask(SURE)).workspace.xeroOrganisations[0].sureMatchesPreview;
  await page
    .getByRole("button", { name: /Confirm all sure/ })
    .first()
    .click();
  await page.getByRole("button", { name: `Confirm ${count}`, exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await until("no sure issue is open", async () => (await ask(SURE)).matchIssues.totalCount === 0);
  return `${count} issues`;
}

/** U takes the last decision back: the issue is on the page again, and open in the database. */
export async function takenBack({ page, ask }) {
  await begin(page);
  const id = await shownIssue(page);
  await page.keyboard.press("i");
  await until("the issue is ignored", async () => (await readIssue(ask, id)).resolution === "IGNORED");
  await page.keyboard.press("u");
  await page.locator(`.detail[data-issue="${id}"][aria-busy=false]`).waitFor();
  await page.locator(`[id="row-${id}"]`).waitFor();
  if ((await readIssue(ask, id)).state !== "OPEN") throw new Error("The issue is not open again");
}

/** A decision shows before the server has answered: its answer is held until the next issue is on the page. */
export async function showsAtOnce({ page }) {
  await begin(page);
  const id = await shownIssue(page);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes("resolveMatchIssues")) await held;
    await route.continue();
  });
  await page.keyboard.press("i");
  await page.waitForFunction((last) => document.querySelector(".detail")?.dataset.issue !== last, id);
  release();
  await page.locator(".notice", { hasText: "Ignored" }).waitFor();
  await page.unroute("**/graphql");
}

/** Settles 20 issues, or with `full` 500 at the pace of a person who thinks for half a second. */
export async function settleByKeyboard({ page, ask, full }) {
  await begin(page);
  const { openIssues: open } = (await ask(SUMMARY)).workspace.xeroOrganisations[0].summary;
  const began = performance.now();
  const { settled, keys, answers } = await settle(page, ask, full ? 500 : 20, full ? 500 : 0);
  const took = performance.now() - began;
  const at = (share) => Math.round(answers[Math.floor((answers.length - 1) * share)]);
  const told = `${settled} of ${open} open issues in ${Math.round(took / 1000)} s, at most ${keys} keys each; from the key to the changed list p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms; load ${loadavg()[0].toFixed(1)}`;
  if (keys > 2) throw new Error(`An issue took ${keys} keys`);
  if (full && took > TEN_MINUTES) throw new Error(`Too slow: ${told}`);
  // The short run is part of builds on busy machines: `showsAtOnce` checks there that no answer waits for the server.
  if (full && at(0.95) > 100) throw new Error(`An answer showed too late: ${told}`);
  return told;
}

/** Goes on to the next issue whose first candidate can be confirmed. */
async function findConfirmable(page, ask) {
  for (;;) {
    const id = await shownIssue(page);
    const issue = await readIssue(ask, id);
    if (issue.state === "OPEN" && !issue.candidates[0].blockedBy) return issue;
    await page.keyboard.press("j");
    await page.waitForFunction((last) => document.querySelector(".detail")?.dataset.issue !== last, id);
  }
}

export async function refusedDecision({ page, ask }) {
  const { xeroContact, candidates } = await findConfirmable(page, ask);
  // The contact changes on its way: the request of the browser waits until another person has changed the contact.
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes("confirmMatch"))
      await ask(CHANGE, {
        input: { contactId: candidates[0].contact.id, firstName: `Changed ${Date.now()}` },
      });
    await route.continue();
  });
  await page.keyboard.press("Enter");
  await page.locator(".detail .problem").waitFor();
  await page.unroute("**/graphql");
  const shown = await page.locator(".detail h2").textContent();
  if (shown !== xeroContact.name) throw new Error(`${shown} is shown instead of ${xeroContact.name}`);
  await page
    .locator("[role=option]", { hasText: xeroContact.name })
    .locator(".badge.refused")
    .first()
    .waitFor();
  return await page.locator(".detail .problem").textContent();
}
