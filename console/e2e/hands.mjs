// How a person works with a page: by mouse, or by keyboard alone.

export const mouse = {
  press: (target) => target.click(),
  write: (target, text) => target.fill(text),
  writeDate: (target, date) => target.fill(date),
  choose: (target, label) => target.selectOption({ label }),
};

export const keyboard = {
  async press(target) {
    await reach(target);
    await target.page().keyboard.press("Enter");
  },
  async write(target, text) {
    await reach(target);
    await target.page().keyboard.press("ControlOrMeta+a");
    await target.page().keyboard.type(text);
  },
  /** `date`: such as "2026-12-31". The date field of an English browser takes month, day and year. */
  async writeDate(target, date) {
    const [year, month, day] = date.split("-");
    await reach(target);
    await target.page().keyboard.type(`${month}${day}${year}`);
  },
  /** Goes through the options of a drop-down list with the arrow keys. */
  async choose(target, label) {
    await reach(target);
    await target.page().keyboard.press("Home");
    for (;;) {
      const chosen = await target.evaluate((box) => box.selectedOptions[0]?.label);
      if (chosen === label) return;
      await target.page().keyboard.press("ArrowDown");
      if ((await target.evaluate((box) => box.selectedOptions[0]?.label)) === chosen)
        throw new Error(`The list has no ${label}`);
    }
  },
};

const MOST = 300;

/** Moves the focus with Tab until the target has it: a control that Tab does not reach fails here. */
async function reach(target) {
  await target.waitFor();
  for (let tabs = 0; tabs < MOST; tabs++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await target.page().keyboard.press("Tab");
  }
  throw new Error(`${MOST} tabs do not lead to ${target}`);
}
