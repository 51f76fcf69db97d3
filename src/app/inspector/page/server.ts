// Asks the inspector's server, with the token where one is needed.
// Invariant: the token is kept for this tab alone, and never becomes part of an address that is asked.
import { observable } from "./observable.ts";

const KEPT_AS = "fettle-token";

/** Whether the server wants a token that the page does not have. */
export const isLocked = observable(false);

/** Whether the token that the page had was not the right one. */
export const wasRefused = observable(false);

/** What the server says of a request that it does not fulfil. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "RequestError";
    this.status = status;
  }
}

/** Takes the token out of the page's address, where it came with it. */
export function takeToken(): void {
  const given = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (given === undefined) return;
  sessionStorage.setItem(KEPT_AS, decodeURIComponent(given));
  history.replaceState(null, "", "#/");
}

/** Keeps a token that a person typed. */
export function unlock(token: string): void {
  sessionStorage.setItem(KEPT_AS, token);
  wasRefused.set(false);
  isLocked.set(false);
}

/** What each request says of itself. */
export function ownHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(KEPT_AS);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/**
 * Reads something below `api/`; parameters without a value are left out.
 *
 * @throws RequestError where the server does not give it; TypeError where it is away.
 */
export async function read<T>(
  path: string,
  parameters: Readonly<Record<string, string | number | null | undefined>> = {},
  signal?: AbortSignal,
): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return ask<T>(`api/${path}${text === "" ? "" : `?${text}`}`, { signal: signal ?? null });
}

/** Asks for something to be done. */
export async function act<T>(path: string, body: Readonly<Record<string, string>> = {}): Promise<T> {
  return ask<T>(`api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** @throws RequestError where it is refused. */
export async function refuse(response: Response): Promise<never> {
  if (response.status === 401) lock();
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  const said = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  throw new RequestError(response.status, said);
}

function lock(): void {
  wasRefused.set(wasRefused.value || sessionStorage.getItem(KEPT_AS) !== null);
  sessionStorage.removeItem(KEPT_AS);
  isLocked.set(true);
}

async function ask<T>(address: string, init: RequestInit): Promise<T> {
  const headers = { ...ownHeaders(), ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(address, { ...init, headers, cache: "no-store" });
  if (!response.ok) return refuse(response);
  return (await response.json()) as T;
}
