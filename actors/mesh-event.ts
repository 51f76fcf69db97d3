// What happens in a mesh, for whoever watches it in this process.
import type { Address } from "../src/core/address.ts";
import type { TaskEvent } from "../src/core/task.ts";
import type { WorkflowEvent } from "../src/core/workflow-event.ts";

/** What can be watched of a mesh. */
export type MeshEvent =
  | TaskEvent
  | WorkflowEvent
  | { readonly type: "actor-started"; readonly address: Address }
  | { readonly type: "actor-stopped"; readonly address: Address }
  /** It crashed too often and stays stopped. */
  | { readonly type: "actor-exhausted"; readonly address: Address; readonly message: string };
