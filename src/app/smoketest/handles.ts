// What still holds the process open: the proof that a stopped mesh has let go of everything.

/** How long closed things may take to be gone: a worker thread ends a little after it was told to. */
const PATIENCE_MS = 2_000;
const LOOK_EVERY_MS = 20;

/**
 * The kinds of handles that are open beyond those that were open before, once they had time to close; empty where
 * none are, null where the runtime cannot tell (Deno).
 */
export async function leftoverHandles(before: readonly string[] | null): Promise<readonly string[] | null> {
  const startedAt = performance.now();
  for (;;) {
    const now = openHandles();
    if (before === null || now === null) return null;
    const left = without(now, before);
    if (left.length === 0 || performance.now() - startedAt > PATIENCE_MS) return left;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** The kinds of handles that hold the process open, one entry each; null where the runtime cannot tell. */
export function openHandles(): readonly string[] | null {
  if ("Deno" in globalThis) return null;
  return process.getActiveResourcesInfo();
}

/** The entries that are left when each of the others has taken one like itself away. */
function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const rest = [...others];
  return names.filter((name) => {
    const index = rest.indexOf(name);
    if (index !== -1) rest.splice(index, 1);
    return index === -1;
  });
}
