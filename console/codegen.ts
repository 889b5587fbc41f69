import type { CodegenConfig } from "@graphql-codegen/cli";

/** Types of every operation in src, from the schema that the API serves. `src/gql` is built, and never edited. */
const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: "src/**/*.graphql",
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        enumsAsTypes: true,
        scalars: { DateTime: "string", Date: "string", Decimal: "string", ID: "string" },
        strictScalars: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
