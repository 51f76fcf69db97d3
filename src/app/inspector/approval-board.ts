// What waits to be allowed, as it was last read, and told where that changes.
// Invariant: the first look tells nothing; from then on each approval that comes, and each that is waited for no more, is
// told once.
import type { Approval } from "../../core/approval.ts";
import type { Inspected } from "./inspected.ts";
import type { ApprovalPage, InspectorEvent } from "./shapes.ts";
import { shownApproval } from "./shown-approval.ts";
import type { Veil } from "./veil.ts";

const DUE_MS = 2_000;
const MOST_SHOWN = 200;

/** Shows approvals. */
export class ApprovalBoard {
  readonly #mesh: Pick<Inspected, "approvals">;
  readonly #veil: Veil;
  readonly #publish: (event: InspectorEvent) => void;
  #known: ReadonlyMap<string, Approval> | null = null;
  #dueAt = 0;

  constructor(
    mesh: Pick<Inspected, "approvals">,
    { veil, publish }: { readonly veil: Veil; readonly publish: (event: InspectorEvent) => void },
  ) {
    this.#mesh = mesh;
    this.#veil = veil;
    this.#publish = publish;
  }

  /** How many wait. */
  get size(): number {
    return this.#known?.size ?? 0;
  }

  get page(): ApprovalPage {
    const approvals = [...(this.#known?.values() ?? [])];
    return { approvals: approvals.slice(0, MOST_SHOWN), total: approvals.length };
  }

  /** Reads where that was long ago. @throws StorageError */
  async refresh(): Promise<void> {
    if (Date.now() >= this.#dueAt) await this.read();
  }

  /** Reads, and tells what is new. @throws StorageError */
  async read(): Promise<void> {
    this.#dueAt = Date.now() + DUE_MS;
    const found = await this.#mesh.approvals();
    const before = this.#known;
    const now = new Map(found.map((one) => [one.approvalId, shownApproval(one, this.#veil)]));
    this.#known = now;
    if (before === null) return;
    for (const [approvalId, approval] of now) {
      if (!before.has(approvalId)) this.#publish({ type: "approval", approvalId, approval });
    }
    for (const approvalId of before.keys()) {
      if (!now.has(approvalId)) this.#publish({ type: "approval", approvalId, approval: null });
    }
  }

  forget(): void {
    this.#known = null;
    this.#dueAt = 0;
  }
}
