// How many tasks of a role this process takes off the queue at once: what its actors may run, and nothing that others could
// do sooner.
import type { ActorParts } from "./parts.ts";
import type { Population } from "./population.ts";

/** Tasks beyond those that may run, so that the next is there when a place is free: only where no other node waits for it. */
const AHEAD = 2;

/** What the places of a role depend on. */
export interface PlacesOptions {
  readonly population: Population;
  /** Tasks that wait for a person, and take no place. */
  readonly parked: number;
  /** Whether the mesh is about to stop: then it leaves to other nodes what they can do. */
  readonly isDraining: boolean;
}

/** How many tasks of a role may be in hand. */
export function placesOf(
  role: string,
  { peers, directory, admission }: Pick<ActorParts, "peers" | "directory" | "admission">,
  { population, parked, isDraining }: PlacesOptions,
): number {
  if (isDraining && directory.isElsewhere(role)) return 0;
  const places = population.placesOf(role, { orStopped: peers === null });
  if (places === 0) return 0;
  // All prompt agents of a node share its places.
  const most = population.agent(role).kind === "prompt" ? Math.min(places, admission.total) : places;
  return most + parked + (peers === null ? AHEAD : 0);
}
