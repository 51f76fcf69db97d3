// How actors and meshes are stopped.

/** How an actor is stopped: after what it has, or by cancelling that. */
export type StopMode = "drain" | "cancel";

/**
 * How a mesh is stopped. `drain`: what was given to it is done first. `cancel`: that is cancelled. `suspend`: it is
 * left as it is, and goes on when a mesh starts on the same data. What came from the queue by itself, and what waits
 * for a person, is left in each of them.
 */
export type MeshStopMode = StopMode | "suspend";

/** How a mesh is stopped. */
export interface StopOptions {
  /**
   * `drain`: what was given to this mesh is done first (the default). `cancel`: it is cancelled. `suspend`: it is
   * left as it is, and goes on when a mesh starts on the same data.
   */
  readonly mode?: MeshStopMode;
  /** After so many milliseconds of draining, what is left is cancelled; no bound where absent. */
  readonly timeoutMs?: number;
}
