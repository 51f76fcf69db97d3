// What became of the fleet's work, by its journals on the server and by what the witness saw.
// Invariant: a call counts as repeated where it came after its outcome was recorded; one that came before was in flight.
import { readEntries } from "#src/core/journal";
import { decode } from "#src/core/codec";
import { keyOf, taskIdsOf } from "./load.mjs";

/** The kinds of faults; any of them fails the run. */
export const FAULTS = ["lost", "duplicated", "differing", "repeated"];

/**
 * Reads the journals of some workflows and their tasks.
 *
 * @returns by name: the ends that it records, as text for tasks, and when each call's outcome was recorded
 */
export async function readEvidence(ledger, mesh, workflows) {
  const evidence = new Map();
  for (const workflow of workflows) {
    const record = await ledger.read(`${mesh}.workflow.${workflow}`);
    const entries = record.map(({ payload }) => decode(payload));
    const ends = entries.filter(({ type }) => type === "ended").map(({ status }) => status);
    evidence.set(workflow, { ends, recorded: new Map() });
    for (const taskId of taskIdsOf(workflow)) evidence.set(taskId, await taskEvidence(ledger, mesh, taskId));
  }
  return evidence;
}

async function taskEvidence(ledger, mesh, taskId) {
  const name = `${mesh}.task.${taskId}`;
  const ends = [];
  const recorded = new Map();
  for (const { payload, at } of await ledger.read(name)) {
    for (const entry of readEntries(payload, name)) {
      if (entry.type === "finished") ends.push(comparable(entry.result));
      if (entry.type === "tool-returned") recorded.set(`tool ${entry.callId}`, at);
      if (entry.type === "model-answered") recorded.set(`model ${taskId} ${entry.repair}`, at);
    }
  }
  return { ends, recorded };
}

/** A result as text, without times and chance. */
function comparable({ status, output, code, repairs, error }) {
  return JSON.stringify({ status, output, code, repairs, error });
}

/**
 * Judges a run.
 *
 * @param expected the evidence of one undisturbed workflow, `{ name, evidence }`
 * @param given the names of the other workflows, what callers were given (`results`, by name), and `{ evidence, calls, left, woken }`
 * @returns counts, and in `faults` each in words
 */
export function judge(expected, { workflows, results, evidence, calls, left, woken }) {
  const faults = [];
  const count = (kind, message) => faults.push({ kind, message });
  for (const workflow of workflows) {
    const result = results.get(workflow);
    if (result?.status !== "success")
      count("lost", `the caller of ${workflow} was given ${JSON.stringify(result)}`);
    for (const name of [workflow, ...taskIdsOf(workflow)]) {
      const { ends = [] } = evidence.get(name) ?? {};
      const [wanted] = expected.evidence.get(name.replace(workflow, expected.name)).ends;
      if (ends.length === 0) count("lost", `${name} has no end in its journal`);
      if (ends.length > 1) count("duplicated", `${name} has ${ends.length} ends in its journal`);
      const asWanted = wanted.replaceAll(`${expected.name}-`, `${workflow}-`);
      if (ends.length > 0 && ends[0] !== asWanted)
        count("differing", `${name}:\n  ${asWanted}\n  ${ends[0]}`);
    }
  }
  for (const line of left) count("lost", `left behind: ${line}`);
  const again = callsAgain({ evidence, calls, woken }, count);
  return { faults, ...again };
}

function callsAgain({ evidence, calls, woken = new Map() }, count) {
  const recorded = new Map([...evidence.values()].flatMap((one) => [...one.recorded]));
  const seen = new Set();
  const again = { modelsAgain: 0, toolsAgain: 0 };
  for (const call of calls) {
    const key = keyOf(call);
    if (!seen.has(key)) {
      seen.add(key);
      continue;
    }
    const recordedAt = recorded.get(key) ?? Infinity;
    if (call.at > recordedAt) {
      const wokenAt = woken.get(call.node)?.findLast((at) => at <= call.at);
      const wake = wokenAt === undefined ? "" : `, ${call.at - wokenAt} ms after it was woken`;
      const late = `${call.at - recordedAt} ms after its outcome was recorded`;
      count("repeated", `${call.node} made the call "${key}" ${late}${wake}`);
    } else again[call.kind === "tool" ? "toolsAgain" : "modelsAgain"] += 1;
  }
  return again;
}
