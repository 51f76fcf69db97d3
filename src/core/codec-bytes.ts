// Base64 without the platform: guests have no atob, and the host must not trust what it reads.
// The loops touch only own elements, so that a guest cannot reach into them; no tables, so that it starts at once.
import { BytesOf, charCodeAt } from "./codec-intrinsics.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Characters that so many bytes take. */
export function base64Length(size: number): number {
  return (((size + 2) / 3) | 0) * 4;
}

/** Writes bytes as base64, padded. */
export function toBase64(bytes: Uint8Array, size: number): string {
  let text = "";
  let at = 0;
  for (; at + 2 < size; at += 3) {
    const bits = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    text += letter(bits >> 18) + letter(bits >> 12) + letter(bits >> 6) + letter(bits);
  }
  if (at === size) return text;
  const two = at + 1 < size;
  const bits = ((bytes[at] as number) << 16) | (two ? (bytes[at + 1] as number) << 8 : 0);
  return text + letter(bits >> 18) + letter(bits >> 12) + (two ? letter(bits >> 6) : "=") + "=";
}

function letter(bits: number): string {
  return ALPHABET[bits & 63] as string;
}

/** The 6 bits that a character stands for; -1 where it is none of base64's. */
function sextet(code: number): number {
  if (code >= 97) return code <= 122 ? code - 71 : -1;
  if (code >= 65) return code <= 90 ? code - 65 : -1;
  if (code >= 48) return code <= 57 ? code + 4 : -1;
  return code === 43 ? 62 : code === 47 ? 63 : -1;
}

/** Reads padded base64; null where it is not. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const length = text.length;
  if (length % 4 !== 0) return null;
  let padding = 0;
  if (length > 0 && text[length - 1] === "=") padding = text[length - 2] === "=" ? 2 : 1;
  const size = (length / 4) * 3 - padding;
  const bytes = new BytesOf(size);
  let bits = 0;
  let at = 0;
  for (let index = 0; index < length; index += 1) {
    const six = index < length - padding ? sextet(charCodeAt(text, index)) : 0;
    if (six < 0) return null;
    bits = (bits << 6) | six;
    if (index % 4 !== 3) continue;
    bytes[at] = (bits >> 16) & 255;
    if (at + 1 < size) bytes[at + 1] = (bits >> 8) & 255;
    if (at + 2 < size) bytes[at + 2] = bits & 255;
    at += 3;
    bits = 0;
  }
  return bytes;
}
