// Mermaid diagrams are read by Mermaid's own parser, whatever stands in them, and say what the chart says.
import DOMPurify from "dompurify";
import mermaid from "mermaid";
import { createMachine } from "xstate";
import { beforeAll, describe, expect, it } from "vitest";
import { planWorkflow, type WorkflowStep } from "#src/core/dag";
import { storedStep } from "#src/core/workflow";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { captionOf } from "#src/app/charts/graph";
import { machineGraph } from "#src/app/charts/machine-graph";
import { chartMermaid } from "#src/app/charts/mermaid";
import { workflowGraph } from "#src/app/charts/workflow-graph";
import { itemMachine } from "fettle/machines";

const HOSTILE = [
  `"><script>alert(1)</script>`,
  "a; b : c --> d %% e { } [*] %%{init}%%",
  "line\nbreak `code` #quot; #35; &amp;",
  "\u0000 \ud800 \ufffe 漢字 🦊",
  "end",
  " ",
];

// Without a browser, the sanitizer that Mermaid calls has no document to work on: texts pass as they are.
beforeAll(() => {
  Object.assign(DOMPurify, { addHook: () => undefined, sanitize: (text: string) => text });
  mermaid.initialize({ maxEdges: 1000 });
});

async function typeOf(text: string): Promise<string> {
  return (await mermaid.parse(text)).diagramType;
}

it("is held against a parser that refuses what is wrong", async () => {
  await expect(mermaid.parse("stateDiagram-v2\n  state a {\n")).rejects.toThrow();
  await expect(mermaid.parse('flowchart TB\n  a["b"c"]\n')).rejects.toThrow();
});

it.each(OWN_CHARTS.map(({ name, machine }) => [name, machine] as const))(
  "draws the chart %s as a state diagram with every state and every arrow",
  async (_, machine) => {
    const graph = machineGraph(machine);
    const text = chartMermaid(graph);
    expect(await typeOf(text)).toBe("stateDiagram");
    const arrows = text.split("\n").flatMap((line) => / --> .* : (.*)$/.exec(line)?.[1] ?? []);
    const leading = graph.transitions.filter(({ targets }) => targets.length > 0);
    expect(arrows.sort()).toEqual(leading.map(captionOf).sort());
    for (const { id } of graph.states.slice(1)) expect(text).toContain(` as ${id.replaceAll(".", "_")}`);
  },
);

it("nests states, tells what they do, and lets an arrow into a state's own inside start from any of it", () => {
  expect(chartMermaid(machineGraph(itemMachine))).toBe(`stateDiagram-v2
  direction TB
  state "trying" as item_trying {
    state "choosing" as item_trying_choosing
    state "timed" as item_trying_timed
    state "checking" as item_trying_checking
    item_trying_checking : do / timeLeft
    state "untimed" as item_trying_untimed
    state "stopping" as item_trying_stopping
    state "any state of trying" as item_trying__any
    [*] --> item_trying_choosing
    item_trying__any --> item_trying_stopping : cancel
    item_trying_choosing --> item_trying_timed : [hasTimeout]
    item_trying_choosing --> item_trying_untimed : [else]
    item_trying_timed --> item_trying_checking : after timeout
    item_trying_checking --> item_trying_timed : timeLeft done [hasTimeLeft]
    item_trying_checking --> item_trying_stopping : timeLeft done [else]
  }
  state "backingOff" as item_backingOff
  item_backingOff : do / pause
  state "ended" as item_ended
  [*] --> item_trying
  item_ended --> [*]
  item_trying --> item_backingOff : task done [mayRetry]
  item_trying --> item_ended : task done [else]
  item_backingOff --> item_ended : cancel
  item_backingOff --> item_trying : pause done
`);
});

it("draws parallel states and ways back to oneself", async () => {
  const machine = createMachine({
    id: "all",
    type: "parallel",
    states: {
      left: { initial: "one", states: { one: { on: { again: "one", on: "two" } }, two: { type: "final" } } },
      right: { initial: "red", states: { red: { on: { flip: "blue" } }, blue: {} } },
    },
  });
  const text = chartMermaid(machineGraph(machine));
  expect(await typeOf(text)).toBe("stateDiagram");
  expect(text).toContain("\n    --\n");
  expect(text).toContain("      all_left_one --> all_left_one : again\n");
});

describe("what others wrote", () => {
  it("stands in a state diagram as text", async () => {
    const states = Object.fromEntries(
      HOSTILE.map((name, index) => [
        name,
        {
          on: Object.fromEntries(
            HOSTILE.filter((one) => one.trim() !== "").map((event) => [
              event,
              `#s${(index + 1) % HOSTILE.length}`,
            ]),
          ),
          id: `s${index}`,
        },
      ]),
    );
    const text = chartMermaid(machineGraph(createMachine({ id: "end", initial: HOSTILE[0] ?? "", states })));
    expect(await typeOf(text)).toBe("stateDiagram");
    const captions = text.split("\n").flatMap((line) => / : (.*)$/.exec(line)?.[1] ?? []);
    expect(captions).toHaveLength(HOSTILE.length * (HOSTILE.length - 1));
    for (const caption of captions) expect(caption).toMatch(/^(?:[A-Za-z0-9 _.,/=+!?()[\]*-]|#\d+;)+$/);
    expect(text).not.toContain("<script>");
  });

  it("stands in a flowchart as text", async () => {
    const steps = HOSTILE.map((text, index): WorkflowStep => ({
      id: index === 4 ? "end" : `step-${index}`,
      agent: text,
      task: `t ${text}`,
      when: { path: [text], equals: text },
      ...(index === 0 ? {} : { dependsOn: [index - 1] }),
    }));
    const text = chartMermaid(workflowGraph("graph", planWorkflow(steps).map(storedStep)));
    expect(await typeOf(text)).toMatch(/^flowchart/);
    expect(text).not.toContain("<script>");
    expect(text.match(/ --> /g)).toHaveLength(HOSTILE.length - 1);
  });
});
