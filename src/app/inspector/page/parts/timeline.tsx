// A task's moments, one below the other, each with all that is known of it.
// Invariant: what is after the moment at which one stands is dimmed, not hidden: the page does not jump.
import { useEffect, useRef } from "preact/hooks";
import type { Moment, ShownCode } from "../../shapes.ts";
import type { Playing } from "../playing.ts";
import { wantsStillness } from "../theme.ts";
import { hueOf, stateWords } from "../words.ts";
import { Empty } from "./empty.tsx";
import { MomentBody, MomentFacts } from "./moment-body.tsx";

/** The timeline. */
export function Timeline(props: {
  readonly moments: readonly Moment[];
  readonly playing: Playing;
  readonly isOver: boolean;
  readonly writing: string;
}) {
  const { moments, playing, isOver, writing } = props;
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (playing.isLive) return;
    const behavior = wantsStillness() ? "auto" : "smooth";
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "center", behavior });
  }, [playing.at, playing.isLive]);
  if (moments.length === 0) return <Empty title="Nothing has happened yet.">Its journal is empty.</Empty>;
  const codes = codesUpTo(moments);
  const answered = new Set(
    moments.flatMap(({ approval }) => (approval?.answer === undefined ? [] : [approval.approvalId])),
  );
  return (
    <section aria-label="Timeline">
      <ol class="timeline" ref={list}>
        {moments.map((moment, index) => (
          <li
            key={moment.index}
            class={`moment tone-${moment.tone} ${hueOf(moment.state)}${index > playing.at ? " ahead" : ""}`}
            aria-current={index === playing.at && !playing.isLive ? "step" : undefined}
            data-moment={moment.type}
          >
            <MomentHead moment={moment} before={moments[index - 1]} goTo={() => playing.goTo(index)} />
            <MomentBody
              moment={moment}
              code={codes[index] ?? null}
              canAnswer={
                !isOver && moment.approval !== undefined && !answered.has(moment.approval.approvalId)
              }
            />
          </li>
        ))}
        {writing === "" ? null : (
          <li class="moment writing hue-think">
            <div class="moment-head">
              <span class="moment-title">The model is writing</span>
            </div>
            <pre class="console">{writing}</pre>
          </li>
        )}
      </ol>
    </section>
  );
}

function MomentHead(props: {
  readonly moment: Moment;
  readonly before: Moment | undefined;
  readonly goTo: () => void;
}) {
  const { moment, before, goTo } = props;
  const isNew = moment.type !== "state" && moment.state !== null && moment.state !== before?.state;
  return (
    <div class="moment-head">
      <button type="button" class="moment-time" onClick={goTo} data-row>
        <span class="sr">Go to {moment.title} </span>+
        {(moment.afterMs / 1000).toFixed(moment.afterMs < 100_000 ? 2 : 0)} s
      </button>
      <span class="moment-title">{moment.title}</span>
      {isNew && moment.state !== null ? (
        <span class="chip state-chip">{stateWords(moment.state)}</span>
      ) : null}
      <MomentFacts moment={moment} />
    </div>
  );
}

/** The latest code at each moment. */
function codesUpTo(moments: readonly Moment[]): readonly (ShownCode | null)[] {
  let latest: ShownCode | null = null;
  return moments.map(({ code }) => (latest = code ?? latest));
}
