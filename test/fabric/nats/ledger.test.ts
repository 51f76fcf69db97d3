import { describe, expect, it, vi } from "vitest";
import type { Fabric } from "#src/core/ports";
import { NatsLedger } from "#src/fabric/nats/ledger";
import type { NatsLink } from "#src/fabric/nats/link";
import { NatsMessages } from "#src/fabric/nats/messages";
import { Streams } from "#src/fabric/nats/streams";
import { ledgerContract } from "../../contract/ledger.ts";
import { messagesContract } from "../../contract/messages.ts";
import { openLink, serverForTests } from "./mesh-server.ts";

describe("parts of the fabric over NATS keep the contract of", () => {
  const server = serverForTests();
  const make = async (): Promise<Fabric> => {
    const link = await openLink(server.get());
    const streams = new Streams(link);
    return {
      messages: new NatsMessages(link, () => undefined),
      ledger: new NatsLedger(link, streams),
      close: () => link.close(),
    } as unknown as Fabric;
  };
  messagesContract(make);
  ledgerContract(make);
});

describe("a ledger over NATS", () => {
  const server = serverForTests();
  /** A ledger with one entry, whose next write meets what is given: its first answer is lost, its second try is refused. */
  const doubtful = async (between: (link: NatsLink) => Promise<unknown>) => {
    const link = await openLink(server.get());
    const ledger = new NatsLedger(link, new Streams(link));
    const first = await ledger.append("doubtful", "first", 0);
    const ask = link.ask.bind(link);
    const refusal = Object.assign(new Error("wrong last sequence: 9"), { api_error: { err_code: 10071 } });
    vi.spyOn(link, "ask")
      .mockImplementationOnce(async (...question) => {
        await between(link);
        await ask(...question).catch(() => undefined);
        throw Object.assign(new Error("no answer"), { code: "TIMEOUT" });
      })
      .mockImplementationOnce(() => Promise.reject(refusal));
    return { link, ledger, first };
  };

  it("knows its own entry again that was taken by a server which died before it said so", async () => {
    const { link, ledger, first } = await doubtful(async () => undefined);
    const second = await ledger.append("doubtful", "second", first);
    expect(second).toBe((await ledger.last("doubtful"))?.sequence);
    expect((await ledger.read("doubtful")).map(({ payload }) => payload)).toEqual(["first", "second"]);
    await link.close();
  });

  it("is refused where the entry that is there is another's", async () => {
    const { link, ledger, first } = await doubtful(async ({ connection, names }) => {
      await connection.jetstream().publish(names.ledger("doubtful"), "another's");
    });
    await expect(ledger.append("doubtful", "second", first)).rejects.toMatchObject({
      code: "SEQUENCE_CONFLICT",
    });
    await link.close();
  });
});
