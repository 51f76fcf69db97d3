// A task's moments, one below the other, each with all that is known of it.
// Invariant: what is after the moment at which one stands is dimmed, not hidden: the page does not jump.
import { useEffect, useRef } from "preact/hooks";
import type { Moment, ShownCode } from "../../shapes.ts";
import type { Playing } from "../playing.ts";
import { wantsStillness } from "../theme.ts";
import { useTail } from "../tail.ts";
import { duration, hueOf, stateWords } from "../words.ts";
import { Empty } from "./empty.tsx";
import { MomentBody, MomentFacts } from "./moment-body.tsx";

/** The timeline. */
export function Timeline(props: {
  readonly moments: readonly Moment[];
  readonly playing: Playing;
  readonly isOver: boolean;
  /** What the model has written so far of its answer; null while it is not asked. */
  readonly writing: string | null;
}) {
  const { moments, playing, isOver, writing } = props;
  const list = useRef<HTMLOListElement>(null);
  useTail(list, playing.isLive && !isOver, [moments.length, writing]);
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
            <MomentHead moment={moment} goTo={() => playing.goTo(index)} />
            <MomentBody
              moment={moment}
              code={codes[index] ?? null}
              canAnswer={
                !isOver && moment.approval !== undefined && !answered.has(moment.approval.approvalId)
              }
            />
          </li>
        ))}
        {writing === null ? null : (
          <li class="moment writing hue-think">
            <p class="moment-title">The model is writing</p>
            {writing === "" ? null : <pre class="console">{writing}</pre>}
          </li>
        )}
      </ol>
    </section>
  );
}

function MomentHead({ moment, goTo }: { readonly moment: Moment; readonly goTo: () => void }) {
  const { type, state, title, afterMs } = moment;
  return (
    <div class="moment-head">
      <p class="moment-said">
        {type === "state" && state !== null ? (
          <>
            <span class="chip">{stateWords(state)}</span>
            {title === state ? null : <span class="quiet">{title}</span>}
          </>
        ) : (
          <span class="moment-title">{title}</span>
        )}
        <MomentFacts moment={moment} />
      </p>
      <button type="button" class="moment-time" onClick={goTo} data-row>
        <span class="sr">Go to {title}, </span>+{duration(afterMs)}
      </button>
    </div>
  );
}

/** The latest code at each moment. */
function codesUpTo(moments: readonly Moment[]): readonly (ShownCode | null)[] {
  let latest: ShownCode | null = null;
  return moments.map(({ code }) => (latest = code ?? latest));
}
