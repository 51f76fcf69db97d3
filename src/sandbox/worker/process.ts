// The isolate as a process of its own: messages are JSON, one a line, on standard input and output.
// Invariant: output is written at once and blocks while the host is slow to read, so that a guest's flood slows
// the guest and not the host; the process ends when its input does.
import type { FromIsolate, ToIsolate } from "../protocol.ts";
import { IsolateWorker } from "./isolate.ts";

/** Serves the host at the other end of the standard streams. */
export function serveProcess(bootstrap: string): void {
  const streams = "Deno" in globalThis ? denoStreams() : nodeStreams();
  const encoder = new TextEncoder();
  const worker = new IsolateWorker(bootstrap, (message: FromIsolate) =>
    streams.write(encoder.encode(`${JSON.stringify(message)}\n`)),
  );
  const decoder = new TextDecoder();
  const parts: string[] = [];
  streams.read((chunk) => {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    for (const [index, line] of lines.entries()) {
      parts.push(line);
      if (index === lines.length - 1) break;
      const text = parts.splice(0).join("");
      worker.receive(revive(JSON.parse(text) as ToIsolate));
    }
  });
}

/** The engine crosses as base64, since lines are text. */
function revive(message: ToIsolate): ToIsolate {
  if (message.type !== "open") return message;
  const text = atob(message.engine as unknown as string);
  return { ...message, engine: Uint8Array.from(text, (char) => char.charCodeAt(0)) };
}

interface Streams {
  write(bytes: Uint8Array): void;
  read(take: (chunk: Uint8Array) => void): void;
}

function nodeStreams(): Streams {
  const fs = process.getBuiltinModule("node:fs");
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length;) at += writeSome(() => fs.writeSync(1, bytes, at));
    },
    read(take) {
      process.stdin.on("data", take);
      process.stdin.on("end", () => process.exit(0));
    },
  };
}

interface DenoInterface {
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  readonly stdin: { readonly readable: AsyncIterable<Uint8Array> };
  exit(code: number): never;
}

function denoStreams(): Streams {
  const { Deno: deno } = globalThis as unknown as { readonly Deno: DenoInterface };
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length;) at += writeSome(() => deno.stdout.writeSync(bytes.subarray(at)));
    },
    read(take) {
      void (async () => {
        for await (const chunk of deno.stdin.readable) take(chunk);
        deno.exit(0);
      })();
    },
  };
}

/** Writes until the pipe takes something: a full one answers EAGAIN where it does not block. */
function writeSome(write: () => number): number {
  for (;;) {
    try {
      return write();
    } catch (thrown) {
      const code = (thrown as { readonly code?: string }).code;
      if (code !== "EAGAIN" && (thrown as Error).name !== "WouldBlock") throw thrown;
    }
  }
}
