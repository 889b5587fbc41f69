// Prints one line a check, and ends with exit code 1 if one of them fails.

let failed = 0;
let passed = 0;

export async function check(name, run) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no result after 60 s")), 60_000);
  });
  try {
    await Promise.race([run(), late]);
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error?.message ?? JSON.stringify(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

export const [address, token] = process.argv.slice(2);
export const headers = { authorization: `Bearer ${token}` };
