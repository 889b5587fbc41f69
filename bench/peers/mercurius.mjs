// A page of contacts by mercurius with graphql-jit: two hand-written statements. POST /graphql has the same query as Tandem gets.
// BENCH_AS=app: the app's role, the look-up of the token, BEGIN, set_config, the statements, COMMIT. BENCH_AS=owner: the statements alone.

import { createHash } from "node:crypto";
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.BENCH_DATABASE, max: 8, min: 8 });
const asApp = process.env.BENCH_AS === "app";

const schema = `
  type Query { contacts(first: Int, after: String): ContactConnection! }
  type ContactConnection { edges: [ContactEdge!]! pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type ContactEdge { cursor: String! node: Contact! }
  type Address { lines: [String!]! city: String region: String postalCode: String country: String attentionTo: String }
  type SyncLink { id: ID! state: String! stateSince: String! lastSyncedAt: String }
  type Contact { id: ID! name: String! firstName: String lastName: String kind: String! billingEmail: String primaryPhone: String
    updatedAt: String! version: Int! billingAddress: Address syncLinks: [SyncLink!]! }`;

const PAGE = {
  name: "page",
  text: `select id, name, first_name as "firstName", last_name as "lastName", kind, billing_email as "billingEmail",
    primary_phone as "primaryPhone", updated_at::text as "updatedAt", version, billing_address as "billingAddress", name_key
    from contact where workspace_id = $1 and archived_at is null and (name_key, id) > ($2, $3) order by name_key, id limit $4`,
};
const LINKS = {
  name: "links",
  text: `select contact_id, id, state, state_since::text as "stateSince", last_synced_at::text as "lastSyncedAt" from sync_link
    where workspace_id = $1 and contact_id = any($2) order by linked_at, id`,
};
const TOKEN = { name: "token", text: "select workspace_id from door.find_token($1, now())" };
const WORKSPACE = { name: "workspace", text: "select set_config('tandem.workspace', $1, true)" };

const pack = (key, id) => Buffer.from(JSON.stringify(["contacts NAME", key, id])).toString("base64url");

async function page(client, workspace, first, after) {
  const [, key, id] = JSON.parse(Buffer.from(after, "base64url").toString());
  const { rows } = await client.query({ ...PAGE, values: [workspace, key, id, first + 1] });
  const shown = rows.slice(0, first);
  const links = await client.query({ ...LINKS, values: [workspace, shown.map((row) => row.id)] });
  const byContact = new Map(shown.map((row) => [row.id, (row.syncLinks = [])]));
  for (const link of links.rows) byContact.get(link.contact_id).push(link);
  const edges = shown.map((node) => ({ cursor: pack(node.name_key, node.id), node }));
  const pageInfo = {
    hasNextPage: rows.length > first,
    hasPreviousPage: true,
    startCursor: edges.at(0)?.cursor,
    endCursor: edges.at(-1)?.cursor,
  };
  return { edges, pageInfo };
}

async function contacts(_, { first, after }, { token }) {
  const client = await pool.connect();
  try {
    if (!asApp) return await page(client, process.env.BENCH_WORKSPACE, first, after);
    const hash = createHash("sha256").update(token).digest();
    const found = await client.query({ ...TOKEN, values: [hash] });
    const workspace = found.rows[0].workspace_id;
    await client.query("begin");
    await client.query({ ...WORKSPACE, values: [workspace] });
    const answer = await page(client, workspace, first, after);
    await client.query("commit");
    return answer;
  } finally {
    client.release();
  }
}

const app = Fastify();
app.register(mercurius, {
  schema,
  resolvers: { Query: { contacts } },
  jit: 1,
  context: (request) => ({ token: (request.headers.authorization ?? "").replace("Bearer ", "") }),
});
app.get("/", async () => "ready");
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
process.on("SIGTERM", () => process.exit(0));
