import { createHash } from "node:crypto";
import { formatDocument, stringifyDocument } from "@urql/core";
import type { DocumentNode } from "graphql";
import type { Plugin } from "vite";
import * as generated from "./src/gql/graphql.ts";

/**
 * Writes the manifest of the documents that the console sends, by their SHA-256. A server with
 * `TRUSTED_DOCUMENTS=console/dist/trusted-documents.json` runs these documents and no other.
 */
export function trustedDocuments(): Plugin {
  return {
    name: "trusted-documents",
    generateBundle() {
      const source = JSON.stringify(manifest(), null, 1);
      this.emitFile({ type: "asset", fileName: "trusted-documents.json", source });
    },
  };
}

function manifest(): Record<string, string> {
  const documents: DocumentNode[] = Object.values(generated).filter(isOperation);
  const texts = documents.map(textOf).sort();
  return Object.fromEntries(texts.map((text) => [createHash("sha256").update(text).digest("hex"), text]));
}

/** Exactly the text that the client sends: the cache adds `__typename` to each selection. */
function textOf(document: DocumentNode): string {
  return stringifyDocument(formatDocument(document) as DocumentNode);
}

function isOperation(one: object): boolean {
  const { definitions } = one as Partial<DocumentNode>;
  return definitions?.some(({ kind }) => kind === "OperationDefinition") ?? false;
}
