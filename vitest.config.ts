// One suite, three runtimes: the tests import the built package, so `npm run build` comes first.
// Tests that mostly wait, for servers that elect a leader, for nodes that are missed, for programs that start, run more at
// once than there are processors, and after the others, whose times they would spoil.
import { defineConfig } from "vitest/config";

const WAITING = [
  "test/chaos/fleet.test.ts",
  "test/examples/research-network.test.ts",
  "test/fabric/nats/**/*.test.ts",
  "test/mesh-nats/**/*.test.ts",
  "test/nodes/**/*.test.ts",
  "test/sandbox/remote/processes.test.ts",
  "test/app/{nats,node}.test.ts",
];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "busy",
          include: ["test/**/*.test.ts"],
          exclude: WAITING,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "waiting", include: WAITING, maxWorkers: 5, sequence: { groupOrder: 1 } },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["dist/**/*.js"],
      exclude: ["dist/**/*worker*.js"],
      reporter: ["text-summary", "html"],
    },
  },
});
