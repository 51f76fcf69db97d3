// The name of a request, by which its answer, its problem and the lines of the log are found together.
// Invariant: whatever a client sends, an id is short and of characters that no log or header can mistake.
const SANE = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;

/** The id that the client gave, if it is sane, else a new one. */
export function requestIdOf(given: string | undefined): string {
  return given !== undefined && SANE.test(given) ? given : crypto.randomUUID();
}
