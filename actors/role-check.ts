// Whether a mesh has a role, here or on another node, and what is known of it before a task is given to it.
import type { ActorParts } from "./parts.ts";
import { unknownRole, type Population } from "./population.ts";

/**
 * How large the context of a role's task may be, encoded, in bytes; undefined for the usual bound. At once for a role
 * that runs here.
 *
 * @throws UnknownError where no node ever had an agent for the role.
 */
export function contextBytesOf(
  role: string,
  population: Population,
  { peers }: ActorParts,
): number | undefined | Promise<number | undefined> {
  if (population.has(role)) return population.agent(role).limits.contextBytes;
  if (peers === null) throw unknownRole(role, population.roles);
  return peers.roles.find(role).then(async (entry) => {
    if (entry === null) throw unknownRole(role, [...population.roles, ...(await peers.roles.roles())]);
    return entry.contextBytes;
  });
}
