// The guest's side of tools: functions that encode their input, wait in line and give a promise.
// Invariant: at most `concurrentToolCalls` calls are with the host at once and at most `toolCalls` are ever made;
// what waits in line waits in the guest's own memory.
import { decodeFromHost, encodeForHost, MAX_DEPTH } from "./codec.ts";
import { TELL, type World } from "./door.ts";
import {
  define,
  ErrorOf,
  freeze,
  indexOf,
  markLimit,
  parse,
  PromiseOf,
  ProxyOf,
  slice,
  textOf,
  TypeErrorOf,
} from "./intrinsics.ts";

/** Tells the worker something. */
export type Tell = (kind: number, number: number, text: string) => void;

interface Call {
  readonly tool: number;
  readonly text: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  next: Call | null;
}

/** The calls of one run. */
export interface Calls {
  /** Ends a call with an encoded output. */
  resolve(number: number, text: string): void;
  /** Ends a call with `[name, message, limit]`. */
  reject(number: number, text: string): void;
}

/** Makes the functions of all tools and puts them on the global object: `tools.name`, `group.member`. */
export function makeTools(tell: Tell, world: World, global: object): Calls {
  const underway = { __proto__: null } as unknown as Record<number, Call>;
  let first: Call | null = null;
  let last: Call | null = null;
  let made = 0;
  let sent = 0;
  let busy = 0;

  const send = (call: Call): void => {
    busy += 1;
    underway[sent] = call;
    sent += 1;
    tell(TELL.call, call.tool, call.text);
  };

  const enqueue = (call: Call): void => {
    if (busy < world.concurrentToolCalls) {
      send(call);
      return;
    }
    if (last === null) first = call;
    else last.next = call;
    last = call;
  };

  const settle = (number: number): Call => {
    const call = underway[number] as Call;
    underway[number] = null as never;
    busy -= 1;
    const next = first;
    if (next !== null) {
      first = next.next;
      if (first === null) last = null;
      send(next);
    }
    return call;
  };

  const callTool = (tool: number, name: string, args: unknown[]): Promise<unknown> =>
    new PromiseOf((resolve, reject) => {
      if (args.length > 1) {
        reject(
          new TypeErrorOf(name + "() takes one argument, its input; " + textOf(args.length) + " were given"),
        );
        return;
      }
      made += 1;
      if (made > world.toolCalls) tell(TELL.limit, 0, "toolCalls");
      const input = encodeForHost(args[0], { maxBytes: world.toolBytes, maxDepth: MAX_DEPTH });
      if (input.ok) {
        enqueue({ __proto__: null, tool, text: input.value, resolve, reject, next: null } as Call);
      } else if (input.failure === "too-large") {
        const bytes = "limits.toolBytes (" + textOf(world.toolBytes) + " bytes)";
        const problem =
          "The input of " + name + "() is larger than " + bytes + ": pass less, or raise the limit.";
        reject(limitError(problem, "toolBytes"));
      } else {
        reject(new TypeErrorOf("Cannot pass " + input.path + " to " + name + "(): " + input.problem));
      }
    });

  publish(world.tools, callTool, global);

  return {
    resolve(number, text) {
      const output = decodeFromHost(text, { maxBytes: text.length, maxDepth: MAX_DEPTH });
      const call = settle(number);
      if (output.ok) call.resolve(output.value);
      else call.reject(new ErrorOf("Cannot read the tool's output: " + output.problem));
    },
    reject(number, text) {
      const failure = parse(text) as [string, string, string];
      const call = settle(number);
      if (failure[2] !== "") {
        call.reject(limitError(failure[1], failure[2]));
        return;
      }
      const error = new ErrorOf(failure[1]);
      define(error, "name", failure[0]);
      call.reject(error);
    },
  };
}

function limitError(message: string, limit: string): Error {
  const error = new ErrorOf(message);
  define(error, "name", "LimitError");
  markLimit(error, limit);
  return error;
}

function publish(
  names: readonly string[],
  callTool: (tool: number, name: string, args: unknown[]) => Promise<unknown>,
  global: object,
): void {
  const all = {};
  const groups = { __proto__: null } as unknown as Record<string, object>;
  let listed = "";
  for (let tool = 0; tool < names.length; tool += 1) {
    const name = names[tool] as string;
    listed += (tool === 0 ? "" : ", ") + name;
    const dot = indexOf(name, ".");
    const called = dot < 0 ? "tools." + name : name;
    const run = (...args: unknown[]): Promise<unknown> => callTool(tool, called, args);
    define(run, "name", name);
    // No `continue` here: the engine gives closures made before one the next turn's variables.
    if (dot < 0) {
      define(all, name, run, true);
    } else {
      const group = slice(name, 0, dot);
      groups[group] ??= {};
      define(groups[group], slice(name, dot + 1), run, true);
    }
  }
  for (const group in groups) {
    const members = guarded(groups[group] as object, group, listed);
    define(all, group, members, true);
    define(global, group, members, true);
  }
  define(global, "tools", guarded(all, "tools", listed), true);
}

/** Names the tools there are when one is asked for that is not: "not a function" would help nobody. */
function guarded(members: object, name: string, listed: string): object {
  return new ProxyOf(freeze(members), {
    __proto__: null,
    get(target: Record<PropertyKey, unknown>, key: PropertyKey) {
      const found = target[key];
      if (found !== undefined || typeof key === "symbol" || key === "then" || key === "toJSON") return found;
      throw new TypeErrorOf(
        "There is no " + name + "." + textOf(key) + "; the tools are: " + (listed === "" ? "none" : listed),
      );
    },
  } as ProxyHandler<object>);
}
