// The services by which clients reach the agents of one node, one for each role, and the requests they have in hand.
// Invariant: a role is served once, however often that is asked for; after `close` no request is taken.
import { MeshStateError } from "../src/core/errors.ts";
import { UnderWay } from "../src/core/under-way.ts";
import type { WireService } from "../src/core/wire.ts";

/** The services of one desk. */
export class Services {
  readonly #byRole = new Map<string, Promise<WireService>>();
  readonly #underWay = new UnderWay();
  #isClosed = false;

  /** Opens a role's service, unless it is open. @throws DeliveryError */
  async open(role: string, start: () => Promise<WireService>): Promise<void> {
    const opening = this.#byRole.get(role) ?? start();
    this.#byRole.set(role, opening);
    await opening;
  }

  /** Does what one request asks for. */
  handle(work: () => Promise<void>): Promise<void> {
    return this.#underWay.during(work);
  }

  /** @throws MeshStateError where requests are not taken any more. */
  requireOpen(): void {
    if (this.#isClosed)
      throw new MeshStateError("This node of the mesh stops. Ask again: another one answers.");
  }

  /** Takes no more requests. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const stopped = [...this.#byRole.values()].map(async (opening) => (await opening).stop());
    await Promise.allSettled(stopped);
  }

  /** Resolves once no request is in hand. */
  async settled(): Promise<void> {
    await this.#underWay.none();
  }
}
