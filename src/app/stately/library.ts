// What feeding XState's tools needs, installed only by who uses it.
import { loadPackage } from "../../core/optional-package.ts";

/** Stately's inspector, and a WebSocket server. @throws ConfigError where they are not installed. */
export async function loadLibrary() {
  const [{ createInspector }, { WebSocketServer }] = await loadPackage(
    "feed XState's tools",
    "@statelyai/inspect@0.7 ws@8",
    () => Promise.all([import("@statelyai/inspect"), import("ws")]),
  );
  return { createInspector, WebSocketServer };
}
