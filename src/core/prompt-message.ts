// What callers send by the Synadia Agent Protocol 0.3: prompts, and answers to what an agent asks them.
// Invariant: what is read here is a task or a TaskError that says what is wrong with the text; fields that the protocol
// does not know are passed over.
import { z } from "zod";
import { fromBase64 } from "./codec-bytes.ts";
import { TaskError } from "./errors.ts";
import { readRequestJson } from "./request-json.ts";
import type { Task } from "./task.ts";

const envelopeSchema = z.object({
  prompt: z.string(),
  attachments: z.array(z.object({ filename: z.string(), content: z.string() })).optional(),
});

type Envelope = z.infer<typeof envelopeSchema>;
type Attachment = NonNullable<Envelope["attachments"]>[number];

/** A file of a prompt, as a task's `context.attachments` has it. */
interface AttachedFile {
  readonly filename: string;
  /** Text where the file is text in UTF-8, else its bytes. */
  readonly content: string | Uint8Array;
}

/** A name that whoever writes the file may use as it is. */
// eslint-disable-next-line no-control-regex -- control characters are what this refuses.
const FILE_NAME = /^(?!\.{1,2}$)[^/\\\u0000-\u001f]+$/;
const strictText = new TextDecoder("utf-8", { fatal: true });

const FORM = {
  name: "prompt",
  schema: envelopeSchema,
  form: 'send plain text, or JSON as in {"prompt": "…"}',
  wrapped: '{"prompt": "…"}',
};
/** The white space that may come before an envelope. */
const ENVELOPE = /^[\t\n\r ]*\{/;

/**
 * Reads a prompt: a text that begins with `{` is an envelope, any other is the prompt itself. Its files become the
 * task's `context.attachments`.
 *
 * @throws TaskError
 */
export function readPrompt(text: string): Pick<Task, "task" | "context"> {
  const { prompt, attachments = [] } = readEnvelope(text);
  if (prompt.trim() === "") throw new TaskError(`The prompt is empty: ${FORM.form}.`);
  if (attachments.length === 0) return { task: prompt };
  return { task: prompt, context: { attachments: attachments.map(readAttachment) } };
}

function readAttachment({ filename, content }: Attachment): AttachedFile {
  if (!FILE_NAME.test(filename)) {
    throw new TaskError(
      `An attachment is called ${JSON.stringify(filename.slice(0, 80))}: use a file's name without folders.`,
    );
  }
  const bytes = fromBase64(content);
  if (bytes === null) {
    throw new TaskError(`The content of the attachment "${filename}" is no base64, standard and padded.`);
  }
  return { filename, content: textOf(bytes) ?? bytes };
}

function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return strictText.decode(bytes);
  } catch {
    return null;
  }
}

/** A request's text, or that of an answer to a query. @throws TaskError */
function readEnvelope(text: string): Envelope {
  return ENVELOPE.test(text) ? readRequestJson(text, FORM) : { prompt: text };
}

/** What somebody answered who was asked to allow something. */
export interface PromptDecision {
  readonly decision: "approved" | "rejected";
  /** What was said beyond yes or no; null for nothing. */
  readonly note: string | null;
}

const YES = /^(?:yes|y|ok|okay|allow|allowed|approve|approved|true)\b/i;
const NO = /^(?:no|n|deny|denied|reject|rejected|refuse|refused|false)\b/i;

/** Reads the answer to a query; null where it is neither yes nor no. */
export function readDecision(text: string): PromptDecision | null {
  let said: string;
  try {
    said = readEnvelope(text).prompt.trim();
  } catch {
    return null;
  }
  for (const [pattern, decision] of [
    [YES, "approved"],
    [NO, "rejected"],
  ] as const) {
    const match = pattern.exec(said);
    if (match === null) continue;
    const note = said.slice(match[0].length).replace(/^[\s.,:;!–—-]+/, "");
    return { decision, note: note === "" ? null : note };
  }
  return null;
}
