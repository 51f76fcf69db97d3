// What is the same for the queues of all fabrics: how long an id is remembered, and why a message is given up.

/** For so long after it was published, a message of the same id is a duplicate; milliseconds. */
export const DUPLICATE_WINDOW_MS = 120_000;

/** Why a message that was delivered as often as it may be is a dead letter; `last` says how the last try ended. */
export function givenUp(deliveries: number, last: string): string {
  return `Given up after ${deliveries} ${deliveries === 1 ? "delivery" : "deliveries"}: ${last}`;
}

/** How a try ended whose time was over. */
export function timedOut(ackWaitMs: number): string {
  return `not settled within ${ackWaitMs} ms.`;
}

/** How a try ended that was asked to be made again, without a reason. */
export const RETRIED = "it was to be tried again.";

/** Headers by names in lower case, as deliveries have them; of a name that comes twice, the first value. */
export function inLowerCase(
  headers: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(entries.reverse());
}
