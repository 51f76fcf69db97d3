// Where in a task's moments one stands: at its latest, or at any before.
// Invariant: on the way to the latest each state is seen for a while, however quickly the task went through it.
import { useEffect, useState } from "preact/hooks";
import type { Moment } from "../shapes.ts";
import { wantsStillness } from "./theme.ts";

/** How long a state is seen on the way. */
const STEP_MS = 450;
/** Who falls behind by more states than these is taken to the latest at once. */
const MOST_BEHIND = 12;

/** The place, and what moves it. */
export interface Playing {
  /** The index of the moment that is shown; -1 where there is none. */
  readonly at: number;
  /** Whether it goes on as the task does. */
  readonly isLive: boolean;
  readonly isPlaying: boolean;
  readonly goTo: (index: number) => void;
  /** So many moments on, or back; several at once add up. */
  readonly step: (by: number) => void;
  readonly goLive: () => void;
  readonly play: () => void;
}

/** Stands at the latest moment, and follows. */
export function usePlaying(moments: readonly Moment[]): Playing {
  const last = moments.length - 1;
  const [at, setAt] = useState(last);
  const [mode, setMode] = useState<"live" | "still" | "playing">("live");
  const place = Math.min(at, last);
  useEffect(() => {
    if (mode === "still" || place >= last) {
      if (mode === "playing" && place >= last) setMode("live");
      return;
    }
    if (mode === "live" && (place < 0 || wantsStillness() || statesBetween(moments, place) > MOST_BEHIND)) {
      setAt(last);
      return;
    }
    const timer = setTimeout(() => setAt(nextChange(moments, place)), STEP_MS);
    return () => clearTimeout(timer);
  }, [mode, place, last]);
  const goTo = (index: number) => {
    setMode("still");
    setAt(Math.max(0, Math.min(last, index)));
  };
  const step = (by: number) => {
    setMode("still");
    setAt((now) => Math.max(0, Math.min(last, Math.min(now, last) + by)));
  };
  return {
    at: place,
    isLive: mode === "live",
    isPlaying: mode === "playing",
    goTo,
    step,
    goLive: () => {
      setMode("live");
      setAt(last);
    },
    play: () => {
      if (mode === "playing") setMode("still");
      else {
        if (place >= last) setAt(0);
        setMode("playing");
      }
    },
  };
}

/** The next moment at which the state is another, with what follows in it. */
function nextChange(moments: readonly Moment[], from: number): number {
  const state = moments[from]?.state ?? null;
  const change = moments.findIndex((moment, index) => index > from && moment.state !== state);
  if (change < 0) return moments.length - 1;
  const after = moments.findIndex(
    (moment, index) => index > change && moment.state !== moments[change]?.state,
  );
  return after < 0 ? moments.length - 1 : after - 1;
}

function statesBetween(moments: readonly Moment[], from: number): number {
  return moments.slice(from).filter(({ state }, index, all) => index > 0 && state !== all[index - 1]?.state)
    .length;
}
