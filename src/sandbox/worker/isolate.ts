// The isolate's inside: it takes the host's messages, gives each run an instance of its own and works its turns.
// Invariant: guests share nothing but this thread's time; an instance is taken from the spares or made, used for
// one run, and dropped whole.
import type { FromIsolate, ToIsolate } from "../protocol.ts";
import { Pulse, sharedNow } from "../pulse.ts";
import type { Engine } from "./engine.ts";
import { Guest, type GuestPlace, type RunMessage } from "./guest.ts";
import { bootImage, copyImage, type Image } from "./image.ts";
import { Module, PAGE_BYTES, type WasmModule } from "./webassembly.ts";

/** Serves one host. */
export class IsolateWorker implements GuestPlace {
  readonly #bootstrap: string;
  readonly #send: (message: FromIsolate) => void;
  readonly #guests = new Map<number, Guest>();
  readonly #spares: { readonly maxPages: number; readonly engine: Engine }[] = [];
  #module: WasmModule | null = null;
  #image: Image | null = null;
  #pulse: Pulse | null = null;
  #maxSpares = 0;
  #refilling = false;

  /** `bootstrap` is the guest bundle; `send` reaches the host. */
  constructor(bootstrap: string, send: (message: FromIsolate) => void) {
    this.#bootstrap = bootstrap;
    this.#send = send;
  }

  /** Takes one message of the host. */
  receive(message: ToIsolate): void {
    switch (message.type) {
      case "open": {
        this.#open(message);
        return;
      }
      case "run": {
        this.#run(message);
        return;
      }
      case "return": {
        this.#speak(message.run, (guest) => guest.return(message));
        return;
      }
      case "wake": {
        this.#speak(message.run, (guest) => guest.wake(message.at));
        return;
      }
      case "stop": {
        this.#speak(message.run, (guest) => guest.stop());
        return;
      }
    }
  }

  enter(run: number, allowedMs: number): void {
    if (this.#pulse === null) this.#tellPulse(run, allowedMs);
    else this.#pulse.enter(run, sharedNow() + allowedMs);
  }

  leave(): void {
    if (this.#pulse === null) this.#tellPulse(0, 0);
    else this.#pulse.leave();
  }

  isStopped(run: number): boolean {
    return this.#pulse?.isStopped(run) ?? false;
  }

  post(message: FromIsolate): void {
    this.#send(message);
  }

  #open(message: Extract<ToIsolate, { type: "open" }>): void {
    try {
      const { engine } = message;
      this.#module = engine instanceof Uint8Array ? new Module(engine) : engine;
      this.#pulse = message.pulse === null ? null : new Pulse(message.pulse);
      this.#image = bootImage(this.#module, this.#bootstrap);
      this.#maxSpares = message.spares;
      this.#send({ type: "ready" });
    } catch (thrown) {
      this.#send({ type: "broken", message: String(thrown) });
    }
  }

  #run(message: RunMessage): void {
    const image = this.#image;
    if (image === null) return;
    const maxPages = Math.floor(message.limits.memoryBytes / PAGE_BYTES);
    const engine = this.#take(maxPages);
    if (engine === null) {
      const end = { type: "crash", message: "there is no memory for another instance" } as const;
      const usage = { cpuMs: 0, memoryBytes: 0, toolCalls: 0 };
      this.#send({ type: "end", run: message.run, end, calls: [], pending: 0, lines: [], usage });
      return;
    }
    const guest = new Guest(message, engine, image, this);
    this.#guests.set(message.run, guest);
    void guest.start().then(() => {
      if (guest.ended) this.#guests.delete(message.run);
      this.#refill(maxPages);
    });
  }

  #tellPulse(run: number, allowedMs: number): void {
    this.#send({ type: "pulse", run, allowedMs, spares: this.#spares.length });
  }

  #speak(run: number, say: (guest: Guest) => void): void {
    const guest = this.#guests.get(run);
    if (guest === undefined) return;
    say(guest);
    if (guest.ended) this.#guests.delete(run);
  }

  #take(maxPages: number): Engine | null {
    const index = this.#spares.findIndex((spare) => spare.maxPages === maxPages);
    const [spare] = index < 0 ? [] : this.#spares.splice(index, 1);
    return spare?.engine ?? this.#make(maxPages);
  }

  /** A new instance; null where this process has no more memory to give. */
  #make(maxPages: number): Engine | null {
    if (this.#module === null || this.#image === null) return null;
    try {
      return copyImage(this.#module, this.#image, maxPages);
    } catch {
      return null;
    }
  }

  /** Makes spares of the size last asked for, once the messages at hand are served. */
  #refill(maxPages: number): void {
    if (this.#refilling) return;
    this.#refilling = true;
    setTimeout(() => {
      this.#refilling = false;
      this.#makeSpares(maxPages);
      if (this.#pulse === null) this.#tellPulse(0, 0);
      else this.#pulse.spares = this.#spares.length;
    }, 0);
  }

  #makeSpares(maxPages: number): void {
    const fitting = this.#spares.filter((spare) => spare.maxPages === maxPages).length;
    for (let count = fitting; count < this.#maxSpares; count += 1) {
      const engine = this.#make(maxPages);
      if (engine === null) return;
      this.#spares.push({ maxPages, engine });
      if (this.#spares.length > this.#maxSpares) this.#spares.shift();
    }
  }
}
