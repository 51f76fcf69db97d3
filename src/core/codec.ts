// Values as text, for every border they cross: host and guest, journal and disk, node and node.
// Invariant: what decodes equals what was encoded, or an error names the path that could not cross; a text from a
// hostile hand cannot touch a prototype, run anything or take more than linear time. The format is in codec-format.
import { decodeText } from "./codec-decode.ts";
import { encodeValue } from "./codec-encode.ts";
import { MAX_DEPTH, type CodecFailure, type CodecLimits } from "./codec-format.ts";
import { ValueError } from "./errors.ts";

/** Bounds of {@link encode} and {@link decode}. */
export interface CodecOptions {
  /** UTF-8 bytes of the text; 64 MiB where absent. Also what bounds values that share parts: each is written anew. */
  readonly maxBytes?: number | undefined;
  /** How many containers may hold one another; 256 where absent. */
  readonly maxDepth?: number | undefined;
}

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Writes a value as text: JSON and undefined, NaN, infinities, -0, BigInt, Date, Map, Set, typed arrays, ArrayBuffer,
 * DataView, RegExp and Error. Enumerable own properties are read, getters included; an instance of a class becomes a
 * plain object, a hole in an array undefined, an object met twice is written twice.
 *
 * @throws ValueError `VALUE_UNSUPPORTED` for functions, symbols, promises, cycles, too deep values and instances that
 * have nothing to read; `VALUE_TOO_LARGE` past `maxBytes`.
 */
export function encode(value: unknown, options: CodecOptions = {}): string {
  const limits = limitsOf(options);
  const outcome = encodeValue(value, limits);
  if (!outcome.ok) throw failed(outcome);
  if (isLonger(outcome.value, limits.maxBytes)) throw tooLarge();
  return outcome.value;
}

/**
 * Reads what {@link encode} wrote.
 *
 * @throws ValueError `VALUE_MALFORMED` where the text is not the codec's or too deep, `VALUE_TOO_LARGE` past `maxBytes`.
 */
export function decode(text: string, options: CodecOptions = {}): unknown {
  const limits = limitsOf(options);
  if (isLonger(text, limits.maxBytes)) throw tooLarge();
  if (isDeeper(text, 3 * limits.maxDepth)) throw failed(TOO_DEEP);
  const outcome = decodeText(text, limits);
  if (!outcome.ok) throw failed(outcome);
  return outcome.value;
}

function limitsOf(options: CodecOptions): CodecLimits {
  return { maxBytes: options.maxBytes ?? MAX_BYTES, maxDepth: options.maxDepth ?? MAX_DEPTH };
}

/** Whether a text takes more UTF-8 bytes than allowed; counted only where its length leaves that open. */
function isLonger(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true;
  return text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes;
}

const TOO_DEEP: CodecFailure = { failure: "malformed", path: "$", problem: "it is nested too deeply" };

/** Whether brackets nest deeper than any value could need (a Map takes three); cheaper than to parse and see. */
function isDeeper(text: string, maxDepth: number): boolean {
  if (text.length <= maxDepth) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 92) at += 1;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 91 || code === 123) depth += 1;
    else if (code === 93 || code === 125) depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

function tooLarge(): ValueError {
  return failed({
    failure: "too-large",
    path: "$",
    problem: "the value is larger than the limit; pass less",
  });
}

const CODES = {
  unsupported: "VALUE_UNSUPPORTED",
  "too-large": "VALUE_TOO_LARGE",
  malformed: "VALUE_MALFORMED",
} as const;

/** The error of a failure, also of one that was found on the other side of a border. */
export function failed({ failure, path, problem }: CodecFailure): ValueError {
  const verb = failure === "malformed" ? "read" : "carry";
  return new ValueError(CODES[failure], `Cannot ${verb} ${path}: ${problem}.`, path);
}
