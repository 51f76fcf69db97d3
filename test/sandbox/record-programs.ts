// Small guest programs made at random: what can wait on what, in every nesting, with times and chance in the result.
import fc from "fast-check";

/** One step of a program. */
export type Step =
  | { readonly type: "note" | "fail" }
  | { readonly type: "tool" | "sleep" | "ticks"; readonly ms: number }
  | { readonly type: "race" | "all" | "spawn"; readonly branches: readonly (readonly Step[])[] };

const ms = fc.integer({ min: 0, max: 6 });

const { steps } = fc.letrec<{ step: Step; branch: readonly Step[]; steps: readonly Step[] }>((tie) => ({
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ type: fc.constantFrom("note" as const, "fail" as const) }),
    fc.record({
      type: fc.constantFrom("tool" as const, "tool" as const, "sleep" as const, "ticks" as const),
      ms,
    }),
    fc.record({
      type: fc.constantFrom("race" as const, "all" as const, "spawn" as const),
      branches: fc.array(tie("branch"), { minLength: 1, maxLength: 3 }),
    }),
  ),
  branch: fc.array(tie("step"), { minLength: 1, maxLength: 2 }),
  steps: fc.array(tie("step"), { minLength: 1, maxLength: 6 }),
}));

/** Programs of up to six steps. */
export const programs: fc.Arbitrary<string> = steps.map(render);

const HEAD = `
const t0 = Date.now();
const log = [];
let notes = 0;
const note = (what) => {
  const line = [what, Date.now() - t0, Math.random()];
  log.push(line);
  console.log(...line);
};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms, "slept"));
const ticks = (ms) => new Promise((done) => {
  let left = 3;
  const each = setInterval(() => { note("tick"); left -= 1; if (left === 0) { clearInterval(each); done("ticked"); } }, ms);
});
const late = (ms) => tools.late({ ms, now: Date.now() - t0, random: Math.random() });
const fail = () => tools.fail(notes++).catch((error) => error.name + error.message);
`;

function render(program: readonly Step[]): string {
  return `${HEAD}${program.map(statement).join("\n")}\nresult = log;`;
}

function statement(step: Step): string {
  switch (step.type) {
    case "note":
      return 'note("note");';
    case "fail":
      return "note(await fail());";
    case "tool":
      return `note(await late(${step.ms}));`;
    case "sleep":
      return `note(await sleep(${step.ms}));`;
    case "ticks":
      return `note(await ticks(${step.ms}));`;
    case "race":
      return `note(await Promise.race([${step.branches.map(branch).join(", ")}]));`;
    case "all":
      return `note((await Promise.all([${step.branches.map(branch).join(", ")}])).length);`;
    case "spawn":
      return `void [${step.branches.map(branch).join(", ")}];`;
  }
}

function branch(steps: readonly Step[], index: number): string {
  return `(async () => { ${steps.map(statement).join(" ")} return ${index}; })()`;
}
