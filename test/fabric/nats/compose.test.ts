// The cluster of docker-compose.nats.yml without Docker: its servers' own flags, with this machine's ports and folders in
// place of the containers'.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { findServer, freePort } from "../../harness/nats-server.ts";
import { projectRoot } from "../../harness/program.ts";

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

const file = parse(readFileSync(join(projectRoot, "docker-compose.nats.yml"), "utf8"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const services = Object.entries(file.services);

describe("docker-compose.nats.yml", () => {
  const running: ChildProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), "fettle-compose-"));
  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it("has three servers, each with a volume, and no port that other machines reach", () => {
    expect(services.map(([name]) => name)).toEqual(["nats-1", "nats-2", "nats-3"]);
    const published = services.flatMap(([, { ports }]) => ports);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:(4222|8222)$/);
    expect(new Set(published).size).toBe(6);
    expect(services.map(([, { volumes }]) => volumes)).toEqual(services.map(([name]) => [`${name}:/data`]));
    expect(Object.keys(file.volumes)).toEqual(services.map(([name]) => name));
    for (const [, { image }] of services) expect(image).toMatch(/^nats:2\.\d+-alpine$/);
  });

  it("makes a cluster that is healthy as its own check sees it, and keeps what a mesh stores on all three", async () => {
    const here = new Map<string, { port: number; route: number; http: number }>();
    for (const [name] of services) {
      here.set(name, { port: await freePort(), route: await freePort(), http: await freePort() });
    }
    for (const [name, { command }] of services) {
      const own = here.get(name);
      const flags = command.map((flag) =>
        flag
          .replace(/(nats-\d):6222/g, (_, peer: string) => `127.0.0.1:${here.get(peer)?.route ?? 0}`)
          .replace("0.0.0.0:6222", `127.0.0.1:${own?.route ?? 0}`)
          .replace("--addr=0.0.0.0", "--addr=127.0.0.1")
          .replace("--port=4222", `--port=${own?.port ?? 0}`)
          .replace("=8222", `=${own?.http ?? 0}`)
          .replace("=/data", `=${join(folder, name)}`),
      );
      running.push(spawn(findServer(), flags, { stdio: "ignore" }));
    }
    for (const [name, { healthcheck }] of services) {
      const url = healthcheck.test.at(-1)?.replace(":8222", `:${here.get(name)?.http ?? 0}`) ?? "";
      await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), {
        timeout: 30_000,
        interval: 100,
      });
    }
    const servers = [...here.values()].map(({ port }) => `127.0.0.1:${port}`);
    const connection = await openConnection({ servers }, { name: "test", log: silentLog });
    await using fabric = await createNatsFabric({ connection, mesh: "composed", replicas: 3 });
    await fabric.ledger.append("a", "entry", 0);
    const { cluster } = await (await connection.jetstreamManager()).streams.info("fettle-composed-ledger");
    expect([cluster?.leader, ...(cluster?.replicas ?? []).map((one) => one.name)].sort()).toEqual([
      ...here.keys(),
    ]);
  }, 60_000);
});
