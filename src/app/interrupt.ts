// Ctrl-C as a wish to end in order: the first interrupt aborts a signal, a second one ends the process at once.
import { defer } from "../core/deferred.ts";

/** Interrupts, from now until `release`. */
export interface Interrupt {
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** Resolves at the first interrupt. */
  readonly happened: Promise<unknown>;
  /** What a shell expects of an interrupted program (130 or 143); undefined where there was no interrupt. */
  readonly exitCode: number | undefined;
  release(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Takes interrupts in place of the process's end. */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const { promise: happened, resolve } = defer<undefined>();
  let exitCode: number | undefined;
  const take = (signal: NodeJS.Signals): void => {
    exitCode = EXIT_CODES[signal as keyof typeof EXIT_CODES];
    release();
    controller.abort();
    resolve(undefined);
  };
  const release = (): void => {
    process.off("SIGINT", take);
    process.off("SIGTERM", take);
  };
  process.on("SIGINT", take);
  process.on("SIGTERM", take);
  return {
    signal: controller.signal,
    happened,
    get exitCode() {
      return exitCode;
    },
    release,
  };
}
