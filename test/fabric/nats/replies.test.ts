import type { Msg, NatsConnection } from "nats";
import { describe, expect, it, vi } from "vitest";
import { systemClock, type Clock } from "#src/core/clock";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { Outage } from "#src/fabric/nats/outage";
import { Replies, type Question } from "#src/fabric/nats/replies";
import { startNatsServer, type NatsServer } from "../../harness/nats-server.ts";
import { serverForTests } from "./mesh-server.ts";

const shared = serverForTests();

interface Asker {
  readonly connection: NatsConnection;
  readonly outage: Outage;
  readonly replies: Replies;
  readonly ask: (subject: string, options?: Partial<Question>) => Promise<string>;
}

async function openAsker(
  server: NatsServer,
  {
    user,
    inbox,
    clock = systemClock,
  }: { readonly user?: string; readonly inbox?: string; readonly clock?: Clock } = {},
): Promise<Asker & AsyncDisposable> {
  const identity = user === undefined ? {} : { user, password: "secret" };
  const connection = await openConnection(
    { servers: [server.url], ...identity },
    { name: "test", log: silentLog, inbox },
  );
  const outage = new Outage(connection);
  const replies = new Replies({ connection, outage, clock });
  return {
    connection,
    outage,
    replies,
    ask: (subject, options = {}) =>
      new Promise((resolve, reject) => {
        const answered = (message: Msg): void => resolve(message.string());
        replies.ask(subject, "", { timeoutMs: 60_000, answered, failed: reject, ...options });
      }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Hears what is asked there, and answers when it is told to. */
async function listen({ connection }: Asker, subject: string) {
  const heard: Msg[] = [];
  let arrived: () => void = () => undefined;
  connection.subscribe(subject, {
    callback: (_, message) => {
      heard.push(message);
      arrived();
    },
  });
  await connection.flush();
  return {
    heard,
    count: async (count: number): Promise<void> => {
      while (heard.length < count) await new Promise<void>((resolve) => (arrived = resolve));
    },
  };
}

describe("a question", () => {
  it("is answered by its own answer, in whatever order the answers come", async () => {
    await using asker = await openAsker(shared.get());
    await using other = await openAsker(shared.get());
    const { heard, count } = await listen(other, "order");
    const asked = [asker.ask("order"), asker.ask("order"), asker.ask("order")];
    await count(3);
    heard
      .map((message, index) => () => message.respond(String(index)))
      .reverse()
      .forEach((answer) => answer());
    expect(await Promise.all(asked)).toEqual(["0", "1", "2"]);
  });

  it("fails at once where nobody listens", async () => {
    await using asker = await openAsker(shared.get());
    await expect(asker.ask("nobody")).rejects.toMatchObject({ code: "503", message: /"nobody"/ as never });
  });

  it("takes an empty answer with headers for an answer", async () => {
    await using asker = await openAsker(shared.get());
    await using other = await openAsker(shared.get());
    const { heard, count } = await listen(other, "empty");
    const asked = asker.ask("empty");
    await count(1);
    heard[0]?.respond();
    expect(await asked).toBe("");
  });

  it("fails when its time is over, also behind one that has more time, and before that it does not", async () => {
    let now = 1_000;
    const timers = new Map<number, { readonly at: number; readonly wake: () => void }>();
    let made = 0;
    const clock: Clock = {
      now: () => now,
      setTimeout: (wake, delayMs) => (timers.set((made += 1), { at: now + delayMs, wake }), made),
      clearTimeout: (handle) => void timers.delete(handle as number),
    };
    const moveTo = (time: number): void => {
      now = time;
      for (const [name, { at, wake }] of [...timers]) if (at <= now && timers.delete(name)) wake();
    };
    await using asker = await openAsker(shared.get(), { clock });
    await using other = await openAsker(shared.get());
    await listen(other, "mute");
    const failed = vi.fn<(name: number, code: string) => void>();
    for (const timeoutMs of [5_000, 500, 700, Infinity]) {
      asker.replies.ask("mute", "", {
        timeoutMs,
        answered: () => undefined,
        failed: (error) => failed(timeoutMs, (error as { code: string }).code),
      });
      expect(timers.size).toBe(1);
    }
    moveTo(1_499);
    expect(failed).not.toHaveBeenCalled();
    moveTo(1_500);
    expect(failed.mock.calls).toEqual([[500, "TIMEOUT"]]);
    moveTo(1_700);
    moveTo(6_000);
    expect(failed.mock.calls).toEqual([
      [500, "TIMEOUT"],
      [700, "TIMEOUT"],
      [5_000, "TIMEOUT"],
    ]);
    expect(timers.size).toBe(0);
  });

  it("that ended hears no more: neither an answer that comes late nor a second one", async () => {
    await using asker = await openAsker(shared.get());
    await using other = await openAsker(shared.get());
    const { heard, count } = await listen(other, "late");
    const [answered, failed] = [vi.fn(), vi.fn()];
    await expect(asker.ask("late", { timeoutMs: 1 })).rejects.toMatchObject({ code: "TIMEOUT" });
    const forgotten = asker.replies.ask("late", "", { timeoutMs: 60_000, answered, failed });
    asker.replies.forget(forgotten);
    const asked = asker.ask("late");
    await count(3);
    for (const [index, message] of heard.entries()) {
      message.respond(String(index));
      message.respond("again");
    }
    expect(await asked).toBe("2");
    await other.connection.flush();
    await asker.connection.flush();
    expect([answered, failed].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });

  it("fails where its answer cannot be read", async () => {
    await using asker = await openAsker(shared.get());
    await using other = await openAsker(shared.get());
    const { heard, count } = await listen(other, "unreadable");
    const answered = (): void => {
      throw new Error("unreadable");
    };
    const asked = asker.ask("unreadable", { answered });
    await count(1);
    heard[0]?.respond("x");
    await expect(asked).rejects.toThrow("unreadable");
  });

  it("that is too large is refused where it is asked, and leaves nothing behind", async () => {
    await using asker = await openAsker(shared.get());
    const failed = vi.fn();
    const question = { timeoutMs: 1, answered: () => undefined, failed };
    expect(() => asker.replies.ask("large", "x".repeat(2_000_000), question)).toThrow(/MAX_PAYLOAD/);
    await expect(asker.ask("nobody")).rejects.toMatchObject({ code: "503" });
    expect(failed).not.toHaveBeenCalled();
  });
});

describe("questions that wait", () => {
  it("fail when the connection is lost, but for those that outlive it, which are answered when it is back", async () => {
    await using server = await startNatsServer();
    await using asker = await openAsker(server);
    await using other = await openAsker(server);
    const { heard, count } = await listen(other, "slow");
    const outlives = asker.ask("slow", { outlivesConnection: true });
    const bound = Promise.allSettled(Array.from({ length: 500 }, () => asker.ask("slow")));
    await count(501);
    await server.stop("SIGKILL");
    const ends = await bound;
    expect(
      new Set(ends.map((end) => end.status === "rejected" && (end.reason as { code: string }).code)),
    ).toEqual(new Set(["DISCONNECT"]));
    await expect(asker.ask("slow")).rejects.toMatchObject({ code: "DISCONNECT" });
    const back = [asker, other].map(({ outage }) => new Promise<void>((resolve) => outage.onBack(resolve)));
    await server.start();
    await Promise.all(back);
    await asker.connection.flush();
    heard[0]?.respond("at last");
    expect(await outlives).toBe("at last");
  });

  it("fail when the connection is closed", async () => {
    await using asker = await openAsker(shared.get());
    await using other = await openAsker(shared.get());
    await listen(other, "mute");
    const asked = [asker.ask("mute"), asker.ask("mute", { outlivesConnection: true })];
    const ended = Promise.allSettled(asked);
    await asker.connection.close();
    expect(await ended).toMatchObject(
      asked.map(() => ({ status: "rejected", reason: { code: "CONNECTION_CLOSED" } })),
    );
    await expect(asker.ask("mute")).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  });
});

describe("permissions", () => {
  const permitted = `authorization { users: [
    { user: "all", password: "secret" }
    { user: "some", password: "secret", permissions {
      publish: { deny: ["secret"] }, subscribe: ["_INBOX.mine.>"] } }
  ] }`;

  it("end the question that they forbid, and no other", async () => {
    await using server = await startNatsServer({ config: permitted });
    await using asker = await openAsker(server, { user: "some", inbox: "_INBOX.mine" });
    await using other = await openAsker(server, { user: "all" });
    const { heard, count } = await listen(other, "open");
    const open = asker.ask("open");
    await expect(asker.ask("secret")).rejects.toMatchObject({ code: "PERMISSIONS_VIOLATION" });
    await count(1);
    expect(heard[0]?.reply).toMatch(/^_INBOX\.mine\./);
    heard[0]?.respond("yes");
    expect(await open).toBe("yes");
  });

  it("end all questions where they forbid the inbox", async () => {
    await using server = await startNatsServer({ config: permitted });
    await using asker = await openAsker(server, { user: "some" });
    await using other = await openAsker(server, { user: "all" });
    await listen(other, "open");
    for (const _ of ["once", "twice"]) {
      const asked = await Promise.allSettled([asker.ask("open"), asker.ask("open")]);
      expect(asked).toMatchObject(asked.map(() => ({ reason: { code: "PERMISSIONS_VIOLATION" } })));
    }
  });
});
