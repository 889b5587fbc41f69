// The console end to end, in a real browser at a running demo: `make test-console`; `ARGS=--full` settles 500 issues.
import { apiOf } from "./api.mjs";
import { launch, signedIn } from "./browser.mjs";
import { editAndRestore, editStale, pushExisting, review, unsync } from "./contacts.mjs";
import {
  createAndSend,
  editStaleInvoice,
  failAndFix,
  mapAccount,
  switchSync,
  voidInvoice,
} from "./invoices.mjs";
import { ends, endsOfMany } from "./long-list.mjs";
import { restart, sideBySide, withoutNetwork } from "./live.mjs";
import {
  confirmSure,
  readsOn,
  refusedDecision,
  settleByKeyboard,
  showsAtOnce,
  takenBack,
} from "./match-issues.mjs";
import { readOnly, writes } from "./scopes.mjs";
import { accessible, firstScreen, graphiql, reload, states, trusted } from "./screens.mjs";
import { atProvider } from "./sign-in.mjs";
import { byKeyboard, byMouse } from "./whole-job.mjs";
import { disconnect, massChange } from "./xero.mjs";

const { API, TOKEN, SECOND, THIRD, LONG, ISSUER, SIMULATOR, DEMO_PID, CHROMIUM } = process.env;
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
  "both ends of a list of 100,000 are near": endsOfMany,
  "WRITE is offered what it may do, and nothing of ADMIN": writes,
  "a decision shows before the server has answered": showsAtOnce,
  "a decision is taken back": takenBack,
  "issues are settled by keyboard": settleByKeyboard,
  "a refused decision comes back with the reason": refusedDecision,
  "another browser shows a decision": sideBySide,
  "both browsers survive a restart of the server": restart,
  "a browser without network says so, and catches up": withoutNetwork,
  "an account is chosen for a service type": mapAccount,
  "the invoice sync is switched off and on": switchSync,
  "an invoice is written and sent": createAndSend,
  "an invoice is voided": voidInvoice,
  "an edit of an invoice that has changed is refused": editStaleInvoice,
  "a failing invoice leads to its remedy": failAndFix,
  "a contact is edited, and the old value restored": editAndRestore,
  "an edit of a contact that has changed is refused": editStale,
  "a contact is unsynced, and linked again": unsync,
  "a person reviews whether a contact is a person": review,
  "a contact is linked with the one that Xero has already": pushExisting,
  "a person signs in at the identity provider": atProvider,
  "the list reads on when all its issues are decided": readsOn,
  "all sure issues are confirmed together": confirmSure,
  "a mass change waits for a person": massChange,
  "an organisation is disconnected": disconnect,
  "the whole job by keyboard alone, in a practice that begins": byKeyboard,
  "the whole job by mouse, in a practice that begins": byMouse,
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
    third: THIRD,
    long: LONG,
    issuer: ISSUER,
    simulator: SIMULATOR,
    workspace: workspace.id,
    demo: DEMO_PID,
    full: process.argv.includes("--full"),
  };
  const failures = [];
  for (const [name, run] of Object.entries(TESTS)) {
    if (only.length > 0 && !only.some((word) => name.includes(word))) continue;
    const began = performance.now();
    const took = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
    try {
      const told = await run(world);
      console.log(`ok  ${name} (${took()})${told ? `: ${told}` : ""}`);
    } catch (error) {
      failures.push(name);
      const picture = `node_modules/failed-${failures.length}.png`;
      await page.screenshot({ path: picture });
      console.log(`RED ${name} (${took()}, ${picture}): ${error.stack}`);
    }
  }
  if (failures.length > 0) throw new Error(`Red: ${failures.join("; ")}`);
  const complaints = errors.filter((text) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(text));
  if (complaints.length > 0) throw new Error(`The browser complains:\n  ${complaints.join("\n  ")}`);
} finally {
  await browser.close();
}
