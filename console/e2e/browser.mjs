// A browser at the console: Debian's Chromium, headless, without calls to the internet.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { mouse } from "./hands.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The text of each document that a page has sent. */
export const sent = new Set();

function noteSent(address, body) {
  if (!address.endsWith("/graphql") || !body) return;
  const message = JSON.parse(body);
  const { query } = message.payload ?? message;
  if (query) sent.add(query);
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });

/** A page of its own browser profile. `errors` collects what the browser complains about, such as its content security policy. */
export async function newPage(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => noteSent(request.url(), request.postData()));
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => noteSent(socket.url(), payload)));
  return { page, errors };
}

export async function signedIn(browser, api, token) {
  const { page, errors } = await newPage(browser);
  await signIn(page, api, token);
  await page.locator(".detail").waitFor();
  return { page, errors };
}

/** `hand`: how the person works (hands.mjs). */
export async function signIn(page, api, token, place = "", hand = mouse) {
  await page.goto(`${api}/console${place}`);
  await hand.write(page.getByLabel("API token"), token);
  await hand.press(page.getByRole("button", { name: "Sign in", exact: true }));
}

/** Opens a screen of the bar. */
export async function open(page, screen, hand = mouse) {
  const bar = page.getByRole("navigation", { name: "Screens" });
  await hand.press(bar.getByRole("link", { name: new RegExp(`^${screen}`) }).first());
  await page.getByRole("heading", { level: 1, name: screen, exact: true }).waitFor();
}

/** The id of the match issue that the page shows. */
export const shownIssue = (page) => page.locator(".detail").getAttribute("data-issue");

/** Fails if a script of the page could find one of the tokens: in the address, in a cookie, or in the storage of the browser. */
export async function checkHidden(page, tokens) {
  const kept = await page.evaluate(() =>
    JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]),
  );
  if (tokens.some((token) => kept.includes(token))) throw new Error(`Scripts find the token: ${kept}`);
}

/** Fails if axe finds anything on the page as it is shown now. */
export async function checkAccessible(page, screen) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target}`),
  );
  if (found.length > 0) throw new Error(`axe finds on ${screen}:\n  ${found.join("\n  ")}`);
}
