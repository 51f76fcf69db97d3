// The port to tools that live elsewhere, in a process or behind an address, and are known once that is asked.
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { McpServer } from "./mcp.ts";
import type { Tool } from "./tool.ts";

/** A server that is open. */
export interface ToolSource extends AsyncDisposable {
  /** Its tools now, by the names that guests call them by. @throws McpError */
  tools(): Promise<Readonly<Record<string, Tool>>>;
  /** Ends what was opened; calls under way fail. Idempotent. */
  close(): Promise<void>;
}

/** What a source is opened with. */
export interface ToolSourceOptions {
  /** As its definition calls it, in errors and logs. */
  readonly name: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborted when nobody wants it any more: what is being opened is given up then. */
  readonly signal: AbortSignal;
}

/** Opens a server. @throws McpError that names it, and says why it cannot be used and how to mend that. */
export type OpenToolSource = (server: McpServer, options: ToolSourceOptions) => Promise<ToolSource>;
