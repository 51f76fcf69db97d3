import { vi } from "vitest";

vi.mock("fettle/testing", async (importActual) => {
  const { onNats } = await import("./testing.ts");
  return onNats(await importActual());
});
await import("../mesh/profiles.test.ts");
