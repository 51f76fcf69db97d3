// How a mesh of a command ends that was told to: what it holds is done or handed over, unless it is told a second time.
// Invariant: nothing accepted is lost in either way.
import { onInterrupt } from "./interrupt.ts";
import type { Mesh } from "./mesh.ts";
import { say } from "./output.ts";

/** So long may what agents have begun hold the process open once all has ended, in milliseconds. */
const HOLD_MS = 500;

/** What is done besides. */
export interface HandOverOptions {
  /** Done before the mesh stops. */
  readonly before?: () => Promise<void>;
  /** Ends at once what `before` waits for. */
  readonly hasten?: () => void;
}

/** Stops a mesh in order, telling people how far it is; an interrupt from now on leaves at once what was given to it. */
export async function handOver(mesh: Mesh, { before, hasten }: HandOverOptions = {}): Promise<void> {
  const second = onInterrupt();
  const leave = (): void => {
    say("leaves at once what was given to it");
    hasten?.();
    void mesh.stop({ mode: "suspend" }).catch(() => undefined);
  };
  void second.happened.then(leave);
  try {
    await before?.();
    say("hands over what it holds; again to end without waiting");
    await mesh.stop();
    say("has left the mesh");
  } finally {
    second.release();
  }
}

/** Ends the process once all has ended, also where an agent's code still holds it open. */
export function letGo(): void {
  setTimeout(() => process.exit(), HOLD_MS).unref();
}
