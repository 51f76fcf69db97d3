// What feeding XState's tools needs, installed only by who uses it.
import { ConfigError, messageOf } from "../../core/errors.ts";

const INSTALL = "npm install @statelyai/inspect@0.7 ws@8";

/** Stately's inspector, and a WebSocket server. @throws ConfigError where they are not installed. */
export async function loadLibrary() {
  try {
    const [{ createInspector }, { WebSocketServer }] = await Promise.all([
      import("@statelyai/inspect"),
      import("ws"),
    ]);
    return { createInspector, WebSocketServer };
  } catch (error) {
    const [reason] = messageOf(error).split("\n", 1);
    throw new ConfigError(
      `Cannot feed XState's tools: it needs packages that cannot be loaded (${reason ?? ""}). Run: ${INSTALL}`,
      { cause: error },
    );
  }
}
