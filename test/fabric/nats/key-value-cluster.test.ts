import { expect, it } from "vitest";
import { Changes } from "../../contract/watch.ts";
import { clusterForTests } from "./mesh-server.ts";
import { openForTests } from "./open-key-value.ts";

const cluster = clusterForTests();
const open = openForTests();

it("key-value reads its own writes on a cluster, and goes on when a server of it is lost", async () => {
  const one = await open(cluster.at(0), { replicas: 3 });
  const { keyValue } = one;
  for (let round = 0; round < 50; round += 1) {
    await keyValue.put("b", `k.${round}`, "1");
    expect(await keyValue.keys("b", "k.")).toHaveLength(round + 1);
    if (round % 2 === 1) await keyValue.delete("b", `k.${round}`);
    if (round % 2 === 1) await keyValue.create("b", `k.${round}`, "2");
  }
  const changes = new Changes();
  await keyValue.watch("b", changes.take);
  expect(changes.all).toHaveLength(50);
  await (await cluster.leaderOf(one.link, `KV_${one.link.names.bucket("b")}`)).stop("SIGKILL");
  await keyValue.put("b", "after", "3");
  await changes.until(() => changes.state["after"] === "3");
  expect(await keyValue.keys("b")).toHaveLength(51);
}, 120_000); // Servers that elect a leader take their time.
