// The Synadia Agent Protocol for NATS, version 0.3: how an agent is registered, found and known to be alive.
// Invariant: names are those of the protocol; docs/agent-protocol.md says which parts are covered. The owner of an agent
// is its mesh and its name its role, so that one subject is one role of one mesh, on however many nodes.

/** The version that is spoken. */
const PROTOCOL_VERSION = "0.3";
/** What every agent's service is called. */
export const PROTOCOL_SERVICE = "agents";
/** The members of this group share what is asked. */
export const PROTOCOL_QUEUE = "agents";
/** What agents of this kind are called. */
const HARNESS = "fettle";

/** Where an agent is asked, and where it shows that it is alive. */
export interface PromptSubjects {
  readonly prompt: string;
  readonly status: string;
  readonly heartbeat: string;
}

/** The subjects of a role's agents in a mesh. */
export function promptSubjects(mesh: string, role: string): PromptSubjects {
  const of = (verb: string) => `agents.${verb}.${HARNESS}.${mesh}.${role}`;
  return { prompt: of("prompt"), status: of("status"), heartbeat: of("hb") };
}

/** What a service says of itself. */
export function promptMetadata(
  mesh: string,
  { role, capabilities, node }: { role: string; capabilities: readonly string[]; node: string },
): Readonly<Record<string, string>> {
  return {
    agent: HARNESS,
    owner: mesh,
    protocol_version: PROTOCOL_VERSION,
    role,
    capabilities: capabilities.join(","),
    node,
  };
}

/** What the endpoint for prompts says of itself; `maxPayload` in bytes. */
export function promptEndpointMetadata(maxPayload: number): Readonly<Record<string, string>> {
  return { max_payload: sizeOf(maxPayload), attachments_ok: "true" };
}

/** A sign of life; `at` in milliseconds since 1970. */
export function heartbeatText(
  mesh: string,
  { instanceId, at, intervalMs }: { instanceId: string; at: number; intervalMs: number },
): string {
  return JSON.stringify({
    agent: HARNESS,
    owner: mesh,
    instance_id: instanceId,
    ts: new Date(at).toISOString(),
    interval_s: intervalMs / 1_000,
  });
}

/** A whole number and its unit: exact, in the largest unit that is. */
function sizeOf(bytes: number): string {
  const units = ["KB", "MB", "GB"];
  let [size, unit] = [Math.floor(bytes), "B"];
  for (const next of units) {
    if (size % 1_024 !== 0) break;
    [size, unit] = [size / 1_024, next];
  }
  return `${size}${unit}`;
}
