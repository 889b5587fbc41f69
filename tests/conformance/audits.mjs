// graphql-http's audits of a server: MUST, SHOULD and MAY of the GraphQL over HTTP specification. All of them pass.

import { serverAudits } from "graphql-http";
import { address, check, finish, headers } from "./checks.mjs";

const audits = serverAudits({
  url: `http://${address}/graphql`,
  fetchFn: (url, init) => fetch(url, { ...init, headers: { ...headers, ...init?.headers } }),
});
for (const audit of audits) {
  await check(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    if (result.status !== "ok") throw new Error(`${result.status}: ${result.reason}`);
  });
}
finish();
