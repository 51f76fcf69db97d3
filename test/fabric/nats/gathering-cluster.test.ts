// A node that comes up before all servers of its cluster are there, as after `docker compose up`.
import { expect, it } from "vitest";
import { defer } from "#src/core/deferred";
import { silentLog, type Log, type LogFields } from "#src/core/log";
import { Streams } from "#src/fabric/nats/streams";
import { clusterForTests, openLink } from "./mesh-server.ts";

const cluster = clusterForTests();

it("a stream is made once the cluster has a server for each of its replicas", async () => {
  await cluster.at(2).stop("SIGKILL");
  const waits = defer<LogFields>();
  const tell = (fields: LogFields) => waits.resolve(fields);
  const log: Log = { ...silentLog, info: tell, warn: tell };
  const link = await openLink(cluster.at(0), { replicas: 3, log });
  const made = new Streams(link).ensure("ledger");
  const stream = link.names.stream("ledger");
  // Servers from 2.11 on do not agree on anything before all of a new cluster have been there.
  const reason = "JetStream system temporarily unavailable";
  expect([
    { stream, replicas: 3 },
    { attempt: `make the stream "${stream}"`, reason },
  ]).toContainEqual(await Promise.race([waits.promise, made]));
  await cluster.at(2).start();
  expect(await made).toBe(stream);
  await link.close();
}, 120_000); // Servers that elect a leader take their time.
