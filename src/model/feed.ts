// What passes a model's text on while tries may fail half-way.
// Invariant: the listener is told of a restart exactly once for each piece of void text, and never without cause.
import type { ModelCallOptions } from "../core/model.ts";

/** The listeners of one call, and what to do when a try of it is given up. */
export interface TextFeed {
  /** Handed to the try; absent where nobody listens, so that providers need not stream for nobody. */
  readonly onText: ((delta: string) => void) | undefined;
  readonly onRestart: ((reason: Error) => void) | undefined;
  /** Voids what was delivered since the last restart, if anything was. */
  restart(reason: Error): void;
}

/** Makes the feed of one call. */
export function createTextFeed(options: ModelCallOptions): TextFeed {
  const { onText, onRestart } = options;
  let delivered = false;
  const restart = (reason: Error): void => {
    if (!delivered) return;
    delivered = false;
    onRestart?.(reason);
  };
  return {
    onText:
      onText === undefined
        ? undefined
        : (delta) => {
            delivered = true;
            onText(delta);
          },
    onRestart: onText === undefined ? undefined : restart,
    restart,
  };
}
