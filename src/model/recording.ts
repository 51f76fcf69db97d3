// Recordings of model calls: what was asked and what was answered, as one file that can be replayed or written by hand.
// Invariant: a recorded line is whole and free of secrets before the answer is handed on; lines only ever get added,
// each by one write at the file's end, so that parallel asks and several processes can share a file.
import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { ConfigError, messageOf, ReplayError, StorageError } from "../core/errors.ts";
import type { Model, ModelRequest } from "../core/model.ts";
import { redact } from "../core/secret.ts";

const Purpose = z.enum(["generate", "repair", "check", "compress", "route"]);

const Tokens = z.strictObject({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number().default(0),
  cacheWrite: z.number().default(0),
});

/** Text as it is, or as a list of its lines, which is easier to write by hand. */
const Text = z.union([z.string(), z.array(z.string()).transform((lines) => lines.join("\n"))]);

const Answer = z.strictObject({
  text: Text,
  provider: z.string().default("scripted"),
  model: z.string().default("script"),
  tokens: Tokens.default({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }),
  costUsd: z.number().nullable().default(null),
  finish: z.enum(["stop", "length", "refusal", "other"]).default("stop"),
});

const Message = z.strictObject({ role: z.enum(["user", "assistant"]), content: Text });

const Request = z.strictObject({
  system: Text,
  messages: z.array(Message),
  temperature: z.number().optional(),
  maxOutputTokens: z.number().optional(),
  model: z.string().optional(),
});

/** A request and its answer as they happened: matches requests of the same content. */
const Recorded = z.strictObject({
  recordedAt: z.string().optional(),
  purpose: Purpose.optional(),
  request: Request,
  answer: Answer,
});

/** Answers written by hand: match any request in whose user messages the given texts occur. */
const Scripted = z.strictObject({
  comment: z.string().optional(),
  match: z
    .strictObject({
      /** Occurs in any user message. */
      task: z.string().optional(),
      /** Occurs in the last user message. */
      last: z.string().optional(),
      purpose: Purpose.optional(),
    })
    .refine((match) => Object.keys(match).length > 0, "names neither task, last nor purpose"),
  answers: z.array(z.union([Text.transform((text) => Answer.parse({ text })), Answer])).min(1),
});

/** One entry of a recording, as it is written in the file. */
export type RecordingEntry = z.input<typeof Recorded> | z.input<typeof Scripted>;
/** One entry of a recording after reading. */
export type RecordedEntry = z.output<typeof Recorded>;
/** Hand-written answers after reading. */
export type ScriptedEntry = z.output<typeof Scripted>;
/** An answer as it is recorded. */
export type RecordedAnswer = z.output<typeof Answer>;

/** Entries with the place that each was read from, such as `demo.jsonl:3`. */
export type Recording = readonly {
  readonly place: string;
  readonly entry: RecordedEntry | ScriptedEntry;
}[];

/** The part of a request that decides its answer: what is sent, with one form of line ends, without secrets. */
export function contentOf(request: ModelRequest, secrets: readonly string[] = []): RecordedEntry["request"] {
  const clean = (text: string): string => redact(text.replaceAll("\r\n", "\n"), secrets);
  return {
    system: clean(request.system),
    messages: request.messages.map(({ role, content }) => ({ role, content: clean(content) })),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...(request.model === undefined ? {} : { model: request.model }),
  };
}

/** The same for requests of the same content, in any process: a SHA-256 in hexadecimal. */
export function keyOf(content: RecordedEntry["request"]): string {
  const { system, messages, temperature, maxOutputTokens, model } = content;
  const ordered = [
    system,
    messages.map(({ role, content: text }) => [role, text]),
    temperature ?? null,
    maxOutputTokens ?? null,
    model ?? null,
  ];
  return createHash("sha256").update(JSON.stringify(ordered)).digest("hex");
}

/** The options of {@link recordModel}. */
export interface RecordOptions {
  /** Values that must never be written, such as the providers' keys. */
  readonly secrets?: readonly string[] | undefined;
  /** Milliseconds since 1970, for the entries' dates. */
  readonly now?: (() => number) | undefined;
}

/**
 * A model that writes every answer and its request to a JSON Lines file before it hands the answer on.
 *
 * @throws ConfigError where the file is a `.json` document, which cannot be added to.
 * @throws StorageError, from `ask`, where the file cannot be written.
 */
export function recordModel(model: Model, file: string, options: RecordOptions = {}): Model {
  if (file.endsWith(".json")) {
    throw new ConfigError(`Cannot record to "${file}": recordings grow by lines, name the file *.jsonl.`);
  }
  const { secrets = [], now = Date.now } = options;
  return {
    name: model.name,
    isRecorded: true,
    costOf: (tokens, named) => model.costOf?.(tokens, named) ?? null,
    async ask(request, callOptions) {
      const answer = await model.ask(request, callOptions);
      const { replayed: _replayed, ...recorded } = answer;
      const entry: RecordingEntry = {
        recordedAt: new Date(now()).toISOString(),
        purpose: request.purpose,
        request: contentOf(request, secrets),
        answer: { ...recorded, text: redact(answer.text, secrets) },
      };
      await append(file, `${JSON.stringify(entry)}\n`);
      return answer;
    },
  };
}

async function append(file: string, line: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, "a");
    try {
      const bytes = Buffer.from(line);
      const { bytesWritten } = await handle.write(bytes);
      if (bytesWritten < bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes fit`);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new StorageError("STORAGE_FAILED", `Cannot record to "${file}": ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

/**
 * Reads a recording: JSON Lines, or for a `.json` file one document `{ "entries": [ … ] }`.
 *
 * @throws ReplayError `RECORDING_INVALID`, naming the file and the line or entry.
 */
export function readRecording(file: string): Recording {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw invalid(file, `it cannot be read (${messageOf(error)})`, error);
  }
  if (file.endsWith(".json")) return readDocument(file, text);
  return text
    .split("\n")
    .map((line, index) => ({ line, place: `${file}:${index + 1}` }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, place }) => ({ place, entry: parseEntry(parseJson(line, place), place) }));
}

/** Checks entries that were made in a program. @throws ReplayError `RECORDING_INVALID` */
export function toRecording(entries: readonly unknown[]): Recording {
  return entries.map((entry, index) => {
    const place = `entry ${index + 1}`;
    return { place, entry: parseEntry(entry, place) };
  });
}

function readDocument(file: string, text: string): Recording {
  const document = parseJson(text, file);
  const entries =
    typeof document === "object" && document !== null
      ? (document as { entries?: unknown }).entries
      : undefined;
  if (!Array.isArray(entries)) throw invalid(file, `it is no document { "entries": [ … ] }`);
  return entries.map((entry: unknown, index) => {
    const place = `${file}, entry ${index + 1}`;
    return { place, entry: parseEntry(entry, place) };
  });
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec(messageOf(error))?.[1];
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split("\n").length;
    const where = line === undefined || !text.includes("\n") ? place : `${place}:${line}`;
    throw invalid(where, `it is not JSON (${messageOf(error)})`, error);
  }
}

function parseEntry(value: unknown, place: string): RecordedEntry | ScriptedEntry {
  const isScripted = typeof value === "object" && value !== null && "match" in value;
  const parsed = isScripted ? Scripted.safeParse(value) : Recorded.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(place, z.prettifyError(parsed.error).replaceAll("\n", " "), parsed.error);
}

function invalid(place: string, why: string, cause?: unknown): ReplayError {
  return new ReplayError("RECORDING_INVALID", `The recording at ${place} cannot be used: ${why}.`, { cause });
}
