// The statecharts of the runtime itself: what an actor, a task, a workflow can do, and when.
import { charts } from "../live.ts";
import { useObservable } from "../observable.ts";
import { ChartView } from "../parts/chart-view.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { hrefOf } from "../route.ts";

const ABOUT: Readonly<Record<string, string>> = {
  agent:
    "One actor: prepares itself, serves its mailbox, pauses, drains, stops, and starts again after a crash.",
  task: "One task: the model writes code, the sandbox runs it, errors go back until it works.",
  workflow: "One workflow: begins each step as soon as all that it depends on has ended.",
  step: "One step of a workflow: decides whether it runs, lists its items, works through them.",
  item: "One item of a step: tries its task, and tries it again where it failed and may be.",
};

/** The page. */
export function ChartsPage({ name }: { readonly name: string | null }) {
  const all = useObservable(charts);
  if (all === null) return <Waiting error={null} />;
  const names = Object.keys(all).filter((one) => !one.endsWith(".brief"));
  const shown = name ?? (names.includes("task") ? "task" : (names[0] ?? ""));
  const chart = all[shown];
  return (
    <article class="page charts">
      <header class="page-head">
        <h1>Charts</h1>
        <nav aria-label="Charts" class="switch">
          {names.map((one) => (
            <a key={one} href={hrefOf("charts", one)} aria-current={one === shown ? "page" : undefined}>
              {one}
            </a>
          ))}
        </nav>
      </header>
      {chart === undefined ? (
        <Empty title="There is no such chart." command="fettle machines" />
      ) : (
        <ChartView
          key={shown}
          chart={chart}
          title={`The chart: ${shown}`}
          caption={<p class="quiet">{ABOUT[shown] ?? ""}</p>}
        />
      )}
    </article>
  );
}
