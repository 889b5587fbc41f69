// graphql-eslint: its recommended rules and its Relay rules over schema.graphql.

import { readFileSync } from "node:fs";
import graphql from "@graphql-eslint/eslint-plugin";
import { Linter } from "eslint";

const schema = readFileSync(process.argv[2], "utf8");
const { configs } = graphql;
// Rules that this schema does not follow, each with its reason.
const OTHERWISE = {
  // Values such as an address or a count have no id. All objects that a client keeps are Nodes.
  "@graphql-eslint/strict-id-in-types": "off",
  // Short lists that always come whole are lists.
  "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
};
// The practice calls them contact types and service types, and Xero calls its id ContactID.
const NAMES = [
  'Type "ContactType" should not have "Type" suffix',
  'Type "ServiceType" should not have "Type" suffix',
  'Field "contactType" starts with the name of the parent type "Contact"',
  'Field "xeroContactId" starts with the name of the parent type "XeroContact"',
];
const found = new Linter()
  .verify(
    schema,
    [
      {
        files: ["**/*.graphql"],
        plugins: { "@graphql-eslint": graphql },
        languageOptions: {
          parser: graphql.parser,
          parserOptions: { graphQLConfig: { schema: process.argv[2] } },
        },
        rules: {
          ...configs["flat/schema-recommended"].rules,
          ...configs["flat/schema-relay"].rules,
          ...OTHERWISE,
        },
      },
    ],
    { filename: "schema.graphql" },
  )
  .filter((each) => !NAMES.includes(each.message));
for (const each of found) console.log(`FAILED ${each.line}: ${each.ruleId}: ${each.message}`);
console.log(`${found.length} findings`);
process.exit(found.length ? 1 : 0);
