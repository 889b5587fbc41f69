// A long list in the browser: its last row is reached by scrolling and by keyboard, and a row in the middle is read when it shows.
import { apiOf, until } from "./api.mjs";
import { newPage, signIn } from "./browser.mjs";

const NEIGHBOURS = `{
  first: contacts(first: 1, orderBy: {field: NAME, direction: ASC}) { edges { node { id } } totalCount }
  last: contacts(last: 2, orderBy: {field: NAME, direction: ASC}) { edges { node { id } } }
}`;

/** `token`: of the practice with the long list. */
async function reach({ browser, api }, ask, token) {
  const { first, last } = await ask(NEIGHBOURS);
  const [top, beforeBottom, bottom] = [...first.edges, ...last.edges].map(({ node }) => node.id);
  const { page } = await newPage(browser);
  let requests = 0;
  page.on("request", (request) => {
    if (/query Contacts\b/.test(request.postData() ?? "")) requests += 1;
  });
  await signIn(page, api, token, "/contacts");
  const list = page.getByRole("listbox", { name: "Contacts" });
  const selected = (id) => page.locator(`[id="row-${id}"][aria-selected=true]`).waitFor();
  await page.locator(`[id="row-${top}"]`).waitFor();

  const took = {};
  const time = async (name, act) => {
    const began = performance.now();
    const before = requests;
    await act();
    took[name] = `${Math.round(performance.now() - began)} ms, ${requests - before} requests`;
  };
  await time("scrolling", async () => {
    await list.evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await page.locator(`[id="row-${bottom}"]`).waitFor();
  });
  await list.evaluate((box) => box.scrollTo(0, 0));
  await list.focus();
  await time("keyboard", async () => {
    await page.keyboard.press("End");
    await selected(bottom);
  });
  await page.keyboard.press("ArrowUp");
  await selected(beforeBottom);
  await page.keyboard.press("Home");
  await selected(top);
  await time("the middle of what the list counts", async () => {
    await list.evaluate((box) => box.scrollTo(0, Math.min(box.scrollHeight / 2, 60 * 1_000)));
    await until("the rows are read", async () => {
      const shown = await list.evaluate((box) => {
        const { top, bottom } = box.getBoundingClientRect();
        const rows = [...box.querySelectorAll(".row")].filter((row) => {
          const place = row.getBoundingClientRect();
          return place.bottom > top && place.top < bottom;
        });
        return rows.length > 0 && rows.every((row) => !row.classList.contains("unread"));
      });
      return shown;
    });
  });
  await page.context().close();
  return Object.entries(took)
    .map(([name, text]) => `${name}: ${text}`)
    .join("; ");
}

/** In a practice with 100,000 contacts. */
export async function endsOfMany(world) {
  const { api, long } = world;
  return long ? await reach(world, apiOf(api, long), long) : "skipped: LONG is set with --full only";
}

export const ends = (world) => reach(world, world.ask, world.token);
