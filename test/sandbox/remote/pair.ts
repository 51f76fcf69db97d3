// A remote sandbox and a node for it over the same messages, as one sandbox: for suites that are written for any.
import { silentLog } from "#src/core/log";
import type { Messages } from "#src/core/ports";
import { createSubjects } from "#src/core/subjects";
import { createRemoteSandbox } from "#src/sandbox/remote/remote-sandbox";
import { SandboxNode } from "#src/sandbox/remote/node";
import type { LocalSandbox, SandboxOptions } from "#src/sandbox/sandbox";

let meshes = 0;

/** Subjects of a mesh that no other test has. */
export function newSubjects() {
  meshes += 1;
  return createSubjects(`sandbox-${process.pid}-${meshes}`);
}

/** Makes such a pair; what it counts is what the node counts. */
export function openPair(messages: Messages, options: SandboxOptions): LocalSandbox {
  const { limits, ...isolates } = options;
  const subjects = newSubjects();
  const node = new SandboxNode({
    ...isolates,
    messages,
    subjects,
    name: "far",
    runs: 1000,
    maximum: { resultBytes: 2 ** 28, consoleBytes: 2 ** 26, toolBytes: 2 ** 28, contextBytes: 2 ** 28 },
    log: silentLog,
  });
  const sandbox = createRemoteSandbox({ messages, subjects, limits });
  const close = async (): Promise<void> => {
    await sandbox.close();
    await node.stop();
  };
  return {
    execute: (code, given) => sandbox.execute(code, given),
    stats: () => node.stats(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
