// A `fetch` that waits when the caller has used up the minute's budget. Such a request was refused before anything ran, so every
// request may be sent again, a mutation too.

const sleep = (seconds) => new Promise((wake) => setTimeout(wake, seconds * 1000));

export async function patientFetch(url, init, { attempts = 3, wait = sleep } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(url, init);
    if (answer.status !== 429 || attempt === attempts) return answer;
    await wait(Number(answer.headers.get("retry-after") ?? 1));
  }
}
