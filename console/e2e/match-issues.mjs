// Match issues in the browser: by keyboard, and a decision that the server refuses.
import { readIssue } from "./api.mjs";
import { settle } from "./settle.mjs";

const TEN_MINUTES = 600_000;
const CHANGE = `mutation($input: UpdateContactInput!) { updateContact(input: $input) { contact { id } userErrors { message } } }`;

export const shownIssue = (page) => page.locator(".detail").getAttribute("data-issue");

/** Settles 20 issues, or with `full` 500 at the pace of a person who thinks for half a second. */
export async function settleByKeyboard({ page, ask, full }) {
  const began = performance.now();
  const { settled, keys, answers } = await settle(page, ask, full ? 500 : 20, full ? 500 : 0);
  const took = performance.now() - began;
  const at = (share) => Math.round(answers[Math.floor((answers.length - 1) * share)]);
  if (keys > 2) throw new Error(`An issue took ${keys} keys`);
  if (full && took > TEN_MINUTES) throw new Error(`500 issues took ${Math.round(took / 1000)} s`);
  const slow = full ? at(0.95) : at(0.5); // the short run is part of builds on busy machines
  if (slow > 100) throw new Error(`An answer showed after ${slow} ms`);
  return `${settled} issues, answers within ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (longest)`;
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
  return await page.locator(".detail .problem").textContent();
}
