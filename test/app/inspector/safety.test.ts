// Who may look, from where, and what is never shown to anybody.
import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { TestMesh } from "fettle/testing";
import { openInspectorService } from "#src/app/inspector/inspector-service";
import { Veil } from "#src/app/inspector/veil";
import { silentLog } from "#src/core/log";
import { fenced, lookAt } from "./looking.ts";

const TOKEN = "correct-horse-battery-staple";
const SECRET = "kQ7vX2pLm9-configured-key";

const worker = defineAgent({
  role: "worker",
  capabilities: ["leaking"],
  systemPrompt: `Use the key ${SECRET}.`,
  approval: "code",
});

async function started(answers: string[] = []): Promise<TestMesh> {
  const mesh = new TestMesh({ model: answers });
  mesh.add(worker);
  await mesh.start();
  return mesh;
}

/** A request with whatever headers: fetch sets some itself. */
function ask(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("the inspector", () => {
  it("gives its page without the token, and nothing of the mesh", async () => {
    await using mesh = await started();
    await using looking = await lookAt(mesh, { token: TOKEN });
    expect((await looking.get("")).status).toBe(200);
    expect((await fetch(new URL("/", looking.service.url))).url).toBe(looking.service.url);
    expect((await fetch(looking.service.url.slice(0, -1))).url).toBe(looking.service.url);
    for (const path of ["api/mesh", "api/tasks", "api/events", "api/charts", "api/nothing"]) {
      expect(await looking.get(path)).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
      const wrong = { Authorization: "Bearer wrong-horse-battery-staple" };
      expect((await looking.get(path, wrong)).status).toBe(401);
    }
    expect((await looking.post("api/agents/worker/pause")).status).toBe(401);
    const right = { Authorization: `Bearer ${TOKEN}` };
    expect((await looking.get("api/mesh", right)).status).toBe(200);
    await using events = await looking.events("", right);
    expect(events.status).toBe(200);
    expect(looking.service.url).not.toContain(TOKEN);
  });

  it("takes no other spelling of an address for one of its page", async () => {
    await using mesh = await started();
    await using looking = await lookAt(mesh, { token: TOKEN });
    for (const path of ["%61pi/mesh", "api%2fmesh", "/api/mesh", "./api/mesh", "x/../api/mesh", "API/mesh"]) {
      const answer = await looking.get<object>(looking.service.url + path);
      expect([401, 404]).toContain(answer.status);
      expect(JSON.stringify(answer.body)).not.toContain("nodes");
    }
  });

  it("needs a token where others could reach it", async () => {
    await using mesh = await started();
    const open = openInspectorService(mesh, {
      host: "0.0.0.0",
      port: 0,
      token: undefined,
      log: silentLog,
      secrets: [],
    });
    await expect(open).rejects.toThrow("FETTLE_INSPECT_TOKEN");
  });

  it("answers only by its own names, and no page of another origin", async () => {
    await using mesh = await started();
    await using looking = await lookAt(mesh);
    const url = new URL("api/mesh", looking.service.url);
    expect(await ask(url.href, { Host: url.host })).toBe(200);
    expect(await ask(url.href, { Host: "rebound.example" })).toBe(421);
    expect((await looking.get("api/mesh", { Origin: "https://evil.example" })).status).toBe(403);
    const form = { "Content-Type": "text/plain" };
    expect((await looking.post("api/agents/worker/pause", {}, form)).status).toBe(415);
  });

  it("forbids its page to load, run or send anything but to itself", async () => {
    await using mesh = await started();
    await using looking = await lookAt(mesh);
    for (const path of ["", "api/mesh", "api/nothing"]) {
      const { headers } = await looking.get(path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
    for (const path of ["..%2f..%2fpackage.json", "shapes.js", ".env", "a/index.html"]) {
      expect((await looking.get(path)).status).toBe(404);
    }
  });

  it("never shows a configured key, wherever it turns up", async () => {
    const code = `console.log("${SECRET}"); throw new Error("${SECRET} leaked");`;
    await using mesh = await started([fenced(code), fenced(`result = { "${SECRET}": "${SECRET}" };`)]);
    await using looking = await lookAt(mesh, { secrets: [SECRET] });
    const bodies: string[] = [];
    const get = async (path: string) => {
      const answer = await fetch(new URL(path, looking.service.url));
      bodies.push(await answer.text());
      return bodies.at(-1) ?? "";
    };
    await using events = await looking.events("?task=t1");
    const result = mesh.execute("worker", {
      id: "t1",
      task: `Say ${SECRET}.`,
      context: { note: SECRET },
    });
    for (let code = 0; code < 2; code += 1) {
      const { approvalId } = await events.next("approval", ({ approval }) => approval !== null);
      await get("api/approvals");
      await looking.post(`api/approvals/${approvalId}/approve`, { note: SECRET });
    }
    expect(await result).toMatchObject({ status: "success", repairs: 1 });
    await events.next("task", ({ task }) => task.endedAt !== null);
    await get("api/tasks");
    await get("api/mesh");
    await get("api/actors");
    const detail = await get("api/tasks/t1");
    expect(detail).toContain("[redacted]");
    expect(detail).toContain("Use the key [redacted].");
    expect(events.seen.some(({ type }) => type === "text")).toBe(true);
    for (const body of [...bodies, events.text]) expect(body).not.toContain(SECRET);
  });
});

describe("a veil", () => {
  it("hides a secret at the place where a long text is cut, and says how long it was", () => {
    const veil = new Veil([SECRET]);
    const text = `${"x".repeat(90)}${SECRET}${"y".repeat(200)}`;
    for (let longest = 60; longest < 140; longest += 1) {
      const shown = veil.text(text, longest);
      expect(shown).toContain("characters in all");
      for (let part = 8; part <= SECRET.length; part += 1) {
        expect(shown).not.toContain(SECRET.slice(0, part));
      }
    }
  });

  it("holds back what could be the begin of a secret in text that goes on", () => {
    const veil = new Veil([SECRET]);
    let [kept, shown] = ["", ""];
    for (const character of `The key is ${SECRET} and so on. `) {
      const ready = veil.ready(kept + character);
      kept = ready.kept;
      shown += ready.shown;
    }
    expect(shown).toBe("The key is [redacted] and so on. ");
  });

  it("hides values under the names of secrets, at any depth, and writes out control characters", () => {
    const veil = new Veil();
    expect(JSON.parse(veil.value({ list: [{ apiKey: "abc", name: "ann" }] }))).toEqual({
      list: [{ apiKey: "[redacted]", name: "ann" }],
    });
    expect(veil.text("\u001b[31mred")).toBe("\\x1b[31mred");
  });
});
