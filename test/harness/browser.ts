// A Chromium of the machine's own, for tests of pages: without a network but loopback, watched for errors.
// Invariant: what a page asks of anywhere but loopback fails, and is told as a fault; so is whatever its console complains of.
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** How a page is seen. */
export interface Sight {
  readonly width: number;
  readonly height?: number;
  readonly theme: "light" | "dark";
  /** Whether things move; not by default, so that a test need not wait for them. */
  readonly moves?: boolean;
}

/** A page, and what it did wrong. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Complaints of the console, errors that nobody caught, requests to elsewhere. */
  readonly faults: readonly string[];
}

/** The widths that are looked at: a window, and a phone. */
export const WIDTHS = [1280, 375] as const;

/** Starts the browser. @throws Error that says how to install one, where there is none. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: [
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      // The sandbox of Chromium cannot be had by root.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
}

/** Opens a page at an address. */
export async function openPage(browser: Browser, url: string, sight: Sight): Promise<WatchedPage> {
  const { width, height = width < 500 ? 740 : 800, theme, moves = false } = sight;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: moves ? "no-preference" : "reduce",
  });
  const faults: string[] = [];
  await context.route("**/*", async (route) => {
    const { hostname } = new URL(route.request().url());
    if (hostname === "127.0.0.1") return route.continue();
    faults.push(`asked elsewhere: ${route.request().url()}`);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(`thrown: ${error.message}`));
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** What hinders people seriously, by axe: each as its rule and the element. */
export async function hindrancesOf(page: Page): Promise<readonly string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  return page.evaluate(async () => {
    interface Finding {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
    }
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: Finding[] }> };
    };
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => ["serious", "critical"].includes(impact))
      .flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      );
  });
}

function findChromium(): string {
  const found = onPath();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && process.platform === "linux") {
    try {
      execFileSync("apt-get", ["install", "--yes", "--no-install-recommends", "chromium"], {
        stdio: "ignore",
      });
    } catch {
      // Told below: there is none.
    }
  }
  const installed = onPath();
  if (installed !== undefined) return installed;
  throw new Error(
    `The tests of pages need a Chromium on PATH (one of ${NAMES.join(", ")}), and there is none. ` +
      "Install it: apt-get install chromium, dnf install chromium, or brew install --cask chromium.",
  );
}

function onPath(): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const file of NAMES.map((name) => join(folder, name))) {
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Looked for further on.
      }
    }
  }
  return undefined;
}
