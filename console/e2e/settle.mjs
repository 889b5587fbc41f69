// Settles match issues by keyboard, as a person does, and checks each decision.
import { readIssue } from "./api.mjs";
import { shownIssue } from "./browser.mjs";

/** Puts the decisions in turn: confirm, confirm with the practice's email, create separate, ignore, confirm another candidate. */
function plan(place, issue) {
  const [first, second] = issue.candidates;
  const differs = first.differences.find((one) => one.field === "BILLING_EMAIL");
  if (place % 5 === 1 && differs?.practice && differs.xero && !first.blockedBy)
    return {
      keys: ["e", "Enter"],
      resolution: "CONFIRMED",
      contact: first.contact,
      keeps: differs.practice,
    };
  if (place % 5 === 2 || first.blockedBy) return { keys: ["s"], resolution: "CREATED_SEPARATE" };
  if (place % 5 === 3) return { keys: ["i"], resolution: "IGNORED" };
  if (place % 5 === 4 && second && !second.blockedBy)
    return { keys: ["2", "Enter"], resolution: "CONFIRMED", contact: second.contact };
  return { keys: ["Enter"], resolution: "CONFIRMED", contact: first.contact };
}

/**
 * Notes in the page what it sends, and how long each answer takes to show: from the key until the browser has painted the next issue, and
 * the list without the row of the decided one.
 */
async function watchAnswers(page) {
  await page.evaluate(() => {
    window.mutations = [];
    const { fetch } = window;
    window.fetch = (address, options) => {
      if (options?.body?.includes("mutation")) window.mutations.push(options.body);
      return fetch(address, options);
    };
    window.answers = [];
    let pressed = 0;
    let before = document.querySelector(".detail")?.dataset.issue;
    addEventListener("keydown", () => (pressed = performance.now()), true);
    new MutationObserver(() => {
      const now = document.querySelector(".detail")?.dataset.issue;
      if (now === before || document.getElementById(`row-${before}`)) return;
      before = now;
      const began = pressed;
      requestAnimationFrame(() => setTimeout(() => window.answers.push(performance.now() - began)));
    }).observe(document.getElementById("screen"), { subtree: true, childList: true, attributes: true });
  });
}

/** Why the server refuses the decision of this issue, once it has answered; empty if it accepts it. */
async function refusal(page, id) {
  const response = await page.waitForResponse((one) => {
    const asked = one.request().postData() ?? "";
    return asked.includes("mutation") && asked.includes(id);
  });
  const payloads = Object.values((await response.json()).data);
  return payloads.flatMap((one) => [one, ...(one.results ?? [])]).flatMap((one) => one.userErrors);
}

/**
 * Settles `count` issues, `thinking` milliseconds for each. Returns the most keys that an issue took, and the answer times in
 * milliseconds, the shortest first. The next issue does not wait for the server's answer about the last one.
 *
 * An earlier decision may have changed an issue a moment before its key. Then the server refuses the key's decision, and the issue comes
 * back. A key that meets the issue while it comes decides nothing, and no key decides an issue that an earlier decision has made obsolete.
 */
export async function settle(page, ask, count, thinking) {
  await watchAnswers(page);
  const before = await readDecided(ask);
  const decisions = [];
  const refused = () => decisions.filter(({ why }) => why.length > 0);
  let keys = 0;
  let lost = 0;
  while (decisions.length - refused().length < count) {
    const id = await shownIssue(page);
    const [issue] = await Promise.all([readIssue(ask, id), page.waitForTimeout(thinking)]);
    await page.locator(".detail[aria-busy=false]").waitFor(); // no key counts while it is busy
    if ((await shownIssue(page)) !== id) continue; // a refused issue has come back meanwhile
    const decision = { id, why: [], ...plan(decisions.length, issue) };
    decision.answered = refusal(page, id).then((why) => (decision.why = why));
    decision.answered.catch(() => {}); // it counts where the answers are awaited
    await press(page, issue, decision.keys);
    const [sent, ...more] = await page.evaluate((from) => window.mutations.slice(from), decisions.length);
    if (more.length > 0 || (sent && !sent.includes(id)))
      throw new Error(`The keys ${decision.keys} of ${id} sent ${[sent, ...more]}`);
    if (!sent) {
      lost += (await readIssue(ask, id)).state === "OPEN" ? 1 : 0;
      if (lost > refused().length) throw new Error(`The keys ${decision.keys} moved on and decided nothing`);
      continue;
    }
    keys = Math.max(keys, decision.keys.length);
    decisions.push(decision);
    if (thinking === 0 || decisions.length - refused().length >= count) {
      await Promise.all(decisions.map(({ answered }) => answered));
      if (thinking === 0 && decision.why.length > 0)
        await page.locator(`.detail[data-issue="${id}"][aria-busy=false]`).waitFor();
    }
    if (refused().length > count / 4)
      throw new Error(`Too many refusals, the last: ${refused().at(-1).why[0].message}`);
  }
  const accepted = decisions.filter(({ why }) => why.length === 0);
  await check(ask, accepted, before);
  const answers = (await page.evaluate(() => window.answers)).toSorted((one, other) => one - other);
  return { settled: accepted.length, keys, answers };
}

/** Presses the keys, and waits until the next issue shows. */
async function press(page, issue, keys) {
  for (const key of keys) await page.keyboard.press(key);
  await page
    .waitForFunction((last) => document.querySelector(".detail")?.dataset.issue !== last, issue.id)
    .catch(() => {
      throw new Error(`The keys ${keys} did not settle ${issue.xeroContact.name}`);
    });
}

const DECIDED = `query($after: String) { matchIssues(first: 100, after: $after, filter: {state: RESOLVED}) {
  pageInfo { hasNextPage endCursor } edges { node { id resolution } } } }`;

/** The ids of all issues that a person has decided. */
async function readDecided(ask) {
  const found = new Set();
  for (let after = null; ;) {
    const { edges, pageInfo } = (await ask(DECIDED, { after })).matchIssues;
    for (const { node } of edges) if (node.resolution !== "OBSOLETE") found.add(node.id);
    if (!pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
}

/** Each issue was decided as its keys say, unless an earlier decision had made it obsolete, and no other issue was decided. */
async function check(ask, decisions, before) {
  const decided = await readDecided(ask);
  for (const { id, resolution, contact, keeps } of decisions) {
    const issue = await readIssue(ask, id);
    if (issue.resolution === "OBSOLETE") continue;
    const linked = issue.link?.contact;
    const wrong =
      issue.state !== "RESOLVED" ||
      issue.resolution !== resolution ||
      (contact && linked?.id !== contact.id) ||
      (resolution === "CREATED_SEPARATE" && issue.candidates.some((one) => one.contact.id === linked?.id)) ||
      (resolution === "IGNORED" && linked) ||
      (keeps && linked.billingEmail !== keeps);
    if (wrong)
      throw new Error(`Expected ${resolution} of ${contact?.name ?? ""}, found ${JSON.stringify(issue)}`);
    decided.delete(id);
  }
  const others = [...decided].filter((id) => !before.has(id));
  if (others.length > 0) throw new Error(`Issues were decided that were not shown: ${others}`);
}
