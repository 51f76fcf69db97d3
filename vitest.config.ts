// One suite, three runtimes: the tests import the built package, so `npm run build` comes first.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    coverage: {
      provider: "v8",
      include: ["dist/**/*.js"],
      exclude: ["dist/**/*worker*.js"],
      reporter: ["text-summary", "html"],
    },
  },
});
