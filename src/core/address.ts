// Addresses of actors: `<role>.<instance>`, the same in process and on the wire.
// Invariant: both parts are names, so an address always parses back and always fits into a subject.
import { isName } from "./names.ts";

/** Names one running actor. */
export type Address = `${string}.${string}`;

/** The address of a role's instance; both must be valid names. */
export function addressOf(role: string, instance: string): Address {
  return `${role}.${instance}`;
}

/** The parts of an address; a bare role means any actor of it; null where it is neither. */
export function parseAddress(text: string): { role: string; instance: string | null } | null {
  const [role, instance, ...rest] = text.split(".");
  if (!isName(role) || rest.length > 0) return null;
  if (instance === undefined) return { role, instance: null };
  return isName(instance) ? { role, instance } : null;
}
