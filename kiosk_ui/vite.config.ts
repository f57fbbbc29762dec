import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // The package's default entry is compiled for browsers of 2015.
  resolve: { alias: { "simple-keyboard": "simple-keyboard/build/index.modern.esm.js" } },
  build: {
    outDir: "../agent/ui",
    emptyOutDir: true,
    target: "chrome120",
    // The page's policy allows no inline data as style or script: every asset is a file with a digest in its name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
