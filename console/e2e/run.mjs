// The console end to end, in a real browser at a running demo: `make test-console`; `ARGS=--full` settles 500 issues.
import { apiOf } from "./api.mjs";
import { launch, signedIn } from "./browser.mjs";
import { editAndRestore, editStale, unsync } from "./contacts.mjs";
import { createAndSend, editStaleInvoice, failAndFix, mapAccount, switchSync } from "./invoices.mjs";
import { ends } from "./long-list.mjs";
import { restart, sideBySide, withoutNetwork } from "./live.mjs";
import { readsOn, refusedDecision, settleByKeyboard, showsAtOnce } from "./match-issues.mjs";
import { readOnly } from "./scopes.mjs";
import { accessible, firstScreen, graphiql, reload, states, trusted } from "./screens.mjs";
import { atProvider } from "./sign-in.mjs";
import { disconnect, firstImport, massChange } from "./xero.mjs";

const { API, TOKEN, SECOND, ISSUER, SIMULATOR, DEMO_PID, CHROMIUM } = process.env;
if (!API || !TOKEN || !CHROMIUM)
  throw new Error("Run `make test-console`, which starts a demo and sets API, TOKEN and CHROMIUM");
const only = process.argv.slice(2).filter((word) => !word.startsWith("--"));

const TESTS = {
  "a reload keeps the session, and no script can find the token": reload,
  "the first screen is small": firstScreen,
  "axe finds nothing on the screens": accessible,
  "axe finds nothing while a screen loads, fails or is empty": states,
  "each screen opens in GraphiQL what it has sent": graphiql,
  "a reader is offered nothing that the API would refuse": readOnly,
  "both ends of a long list are near, by scrolling and by keyboard": ends,
  "a decision shows before the server has answered": showsAtOnce,
  "issues are settled by keyboard": settleByKeyboard,
  "a refused decision comes back with the reason": refusedDecision,
  "another browser shows a decision": sideBySide,
  "both browsers survive a restart of the server": restart,
  "a browser without network says so, and catches up": withoutNetwork,
  "an account is chosen for a service type": mapAccount,
  "the invoice sync is switched off and on": switchSync,
  "an invoice is written and sent": createAndSend,
  "an edit of an invoice that has changed is refused": editStaleInvoice,
  "a failing invoice leads to its remedy": failAndFix,
  "a contact is edited, and the old value restored": editAndRestore,
  "an edit of a contact that has changed is refused": editStale,
  "a contact is unsynced": unsync,
  "a person signs in at the identity provider": atProvider,
  "the list reads on when all its issues are decided": readsOn,
  "a mass change waits for a person": massChange,
  "an organisation is disconnected": disconnect,
  "another practice connects it, sees the preview and imports": firstImport,
  "the manifest of trusted documents holds each document that was sent": trusted,
};

const ask = apiOf(API, TOKEN);
const browser = await launch();
try {
  const { page, errors } = await signedIn(browser, API, TOKEN);
  const { workspace } = await ask("{ workspace { id } }");
  const world = {
    browser,
    page,
    ask,
    api: API,
    token: TOKEN,
    second: SECOND,
    askSecond: apiOf(API, SECOND),
    issuer: ISSUER,
    simulator: SIMULATOR,
    workspace: workspace.id,
    demo: DEMO_PID,
    full: process.argv.includes("--full"),
  };
  for (const [name, run] of Object.entries(TESTS)) {
    if (only.length > 0 && !only.some((word) => name.includes(word))) continue;
    const began = performance.now();
    const told = await run(world).catch(async (error) => {
      await page.screenshot({ path: "node_modules/failed.png" });
      throw new Error(`${name}: ${error.message} (node_modules/failed.png)`, { cause: error });
    });
    console.log(
      `ok  ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)${told ? `: ${told}` : ""}`,
    );
  }
  const complaints = errors.filter((text) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(text));
  if (complaints.length > 0) throw new Error(`The browser complains:\n  ${complaints.join("\n  ")}`);
} finally {
  await browser.close();
}
