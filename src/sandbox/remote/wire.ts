// What a caller and a sandbox node say to each other, version 1: an offer and its answer, then frames both ways.
// Invariant: nothing is believed before it has passed a schema here; unknown fields are passed over, so that nodes and
// callers of adjacent versions work together.
//
// A frame is a line of JSON (its head) and, where it carries one, a part of a message after the line's end. The parts
// of a message, put together, are JSON again.
import { z } from "zod";
import type { GuestLimits } from "../../core/guest.ts";
import { isName } from "../../core/names.ts";

/** The version of this wire format. */
export const WIRE_VERSION = 1;

const natural = z.int().min(0);
const peer = z.string().refine(isName);
const text = z.string();

/** A caller asks, on the subject of runs, whether a node will take one. */
export const offerSchema = z.object({
  v: z.literal(WIRE_VERSION),
  caller: peer,
  /** The caller's own number for it. */
  run: natural,
  limits: z.record(z.string(), z.number()),
  /** The trace that it belongs to, as W3C Trace Context writes it; older versions pass over it. */
  trace: z.string().max(512).optional(),
});
export type Offer = z.infer<typeof offerSchema>;

/** A node's answer to an offer. */
export const answerSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("taken"), node: peer, name: text }),
  /** It has no room, or is about to stop: ask again, another may have. */
  z.object({ type: z.literal("busy"), name: text }),
  /** It speaks another version: another node may not. */
  z.object({ type: z.literal("version"), name: text, message: text }),
  z.object({ type: z.literal("refused"), name: text, message: text }),
]);
export type Answer = z.infer<typeof answerSchema>;
/** The answer of a node that takes the run. */
export type Taken = Extract<Answer, { readonly type: "taken" }>;

/** The head of a frame. */
export const headSchema = z.discriminatedUnion("type", [
  /** A part of a message of a run. `sequence` counts the sender's parts of that run from 1. */
  z.object({
    v: z.literal(WIRE_VERSION),
    type: z.literal("part"),
    from: peer,
    run: natural,
    sequence: z.int().min(1),
    /** The last of the receiver's parts that the sender has. */
    has: natural,
    /** Whether the message goes on in the next part. */
    more: z.boolean().optional(),
  }),
  /** Once a second: the sender lives, and has these runs, each with the last of the receiver's parts that it has. */
  z.object({
    v: z.literal(WIRE_VERSION),
    type: z.literal("beat"),
    from: peer,
    runs: z.array(z.tuple([natural, natural])),
  }),
  /** The sender is done with a run, for whatever reason. */
  z.object({
    v: z.literal(WIRE_VERSION),
    type: z.literal("close"),
    from: peer,
    run: natural,
    reason: text,
  }),
  /** Answered at once: do messages come through at all? */
  z.object({ v: z.literal(WIRE_VERSION), type: z.literal("echo") }),
]);
export type Head = z.infer<typeof headSchema>;

const failure = z.tuple([text, text, text]);

function isFailure(json: string): boolean {
  try {
    return failure.safeParse(JSON.parse(json)).success;
  } catch {
    return false;
  }
}

const TOOL_NAME = /^[A-Za-z_$][A-Za-z0-9_$]{0,127}(?:\.[A-Za-z_$][A-Za-z0-9_$]{0,127})?$/;

/** Caller to node, about one run. */
export const toNodeSchema = z.discriminatedUnion("type", [
  /** The first message: starts it. */
  z.object({
    type: z.literal("start"),
    code: text,
    context: text,
    tools: z.array(z.string().regex(TOOL_NAME)).max(10_000),
    seed: z.int().min(0).max(0xffffffff),
    at: z.number(),
  }),
  z
    .object({ type: z.literal("return"), call: natural, at: z.number(), ok: z.boolean(), text })
    .refine((message) => message.ok || isFailure(message.text)),
  z.object({ type: z.literal("wake"), at: z.number() }),
]);
export type ToNode = z.infer<typeof toNodeSchema>;

const calls = z.array(z.object({ call: natural, tool: natural, text, at: z.number() }));
const lines = z.array(
  z.object({ level: natural, text: z.string().refine((json) => isText(json), "not a JSON string") }),
);
const usage = z.object({ cpuMs: z.number(), memoryBytes: z.number(), toolCalls: z.number() });

function isText(json: string): boolean {
  try {
    return typeof JSON.parse(json) === "string";
  } catch {
    return false;
  }
}

const limit = z.enum([
  "cpuMs",
  "timeoutMs",
  "memoryBytes",
  "stackBytes",
  "codeBytes",
  "contextBytes",
  "resultBytes",
  "consoleBytes",
  "toolCalls",
  "concurrentToolCalls",
  "toolBytes",
] as const satisfies readonly (keyof GuestLimits)[]);

/** Node to caller, about one run. */
export const toCallerSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("turn"), calls, lines, wakeAt: z.number().nullable(), usage }),
  z.object({
    type: z.literal("end"),
    end: z.discriminatedUnion("type", [
      z.object({ type: z.literal("value"), text }),
      z.object({ type: z.literal("nothing") }),
      z.object({ type: z.literal("limit"), limit, message: text }),
      z.object({ type: z.literal("deadlock") }),
      z.object({ type: z.literal("crash"), message: text }),
      z.object({
        type: z.literal("fault"),
        kind: z.enum(["syntax", "thrown", "unencodable"]),
        name: text,
        message: text,
        stack: text,
        line: natural,
        column: natural,
      }),
    ]),
    calls,
    pending: natural,
    lines,
    usage,
  }),
  /** The run's isolate was lost, not the node. */
  z.object({ type: z.literal("lost"), reason: text }),
]);
export type ToCaller = z.infer<typeof toCallerSchema>;

/** Room for names, numbers and errors around what the limits bound, in characters. */
const ROOM = 64 * 1024;

/** The most characters of one message to a node: JSON may write a character of code as six, of encoded values as two. */
export function maxToNode({ codeBytes, contextBytes, toolBytes }: GuestLimits): number {
  return Math.max(6 * codeBytes + 2 * contextBytes, 2 * toolBytes) + 10 * ROOM;
}

/** The most characters of one message to a caller. */
export function maxToCaller(limits: GuestLimits): number {
  const { resultBytes, consoleBytes, toolBytes, toolCalls, concurrentToolCalls } = limits;
  const calling = toolBytes * Math.min(toolCalls, concurrentToolCalls);
  return 2 * (resultBytes + calling) + 12 * consoleBytes + 4 * ROOM;
}
