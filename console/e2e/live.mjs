// Two browsers side by side: each shows the other's acts, also after a restart of the server and after a time without network.
import { readFileSync } from "node:fs";
import { until } from "./api.mjs";
import { checkAccessible, open, shownIssue, signedIn } from "./browser.mjs";

const IGNORE = `mutation($id: ID!) { resolveMatchIssues(input: {ignore: [$id]}) { userErrors { message } } }`;
const rowsOf = (page, id) => page.locator(`[id="row-${id}"]`).count();
const isGone = (page, id) => async () => (await rowsOf(page, id)) === 0;

/** Goes to another issue: a decided issue stays in the list of the browser that looks at it. */
async function leave(page, id) {
  if ((await shownIssue(page)) !== id) return;
  await page.keyboard.press("j");
  await until("the next issue shows", async () => (await shownIssue(page)) !== id);
}

export async function sideBySide(world) {
  const { page, browser, api, token } = world;
  await open(page, "Match Issues");
  const other = await signedIn(browser, api, token);
  const first = await shownIssue(page);
  await leave(other.page, first);
  if ((await rowsOf(other.page, first)) !== 1) throw new Error("The other browser does not show the issue");
  await page.keyboard.press("i");
  await until("the other browser shows no decided issue", isGone(other.page, first));
  world.other = other;
}

export async function restart({ page, other, api, ask, demo }) {
  if (!demo) return "skipped: DEMO_PID is not set";
  process.kill(serverOf(demo), "SIGTERM");
  await other.page.getByText("Offline.").waitFor();
  await checkAccessible(other.page, "Match Issues offline");
  const away = await shownIssue(page);
  await leave(other.page, away);
  await until("the server answers again", () => isAlive(api), 60);
  await ask(IGNORE, { id: away });
  await page.locator(".detail").getByText("Ignored by").waitFor({ timeout: 60_000 }); // it stays where somebody looks at it
  await until("the other browser catches up", isGone(other.page, away));
}

/** Without network the console says so, sends no decision, and shows afterwards what has happened meanwhile. */
export async function withoutNetwork({ other, ask }) {
  const { page } = other;
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
  const id = await shownIssue(page);
  await page.context().setOffline(true);
  await page.getByText("Offline.").waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".detail .problem").waitFor();
  await ask(IGNORE, { id });
  await page.context().setOffline(false);
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
  await page.locator(".detail").getByText("Ignored by").waitFor();
  await page.context().close();
}

const isAlive = (api) =>
  fetch(`${api}/healthz`).then(
    (answer) => answer.ok,
    () => false,
  );

/** The process of the demo that serves the API; the demo starts it again when it has ended. */
function serverOf(demo) {
  const children = readFileSync(`/proc/${demo}/task/${demo}/children`, "utf8").trim().split(" ");
  const found = children.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("serve"),
  );
  if (!found) throw new Error("The demo has no process that serves");
  return Number(found);
}
