// LangGraph.js with its SQLite checkpointer: the loop as a graph, each step persisted before the next begins.
// Invariant: nodes and edges are as its documentation builds such a loop; the model and the sandbox are given.
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import Database from "better-sqlite3";

const SYSTEM = "Write JavaScript that does the task and assigns `result`. Answer with one code block.";
const MAX_REPAIRS = 3;

const State = Annotation.Root({
  task: Annotation(),
  code: Annotation(),
  repairs: Annotation(),
  output: Annotation(),
  error: Annotation(),
});

/**
 * Opens a graph whose checkpoints go to one file. `synchronous` is SQLite's: FULL syncs each commit to the disk, NORMAL
 * (what a WAL file is opened with) leaves the last ones to the system, to be lost where the power goes.
 */
export async function open({ file, synchronous, model, sandbox }) {
  const database = new Database(file);
  const checkpointer = new SqliteSaver(database);
  checkpointer.setup();
  database.pragma(`synchronous = ${synchronous}`);
  const graph = new StateGraph(State)
    .addNode("generate", async ({ task, code, error, repairs }) => {
      const isRepair = code !== undefined;
      const { text } = await model.ask({
        purpose: isRepair ? "repair" : "generate",
        system: SYSTEM,
        messages: [
          { role: "user", content: task },
          ...(isRepair
            ? [
                { role: "assistant", content: code },
                { role: "user", content: `It failed: ${error.message}` },
              ]
            : []),
        ],
      });
      const [, written] = /```js\n([\s\S]*?)\n```/.exec(text);
      return { code: written, repairs: isRepair ? repairs + 1 : 0 };
    })
    .addNode("execute", async ({ code }) => {
      const run = await sandbox.execute(code);
      return run.ok ? { output: run.value, error: null } : { output: null, error: run.error };
    })
    .addEdge(START, "generate")
    .addEdge("generate", "execute")
    .addConditionalEdges("execute", ({ error, repairs }) =>
      error === null || repairs >= MAX_REPAIRS ? END : "generate",
    )
    .compile({ checkpointer });
  const invoke = (input, thread) =>
    graph.invoke(input, { configurable: { thread_id: thread }, durability: "sync" });
  return {
    begin: (thread, task) => invoke({ task }, thread),
    /** Its way to go on with a run that was interrupted: by its thread's id, with no input. */
    resume: (thread) => invoke(null, thread),
    /** Moves what waits in the write-ahead log into the database, so that the files' sizes say what is kept. */
    settle: () => database.pragma("wal_checkpoint(TRUNCATE)"),
    close: async () => void database.close(),
  };
}
