import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { trustedDocuments } from "./trusted-documents.ts";

const api = process.env["API"] ?? "http://localhost:8000";

export default defineConfig({
  base: "/console/",
  plugins: [react(), trustedDocuments()],
  build: {
    // The content security policy allows no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800, // kB before compression; the end-to-end test measures what travels
  },
  server: {
    proxy: {
      "/graphql": { target: api, ws: true },
      "/console/session": api,
      "/console/sign-in": api,
    },
  },
});
