// What a node says of itself when it is asked, and what it can be asked: the form of both on the wire.
// Invariant: an answer is one message whatever runs there: actors come in pages, and what they did lately is bounded.
// A field that this version does not know is passed over; one that an older version does not send has a default.
import { z } from "zod";

const STATUS_VERSION = 1;
/** Actors in one answer, at most. */
const MOST_ACTORS = 200;

/** The verbs of a node's subjects that are told here. */
export const STATUS_VERBS = { status: "status", pause: "pause", agent: "agent" } as const;

const tokens = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
});

const counts = z.record(z.string(), z.number());

const roleSchema = z.object({
  role: z.string(),
  kind: z.enum(["prompt", "custom"]),
  capabilities: z.array(z.string()),
  actors: z.number(),
  paused: z.number(),
  /** How many of its actors are in each state, and of its tasks in hand. */
  states: counts,
  taskStates: counts,
  /** Messages in the mailboxes of its actors. */
  unread: z.number(),
  /** Since the node started. */
  ended: z.object({
    success: z.number(),
    failure: z.number(),
    cancelled: z.number(),
    repairs: z.number(),
    costUsd: z.number().nullable(),
    tokens,
  }),
});

const actorSchema = z.object({
  address: z.string(),
  role: z.string(),
  /** As a path, such as `serving.accepting`. */
  state: z.string(),
  tasks: z.number(),
  unread: z.number(),
  restarts: z.number(),
  lastCrash: z.object({ at: z.number(), message: z.string() }).nullable(),
});

const moveSchema = z.object({
  /** Grows by 1 from one to the next. */
  sequence: z.number(),
  at: z.number(),
  address: z.string(),
  /** Null where it was just started, or has left. */
  from: z.string().nullable(),
  to: z.string().nullable(),
});

const answerSchema = z.object({
  v: z.number(),
  node: z.string(),
  version: z.string(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  at: z.number(),
  isStopping: z.boolean(),
  /** Tasks of prompt agents that may run at once. */
  places: z.number(),
  /** The models that its agents ask. */
  models: z.array(z.string()),
  roles: z.array(roleSchema),
  /** Actors that changed their state, the latest of them; `last` is the sequence of the very last, 0 for none. */
  moves: z.object({ last: z.number(), list: z.array(moveSchema) }),
  /** A page of its actors by address, where one was asked for; `total` counts all that fit. */
  actors: z.object({ total: z.number(), list: z.array(actorSchema) }).optional(),
});

const questionSchema = z.object({
  v: z.number().default(STATUS_VERSION),
  /** Moves after this sequence are wanted; none where absent. */
  since: z.number().optional(),
  actors: z
    .object({
      query: z.string().optional(),
      role: z.string().optional(),
      state: z.string().optional(),
      /** Addresses after this one. */
      after: z.string().optional(),
      limit: z.number().int().min(0).max(MOST_ACTORS).default(MOST_ACTORS),
    })
    .optional(),
});

const pauseSchema = z.object({ v: z.number(), role: z.string(), isPaused: z.boolean() });
const pausedSchema = z.object({ v: z.number(), actors: z.number() });
const agentSchema = z.object({ v: z.number(), role: z.string(), profile: z.string().nullable() });
const systemSchema = z.object({ v: z.number(), system: z.string().nullable() });

/** What a node says of itself. */
export type NodeStatus = Omit<z.output<typeof answerSchema>, "v">;
/** What it says of one role's actors. */
export type RoleStatus = z.output<typeof roleSchema>;
/** What it says of one actor. */
export type ActorStatus = z.output<typeof actorSchema>;
/** That an actor changed its state. */
export type ActorMove = z.output<typeof moveSchema>;
/** What is asked. */
export type StatusQuestion = Omit<z.input<typeof questionSchema>, "v">;
/** Which actors are wanted. */
export type ActorQuestion = NonNullable<z.output<typeof questionSchema>["actors"]>;

function form<S extends z.ZodType<{ readonly v: number }>>(schema: S) {
  return {
    write: (value: Omit<z.input<S>, "v">): string => JSON.stringify({ v: STATUS_VERSION, ...value }),
    /** @throws ZodError, SyntaxError where it is none. */
    read: (text: string): z.output<S> => schema.parse(JSON.parse(text.trim() === "" ? "{}" : text)),
  };
}

/** What a node is asked of itself; an empty text asks for the least. */
export const statusQuestion = form(questionSchema);
/** What it answers. */
export const statusAnswer = form(answerSchema);
/** That the actors of a role are to be paused, or are to go on. */
export const pauseWish = form(pauseSchema);
/** How many actors of it there are. */
export const pauseAnswer = form(pausedSchema);
/** What the models of an agent are told of it, with a profile. */
export const agentQuestion = form(agentSchema);
/** That text; null where the node has no such agent, or it asks no model. */
export const agentAnswer = form(systemSchema);
