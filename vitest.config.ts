// One suite, three runtimes: the tests import the built package, so `npm run build` comes first. Here is said which tests
// are of which kind; scripts/test-on.mjs says which kinds run on which runtime. Whatever is in no list is `inside`:
// it shows what happens in one process.
// The kinds follow each other, so that none spoils the times of another.
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Computes alone: no I/O, no time, no other thread. */
const PURE = ["test/{core,machines,types}/*.test.ts"];

/** Is as it is on each runtime: papers held against the code, examples, figures. */
const PAPERS = ["test/{architecture,bench,docs,examples}/*.test.ts"];

/** Starts programs: the command, and processes that are killed or share a folder. */
const PROGRAMS = [
  "test/app/{approvals,blobs,check,cli,demo,init,inspect,mcp,replay,run,secrets,show,smoketest,tasks,workflow}.test.ts",
  "test/chaos/chaos.test.ts",
  "test/fabric/embedded/{queue,storage}.test.ts",
  "test/mcp/*.test.ts",
  "test/mesh/{mcp,workflow-lease}.test.ts",
  "test/observe/logger.test.ts",
];

/** Starts a browser: as it is whatever runs the test, and Playwright is made for Node. */
const PAGES = ["test/inspector/*.test.ts", "test/app/http/docs-page.test.ts"];

/** Starts a NATS server, and mostly waits for it. */
const SERVERS = [
  "test/app/inspector/nodes.test.ts",
  "test/app/{clients,inspect-nodes,mcp-nodes,node}.test.ts",
  "test/fabric/nats/*.test.ts",
  "test/mesh/durable-mailbox.test.ts",
  "test/mesh-nats/*.test.ts",
  "test/nodes/{messages,tasks,versions}.test.ts",
  "test/wire/*.test.ts",
];

/** Waits for clusters that elect a leader, for nodes that are missed, for servers that are away, for npm: theirs is the time. */
const OUTAGES = [
  "test/app/nats.test.ts",
  "test/chaos/fleet.test.ts",
  "test/examples/research-network.test.ts",
  "test/package/package.test.ts",
  "test/fabric/nats/{cluster,cluster-contract,compose,fence,gathering-cluster,key-value-cluster,queue-cluster}.test.ts",
  "test/nodes/{leaving,metrics,outage,stopped,takeover,tracing}.test.ts",
  "test/sandbox/remote/processes.test.ts",
];

/** Coverage is counted on code that vitest loads; without it, the package is loaded as its users do, which is quicker. */
const isCounted = process.argv.includes("--coverage");

/** What waits longest comes first. */
class OutagesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isOutage = ({ project }: TestSpecification) => project.name === "outages";
    return [...sorted.filter(isOutage), ...sorted.filter((file) => !isOutage(file))];
  }
}

interface Place {
  readonly order: number;
  readonly workers: number;
  readonly timeoutMs: number;
}

const kind = (name: string, include: string[], exclude: string[], { order, workers, timeoutMs }: Place) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude,
    maxWorkers: workers,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    sequence: { groupOrder: order },
  },
});

/** A busy machine is no failure; some of what computes is timed, and has a processor of its own. */
const COMPUTING: Place = { order: 0, workers: 2, timeoutMs: 60_000 };
const STARTING: Place = { order: 1, workers: 3, timeoutMs: 60_000 };
const WAITING: Place = { order: 2, workers: 6, timeoutMs: 120_000 };

export default defineConfig({
  test: {
    sequence: { sequencer: OutagesFirst },
    server: { deps: { external: isCounted ? [] : [/\/dist\//] } },
    projects: [
      kind(
        "inside",
        ["test/**/*.test.ts"],
        [...PURE, ...PAPERS, ...PROGRAMS, ...PAGES, ...SERVERS, ...OUTAGES],
        COMPUTING,
      ),
      kind("pure", PURE, [], COMPUTING),
      kind("papers", PAPERS, OUTAGES, STARTING),
      kind("programs", PROGRAMS, [], STARTING),
      kind("pages", PAGES, [], STARTING),
      kind("servers", SERVERS, OUTAGES, WAITING),
      kind("outages", OUTAGES, [], WAITING),
    ],
    coverage: {
      provider: "v8",
      include: ["dist/**/*.js"],
      exclude: ["dist/**/*worker*.js"],
      reporter: ["text-summary", "html"],
    },
  },
});
