// The option --stately of the commands that show a mesh, and what it says of where it feeds.
import { Option } from "commander";
import { say } from "../output.ts";
import type { StatelyPlace } from "./stately.ts";

/** `--stately`; who asks for it is shown the inspector too. */
export function statelyOption(): Option {
  const about = "feed XState's own tools too, on this machine alone; needs npm install @statelyai/inspect ws";
  return new Option("--stately", about).implies({ inspect: true });
}

/** Says where XState's tools are fed, and what goes where. */
export function sayStately({ url, socketUrl }: StatelyPlace): void {
  say(`feeds XState's tools on this machine at ${socketUrl}`);
  say(
    `to see that in Stately's inspector open ${url} (a page that loads https://stately.ai and hands it what the charts hold)`,
  );
}
