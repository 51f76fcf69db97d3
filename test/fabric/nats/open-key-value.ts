// Key-value over a test's own server, with the link that it stands on.
import { afterEach } from "vitest";
import type { KeyValue } from "#src/core/ports";
import { NatsKeyValue } from "#src/fabric/nats/key-value";
import type { NatsLink } from "#src/fabric/nats/link";
import { Streams } from "#src/fabric/nats/streams";
import type { NatsServer } from "../../harness/nats-server.ts";
import { openLink } from "./mesh-server.ts";

/** A part of a fabric, and what it stands on. */
export interface OpenKeyValue {
  readonly keyValue: KeyValue;
  readonly link: NatsLink;
  close(): Promise<void>;
}

/** Opens it, on a mesh of its own where none is named. */
export const openKeyValue = async (
  server: NatsServer,
  options: {
    readonly mesh?: string;
    readonly replicas?: number;
    readonly onError?: (error: unknown, where: string) => void;
  } = {},
): Promise<OpenKeyValue> => {
  const { onError = () => undefined, ...rest } = options;
  const link = await openLink(server, rest);
  const keyValue = new NatsKeyValue(link, new Streams(link), onError);
  const close = async (): Promise<void> => {
    keyValue.close();
    await link.close();
  };
  return { keyValue, link, close };
};

/** Opens as many as a test needs; they are closed after it. */
export function openForTests(): typeof openKeyValue {
  const opened: OpenKeyValue[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  return async (...given) => {
    const one = await openKeyValue(...given);
    opened.push(one);
    return one;
  };
}
