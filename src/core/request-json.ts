// What clients send as JSON, read and checked: where it is wrong, they are told what is and which form is right.
import type { z } from "zod";
import { messageOf, TaskError } from "./errors.ts";

/** What a request should be. */
export interface RequestForm<T> {
  /** What it is called: `task`, `prompt`. */
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** How to send it, as an imperative sentence without its full stop. */
  readonly form: string;
  /** How to send a text that is not meant as JSON and looks like it. */
  readonly wrapped: string;
}

/** Reads a text that begins like JSON. @throws TaskError that says what is wrong with it */
export function readRequestJson<T>(text: string, { name, schema, form, wrapped }: RequestForm<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new TaskError(
      `The request begins like JSON and is none (${messageOf(thrown)}): ${form}. ` +
        `A ${name} that begins so goes into ${wrapped}.`,
      { cause: thrown },
    );
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new TaskError(`The request is no ${name} (${problems.join("; ")}): ${form}.`);
}
