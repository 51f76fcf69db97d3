// Walks through a task's moments: a strip of the states that it went through, and a handle on it.
// Invariant: it is a slider for keys and screen readers; what it stands at is said in words.
import type { Moment } from "../../shapes.ts";
import type { Playing } from "../playing.ts";
import { duration, hueOf, stateWords } from "../words.ts";
import { Icon } from "./icon.tsx";

/** The scrubber. */
export function Scrubber(props: {
  readonly moments: readonly Moment[];
  readonly playing: Playing;
  readonly isOver: boolean;
}) {
  const { moments, playing, isOver } = props;
  const { at, isLive, isPlaying, goTo, step, goLive, play } = playing;
  const moment = moments[at];
  const last = moments.length - 1;
  const said =
    moment === undefined
      ? ""
      : `${moment.title}${moment.state === null ? "" : `, ${stateWords(moment.state)}`}, after ${duration(moment.afterMs)}`;
  return (
    <div class="scrubber" role="group" aria-label="Walk through the task">
      <div class="scrubber-buttons">
        <button
          type="button"
          class="plain"
          onClick={() => step(-1)}
          disabled={at <= 0}
          aria-label="A moment back"
        >
          <Icon name="back" />
        </button>
        <button type="button" class="plain" onClick={play} aria-label={isPlaying ? "Stop" : "Play"}>
          <Icon name={isPlaying ? "pause" : "play"} />
        </button>
        <button
          type="button"
          class="plain"
          onClick={() => step(1)}
          disabled={at >= last}
          aria-label="A moment on"
        >
          <Icon name="on" />
        </button>
      </div>
      <div class="scrubber-track">
        <div class="strip" aria-hidden="true">
          {moments.map(({ index, state }) => (
            <span key={index} class={`${hueOf(state)}${index > at ? " ahead" : ""}`} />
          ))}
        </div>
        <input
          type="range"
          min={0}
          max={Math.max(0, last)}
          value={at}
          aria-label="Moment"
          aria-valuetext={`${at + 1} of ${moments.length}: ${said}`}
          onInput={(event) => goTo(Number(event.currentTarget.value))}
        />
      </div>
      <p class="scrubber-said">
        <span class="nowrap">
          {at + 1} / {moments.length}
        </span>{" "}
        <span class="quiet">{moment === undefined ? "" : `+${duration(moment.afterMs)}`}</span>
      </p>
      <button type="button" class="small" onClick={goLive} aria-pressed={isLive} disabled={isLive}>
        {isOver ? "End" : "Live"}
      </button>
    </div>
  );
}
