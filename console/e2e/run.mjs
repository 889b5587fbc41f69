// The console end to end, in a real browser at a running demo: `make test-console`; `ARGS=--full` settles 500 issues.
import { readFileSync } from "node:fs";
import { apiOf, readIssue, until } from "./api.mjs";
import { checkAccessible, launch, signedIn } from "./browser.mjs";
import { settle } from "./settle.mjs";

const { API, TOKEN, DEMO_PID, CHROMIUM } = process.env;
if (!API || !TOKEN || !CHROMIUM)
  throw new Error("Run `make test-console`, which starts a demo and sets API, TOKEN and CHROMIUM");
const full = process.argv.includes("--full");
const ask = apiOf(API, TOKEN);
const rows = (page) => page.locator(".detail").getAttribute("data-issue");

async function test(name, run) {
  const began = performance.now();
  const told = await run();
  console.log(`ok  ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)${told ? `: ${told}` : ""}`);
}

/** Goes on to the next issue whose first candidate can be confirmed. */
async function findConfirmable(page) {
  for (;;) {
    const id = await rows(page);
    const issue = await readIssue(ask, id);
    if (issue.state === "OPEN" && !issue.candidates[0].blockedBy) return issue;
    await page.keyboard.press("j");
    await page.waitForFunction((last) => document.querySelector(".detail")?.dataset.issue !== last, id);
  }
}

const browser = await launch();
try {
  const { page, errors } = await signedIn(browser, API, TOKEN);

  await test("a reload keeps the session, and no script can find the token", async () => {
    await page.reload();
    await page.locator(".detail").waitFor();
    const kept = await page.evaluate(() =>
      JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]),
    );
    if (kept.includes(TOKEN)) throw new Error(`The token is kept where scripts find it: ${kept}`);
  });

  await test("axe finds nothing on the screens", async () => {
    await checkAccessible(page, "Match Issues");
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await checkAccessible(page, "the keys");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: /Unsynced/ }).click();
    await page.getByText("No ended links").waitFor();
    await checkAccessible(page, "Unsynced");
    await page.getByRole("link", { name: "Contacts", exact: true }).click();
    await page.getByRole("heading", { name: "History" }).waitFor();
    await checkAccessible(page, "Contacts");
    await page.getByRole("link", { name: "Invoices", exact: true }).click();
    await page.getByRole("heading", { name: "History" }).waitFor();
    await checkAccessible(page, "Invoices");
    await page.getByRole("link", { name: "Xero", exact: true }).click();
    await page.getByText("Calls left this minute").waitFor();
    await checkAccessible(page, "Xero");
    await page.getByRole("link", { name: "Activity", exact: true }).click();
    await page.locator(".history li").first().waitFor();
    await checkAccessible(page, "Activity");
    await page.getByRole("link", { name: /Match Issues/ }).click();
    await page
      .getByRole("tab", { name: /Issues/ })
      .first()
      .click();
    await page.locator(".detail").waitFor();
  });

  await test("issues are settled by keyboard", async () => {
    const { settled, keys, answers } = await settle(page, ask, full ? 500 : 20, full ? 500 : 0);
    const at = (share) => Math.round(answers[Math.floor((answers.length - 1) * share)]);
    if (keys > 2) throw new Error(`An issue took ${keys} keys`);
    const slow = full ? at(0.95) : at(0.5); // the short run is part of builds on busy machines
    if (slow > 100) throw new Error(`An answer showed after ${slow} ms`);
    return `${settled} issues, answers within ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (longest)`;
  });

  await test("a refused decision comes back with the reason", async () => {
    const { xeroContact, candidates } = await findConfirmable(page);
    // The contact changes on its way: the request of the browser waits until another person has changed the contact.
    await page.route("**/graphql", async (route) => {
      if (route.request().postData()?.includes("confirmMatch"))
        await ask(
          "mutation($input: UpdateContactInput!) { updateContact(input: $input) { contact { id } userErrors { message } } }",
          {
            input: { contactId: candidates[0].contact.id, firstName: `Changed ${Date.now()}` },
          },
        );
      await route.continue();
    });
    await page.keyboard.press("Enter");
    await page.locator(".detail .problem").waitFor();
    await page.unroute("**/graphql");
    const shown = await page.locator(".detail h2").textContent();
    if (shown !== xeroContact.name) throw new Error(`${shown} is shown instead of ${xeroContact.name}`);
    return await page.locator(".detail .problem").textContent();
  });

  await test("another browser shows the decision, also after a restart of the server", async () => {
    const second = await signedIn(browser, API, TOKEN);
    const first = await rows(page);
    if (
      (await rows(second.page)) !== (await page.locator("[role=option]").first().getAttribute("id"))?.slice(4)
    )
      throw new Error("The two browsers show different lists");
    for (const key of ["j", "j", "j"]) await second.page.keyboard.press(key);
    await page.keyboard.press("i");
    await until(
      "the other browser shows no decided issue",
      async () => (await second.page.locator(`[id="row-${first}"]`).count()) === 0,
    );
    if (!DEMO_PID) return "without the restart";
    process.kill(serverOf(DEMO_PID), "SIGTERM");
    await second.page.getByText("Offline.").waitFor();
    const away = await rows(page);
    const answers = () =>
      fetch(`${API}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
    await until("the server answers again", answers, 60);
    await ask(
      "mutation($id: ID!) { resolveMatchIssues(input: {ignore: [$id]}) { userErrors { message } } }",
      { id: away },
    );
    await page.locator(".detail").getByText("Ignored by").waitFor({ timeout: 60_000 }); // it stays where somebody looks at it
    await until(
      "the other browser catches up",
      async () => (await second.page.locator(`[id="row-${away}"]`).count()) === 0,
    );
    await second.page.context().close();
    return "with the restart";
  });

  const complaints = errors.filter((text) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(text));
  if (complaints.length > 0) throw new Error(`The browser complains:\n  ${complaints.join("\n  ")}`);
} finally {
  await browser.close();
}

/** The process of the demo that serves the API; the demo starts it again when it has ended. */
function serverOf(demo) {
  const children = readFileSync(`/proc/${demo}/task/${demo}/children`, "utf8").trim().split(" ");
  const found = children.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("serve"),
  );
  if (!found) throw new Error("The demo has no process that serves");
  return Number(found);
}
