// Where the suites of this folder run their guests: here, unless a file that imports them says otherwise.
import { createSandbox, type LocalSandbox, type SandboxOptions } from "#src/sandbox/sandbox";

/** Makes a sandbox, wherever its guests run. */
export type Place = (options: SandboxOptions) => LocalSandbox;

let place: Place = createSandbox;

/** Says where; to be called before the suites are imported. */
export function runGuestsIn(chosen: Place): void {
  place = chosen;
}

/** The sandbox of a suite. */
export function openSandbox(options: SandboxOptions): LocalSandbox {
  return place(options);
}
