// relay-compiler over documents for the whole schema: each Node is refetched by its id, each connection is paged, each mutation
// is sent. The documents are derived from the schema.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSchema, getNamedType, isLeafType, isObjectType, isRequiredArgument } from "graphql";

const path = resolve(process.argv[2]);
const schema = buildSchema(readFileSync(path, "utf8"));
const objects = Object.values(schema.getTypeMap()).filter(
  (type) => isObjectType(type) && !type.name.startsWith("__"),
);
const isNode = (type) => type.getInterfaces().some((each) => each.name === "Node");
const fields = (type) => Object.values(type.getFields());
const leaves = (type) =>
  fields(type)
    .filter((field) => isLeafType(getNamedType(field.type)) && !field.args.some(isRequiredArgument))
    .map((field) => field.name);
const isConnection = (field) =>
  getNamedType(field.type).name.endsWith("Connection") &&
  ["first", "after"].every((name) => field.args.some((each) => each.name === name)) &&
  !field.args.some(isRequiredArgument);

const documents = [];
for (const type of objects.filter(isNode)) {
  documents.push(
    `fragment Documents_${type.name} on ${type.name} @refetchable(queryName: "Documents${type.name}Query") { ${leaves(type).join(" ")} }`,
  );
}
for (const type of objects.filter((each) => isNode(each) || each === schema.getQueryType())) {
  for (const field of fields(type).filter(isConnection)) {
    const edge = getNamedType(getNamedType(field.type).getFields().edges.type);
    const node = getNamedType(edge.getFields().node.type);
    const name = `Documents_${type.name}_${field.name}`;
    documents.push(
      `fragment ${name} on ${type.name} @refetchable(queryName: "Documents${type.name}${field.name}Query")
        @argumentDefinitions(count: {type: "Int", defaultValue: 20}, cursor: {type: "String"}) {
        ${field.name}(first: $count, after: $cursor) @connection(key: "${name}_${field.name}") { edges { node { ${leaves(node).join(" ")} } } } }`,
    );
  }
}
for (const mutation of fields(schema.getMutationType())) {
  const [input] = mutation.args;
  const payload = getNamedType(mutation.type);
  documents.push(
    `mutation Documents${mutation.name}Mutation($input: ${input.type}) { ${mutation.name}(input: $input) { ${leaves(payload).join(" ")} userErrors { __typename } } }`,
  );
}
for (const subscription of fields(schema.getSubscriptionType())) {
  documents.push(
    `subscription Documents${subscription.name}Subscription { ${subscription.name} { __typename } }`,
  );
}

const folder = mkdtempSync(join(tmpdir(), "tandem-relay-"));
try {
  mkdirSync(join(folder, "src"));
  const tagged = documents.map((text) => `graphql\`${text}\`;`).join("\n");
  writeFileSync(join(folder, "src", "Documents.js"), tagged);
  writeFileSync(
    join(folder, "relay.config.json"),
    JSON.stringify({ src: "./src", schema: path, language: "javascript", eagerEsModules: true }),
  );
  const here = dirname(fileURLToPath(import.meta.url));
  const compiler = join(here, "node_modules", "relay-compiler", "cli.js");
  execFileSync(process.execPath, [compiler, "--repersist", "relay.config.json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  console.log(`${documents.length} documents compiled`);
} catch (error) {
  console.log(`FAILED ${error.stdout ?? ""}${error.stderr ?? error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
