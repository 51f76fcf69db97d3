// What a data folder holds, read from outside once the process that wrote it is dead.
// Invariant: only reads; times, chance and what a run used are left out of what is compared.
import { createEmbeddedFabric } from "fettle";
import { encode } from "#src/core/codec";
import { readEntries } from "#src/core/journal";
import { requestsIn } from "./witness.mjs";

const JOURNALS = "chaos.task.";

/**
 * Reads all journals.
 *
 * @returns by task: whether it was accepted and has ended, its result as it is compared, the calls that it holds the
 *   answers of, and the calls as it made them
 */
export async function readEvidence(directory) {
  const fabric = createEmbeddedFabric({ dataDirectory: directory });
  const tasks = new Map();
  try {
    for (const name of await fabric.ledger.names(JOURNALS)) {
      const stored = await fabric.ledger.read(name);
      const entries = stored.flatMap(({ payload }) => readEntries(payload, name));
      tasks.set(name.slice(JOURNALS.length), evidenceOf(entries));
    }
  } finally {
    await fabric.close();
  }
  return tasks;
}

function evidenceOf(entries) {
  const evidence = {
    types: entries.map(({ type }) => type),
    result: null,
    requests: [],
    returned: [],
    calls: [],
  };
  for (const entry of entries) {
    if (entry.type === "finished") evidence.result = comparable(entry.result);
    if (entry.type === "model-answered" || entry.type === "model-failed") {
      const text = entry.type === "model-answered" ? entry.answer.text : entry.error.message;
      const [request] = requestsIn(text);
      evidence.requests.push(request);
      evidence.calls.push(`${entry.callId} is model ${entry.repair} ${request}`);
    }
    if (entry.type === "model-asked") evidence.calls.push(`${entry.callId} is model ${entry.repair}`);
    if (entry.type === "tool-called") evidence.calls.push(`${entry.callId} is ${entry.tool} ${entry.input}`);
    if (entry.type === "tool-returned") evidence.returned.push(entry.callId);
  }
  return evidence;
}

/** A result as text, without times and chance. */
function comparable(result) {
  const without = (value, ...names) =>
    Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
  return encode({
    ...without(result, "executionTime", "resultId"),
    attempts: result.attempts.map((attempt) => without(attempt, "entropy", "usage")),
  });
}
