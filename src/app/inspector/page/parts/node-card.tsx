// A node on the mesh's page: whether it is there, since when, and its load.
import type { NodeRow } from "../../shapes.ts";
import { useNow } from "../reading.ts";
import { ago, duration, hueOf, plural } from "../words.ts";
import { StateMark } from "./state-mark.tsx";

/** The card. */
export function NodeCard({ node }: { readonly node: NodeRow }) {
  const now = useNow();
  const { name, state, running, waiting, awaitingApproval, places, startedAt, goneAt } = node;
  const share = places === 0 ? 0 : Math.min(1, running / places);
  return (
    <li class={`card node ${state === "gone" ? "gone" : ""}`} data-node={name}>
      <div class="node-name">
        <strong>{name}</strong>
        <span class="quiet">
          {[node.isSelf ? "serves this page" : "", node.version === null ? "" : `v${node.version}`]
            .filter((part) => part !== "")
            .join(" · ")}
        </span>
      </div>
      <div>
        <StateMark state={state} />
        <span class="quiet since">
          {state === "gone" && goneAt !== null
            ? ago(goneAt, now)
            : startedAt === null
              ? ""
              : `for ${duration(Math.max(0, Math.floor((now - startedAt) / 1000) * 1000))}`}
        </span>
      </div>
      <div class="load">
        <div
          class={`bar ${hueOf("running")}`}
          role="img"
          aria-label={`${running} of ${places} places at work`}
        >
          <span class={hueOf("running")} style={{ flexGrow: share }} />
          <span class="rest" style={{ flexGrow: 1 - share }} />
        </div>
        <span class="quiet">
          {running} of {places} places
        </span>
      </div>
      <span class="quiet">
        {plural(node.actors, "actor")}
        {waiting > 0 ? ` · ${waiting} waiting` : ""}
        {awaitingApproval > 0 ? ` · ${awaitingApproval} to approve` : ""}
      </span>
    </li>
  );
}
