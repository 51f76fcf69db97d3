// Takes in what arrives for an actor: one message, or several that were sent together.
// Invariant: a malformed message is its sender's error and nobody else's; each sender learns what became of its own.
import {
  bodyOf,
  isBatch,
  openBatch,
  openEnvelope,
  sealError,
  sealOutcomes,
  sealValue,
} from "../src/core/envelope.ts";
import type { FabricMessage } from "../src/core/ports.ts";
import type { Mailbox } from "../src/mailbox.ts";
import type { Mail } from "./intake.ts";

/** Puts what arrived into the actor's mailbox, and answers where that is all that is waited for. */
export function receive(message: FabricMessage, mailbox: Mailbox<Mail>): void {
  if (isBatch(message.payload)) receiveBatch(message, mailbox);
  else receiveOne(message, mailbox);
}

function receiveOne(message: FabricMessage, mailbox: Mailbox<Mail>): void {
  let answered = false;
  const reply = (answer: string) => {
    if (answered) return;
    answered = true;
    message.reply(answer);
  };
  try {
    const envelope = openEnvelope(message.payload);
    mailbox.push({ envelope, body: bodyOf(envelope), reply });
    // A sender waits until its message is taken in; an asker until it is answered.
    if (envelope.type !== "ask") reply(sealValue(null));
  } catch (thrown) {
    reply(sealError(thrown));
  }
}

function receiveBatch(message: FabricMessage, mailbox: Mailbox<Mail>): void {
  try {
    const outcomes = openBatch(message.payload).map((envelope) => {
      try {
        mailbox.push({ envelope, body: bodyOf(envelope), reply: () => undefined });
        return null;
      } catch (thrown) {
        return thrown;
      }
    });
    message.reply(sealOutcomes(outcomes));
  } catch (thrown) {
    message.reply(sealError(thrown));
  }
}
