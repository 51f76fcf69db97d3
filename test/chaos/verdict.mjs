// The judgement on one run: what was lost, what differs, what was done again, what came under another call id.
// Invariant: pure; a call counts as repeated where the journal held its outcome when the life that made it began.

/**
 * Judges a run by the undisturbed one.
 *
 * @param undisturbed `{ evidence, calls }`
 * @param run `{ evidence, calls, lives, ended, left, approved }`; `lives[n]` is the evidence when life n began
 * @returns counts, and in `faults` each in words
 */
export function judge(undisturbed, run) {
  const faults = [];
  const count = (kind, message) => faults.push({ kind, message });
  if (!run.ended) count("lost", `it did not end: ${run.why}`);
  for (const [taskId, { result }] of undisturbed.evidence) {
    const found = run.evidence.get(taskId)?.result ?? null;
    if (found === null)
      count("lost", `task ${taskId} has no result; its journal: ${run.evidence.get(taskId)?.types}`);
    else if (found !== result) count("differing", `task ${taskId}:\n  ${result}\n  ${found}`);
  }
  for (const taskId of run.evidence.keys()) {
    if (!undisturbed.evidence.has(taskId)) count("differing", `task ${taskId} is there only after kills`);
  }
  if (run.left.length > 0) count("lost", `left behind: ${run.left.join("; ")}`);
  repeatedModelCalls(undisturbed, run, count);
  const again = toolCalls(run, count);
  callIds(undisturbed, run, count);
  books(undisturbed, run, { ...again, count });
  return { faults, ...again };
}

function repeatedModelCalls(undisturbed, run, count) {
  const expected = tally(undisturbed.calls.filter(({ kind }) => kind === "model").map(({ hash }) => hash));
  run.lives.forEach((held, life) => {
    const recorded = tally([...held.values()].flatMap(({ requests }) => requests));
    const asked = tally(
      run.calls.filter((call) => call.kind === "model" && call.life === life).map(({ hash }) => hash),
    );
    for (const [hash, times] of asked) {
      const open = (expected.get(hash) ?? 0) - (recorded.get(hash) ?? 0);
      if (times > open)
        count("repeated", `life ${life} asked request ${hash} ${times} times; ${open} were open`);
    }
  });
}

function toolCalls(run, count) {
  let again = 0;
  const seen = new Map();
  for (const { kind, life, callId, taskId, tool, input } of run.calls) {
    if (kind !== "tool") continue;
    const content = `${taskId} ${tool} ${JSON.stringify(input)}`;
    if (run.lives[life].get(taskId)?.returned.includes(callId)) {
      count("repeated", `life ${life} made call ${callId} (${content}) again, which had returned`);
    }
    const before = seen.get(callId);
    if (before === undefined) seen.set(callId, { content, life });
    else if (before.content !== content) count("renamed", `${callId} was ${before.content}, then ${content}`);
    else if (before.life === life) count("repeated", `life ${life} made call ${callId} (${content}) twice`);
    else again += 1;
  }
  const models = run.calls.filter(({ kind }) => kind === "model").length;
  return { toolsAgain: again, models };
}

/** What was spent is all in the books, and no more than what was really called. */
function books(undisturbed, run, { models, toolsAgain, count }) {
  const modelsAgain = models - undisturbed.calls.filter(({ kind }) => kind === "model").length;
  for (const [measure, again] of Object.entries({ modelCalls: modelsAgain, toolCalls: toolsAgain })) {
    const before = undisturbed.spent?.[measure]?.spent;
    const after = run.spent?.[measure]?.spent;
    if (before === undefined || after === undefined) continue;
    if (after < before) count("lost", `the mesh's budget has ${after} ${measure}, ${before} undisturbed`);
    if (after > before + again) {
      count(
        "repeated",
        `the mesh's budget has ${after} ${measure}; ${before} and ${again} repeats were made`,
      );
    }
  }
}

/** Each call of the undisturbed run, under one id only. */
function callIds(undisturbed, run, count) {
  const wanted = contents(undisturbed.calls);
  const made = new Map();
  for (const { kind, callId, ...call } of run.calls) {
    if (kind !== "tool") continue;
    const content = contentOf(call);
    made.set(content, (made.get(content) ?? new Set()).add(callId));
  }
  for (const [content, ids] of made) {
    const times = wanted.get(content) ?? 0;
    if (ids.size > times) count("renamed", `${content}: ids ${[...ids].join()} for ${times} calls`);
  }
  for (const [taskId, { calls }] of run.evidence) {
    const ids = new Map();
    for (const call of calls) {
      const [, id, model] = /^(\S+) is model (\d+)/.exec(call) ?? [];
      if (id === undefined) continue;
      if ((ids.get(model) ?? id) !== id)
        count("renamed", `task ${taskId}, model call ${model}: ${ids.get(model)}, then ${id}`);
      ids.set(model, id);
    }
  }
}

function contents(calls) {
  return tally(calls.filter(({ kind }) => kind === "tool").map(contentOf));
}

function contentOf({ taskId, tool, input }) {
  return `${taskId} ${tool} ${JSON.stringify(input)}`;
}

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
