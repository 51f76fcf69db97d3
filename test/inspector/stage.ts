// A mesh with an inspector and a browser that looks at it, for a file of tests.
import { afterAll, beforeAll } from "vitest";
import type { Browser } from "playwright-core";
import type { MeshSystem } from "#src/mesh";
import { silentLog } from "#src/core/log";
import { openInspectorService, type InspectorService } from "#src/app/inspector/inspector-service";
import { openBrowser, openPage, type Sight, type WatchedPage } from "../harness/browser.ts";

/** A browser, started before the tests of a file and closed after them. */
export function browserForTests(): { readonly browser: Browser } {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });
  return {
    get browser() {
      if (browser === undefined) throw new Error("it is not started yet");
      return browser;
    },
  };
}

/** The inspector of a mesh. */
export async function inspect(mesh: MeshSystem, token?: string, port = 0): Promise<InspectorService> {
  return openInspectorService(mesh, { host: "127.0.0.1", port, token, log: silentLog, secrets: [] });
}

/** Looks at a place in the page, such as `tasks/t1`. */
export async function look(
  browser: Browser,
  { url }: Pick<InspectorService, "url">,
  { at = "", ...sight }: Partial<Sight> & { readonly at?: string } = {},
): Promise<WatchedPage> {
  return openPage(browser, `${url}#/${at}`, { width: 1280, theme: "light", ...sight });
}

/** Code as a model answers it. */
export function fenced(code: string): string {
  return `\`\`\`js\n${code}\n\`\`\``;
}
