// Signing in at an identity provider: the certified one that the tests of the API use (tests/oidc_provider).
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { checkHidden, newPage } from "./browser.mjs";

const FOLDER = fileURLToPath(new URL("../../tests/oidc_provider", import.meta.url));
const LASTS = 8; // seconds, so that the session renews its token while the test looks

export async function atProvider({ browser, api, ask, issuer, workspace }) {
  if (!issuer || !existsSync(`${FOLDER}/node_modules`))
    return "skipped: `npm ci --prefix tests/oidc_provider` installs the provider";
  const words = [new URL(issuer).port, workspace, `${api}/console/sign-in/done`, String(LASTS)];
  const provider = spawn(process.execPath, ["oidc-provider.mjs", ...words], { cwd: FOLDER });
  try {
    await once(provider.stdout, "data");
    return await signIn({ browser, api, ask });
  } finally {
    provider.kill();
  }
}

async function signIn({ browser, api }) {
  const { page } = await newPage(browser);
  const tokens = new Set();
  page.on("request", (request) => {
    if (request.url().endsWith("/graphql"))
      tokens.add(request.headers()["authorization"].replace("Bearer ", ""));
  });
  await page.goto(`${api}/console/contacts`);
  await page.getByRole("link", { name: "Sign in with your organisation’s account" }).click();
  await page.locator("input[name=login]").fill("ada");
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.waitForURL(/interaction|console/);
  if (page.url().includes("interaction")) await page.locator("button[type=submit]").click();
  await page.locator(".detail").waitFor();
  if (!page.url().endsWith("/console/contacts")) throw new Error(`The console goes on at ${page.url()}`);
  await page.getByText("Ada Lovelace").waitFor();

  await checkHidden(page, [...tokens]);

  // The token is renewed before it ends: the stream goes on, and no request is refused.
  const renewed = page.waitForResponse((one) => one.url().endsWith("/console/session") && one.ok());
  await renewed;
  await page.getByRole("link", { name: "Invoices", exact: true }).click();
  await page.locator(".detail").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.reload();
  await page.getByText("Ada Lovelace").waitFor();
  if (tokens.size < 2) throw new Error("The token was not renewed");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API token").waitFor();
  await page.context().close();
  return `${tokens.size} tokens`;
}
