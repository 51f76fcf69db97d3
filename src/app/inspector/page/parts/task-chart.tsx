// A task's chart with the state of the moment at which one stands, and the arrows that led there.
import { useMemo } from "preact/hooks";
import type { Moment, TaskRow } from "../../shapes.ts";
import { lightOf } from "../lighting.ts";
import { charts } from "../live.ts";
import { useObservable } from "../observable.ts";
import type { Playing } from "../playing.ts";
import { hueOf } from "../words.ts";
import { ChartView } from "./chart-view.tsx";
import { Waiting } from "./empty.tsx";
import { StateMark } from "./state-mark.tsx";

/** The chart. */
export function TaskChart(props: {
  readonly task: TaskRow;
  readonly moments: readonly Moment[];
  readonly playing: Playing;
}) {
  const { task, moments, playing } = props;
  const all = useObservable(charts);
  const whole = all?.["task"];
  const shown = all?.["task.brief"] ?? whole;
  const { state, from } = stateAt(moments, playing.at, task);
  const { lit, taken } = useMemo(() => lightOf(whole?.graph, from, state), [whole, from, state]);
  return (
    <aside class="task-chart" aria-label="The task's chart">
      {shown === undefined ? (
        <Waiting error={null} />
      ) : (
        <ChartView
          chart={shown}
          title="The task's chart"
          caption={
            <p role="status">
              {state === null ? "not taken up yet" : <StateMark state={state} />}
              {playing.isLive ? null : <span class="quiet"> at moment {playing.at + 1}</span>}
            </p>
          }
          lit={lit}
          taken={taken}
          marks={{ [lit.at(-1) ?? ""]: hueOf(state) }}
          follows
        />
      )}
    </aside>
  );
}

/** The state at a moment, and the one before it. */
function stateAt(
  moments: readonly Moment[],
  at: number,
  task: TaskRow,
): { readonly state: string | null; readonly from: string | null } {
  const states = moments.slice(0, at + 1).map((moment) => moment.state);
  const state = states.at(-1) ?? (at >= moments.length - 1 ? task.state : null);
  const from = states.findLast((one) => one !== state) ?? null;
  return { state, from };
}
