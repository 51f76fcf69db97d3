// What the service says of itself: its description for programs, and a page of its own on which people try it.
// Invariant: the page needs nothing but this server, and its browser runs no script but the page's own.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { packageManifest, packageRoot } from "../package-root.ts";
import { openApiOf } from "./openapi.ts";
import { defineRoute, type Route } from "./route.ts";

const TAG = "Description";
const documentForm = z.looseObject({ openapi: z.string() });

/** The routes that describe all others, and themselves. */
export function descriptionRoutes(others: readonly Route[]): readonly Route[] {
  let text: string | undefined;
  let page: Page | undefined;
  const routes: readonly Route[] = [
    defineRoute({
      method: "GET",
      path: "/openapi.json",
      doc: {
        id: "readDescription",
        tag: TAG,
        summary: "This description",
        answers: { 200: { description: "An OpenAPI 3.1 document.", schema: documentForm } },
      },
      handle: () => {
        text ??= JSON.stringify(openApiOf([...others, ...routes], packageManifest()));
        return new Response(text, {
          headers: { "Content-Type": "application/json", "Cache-Control": "no-cache" },
        });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/docs",
      doc: {
        id: "readDocs",
        tag: TAG,
        summary: "A page to try the service",
        answers: { 200: { description: "The page.", type: "text/html" } },
      },
      handle: () => pageAnswer((page ??= readPage())),
    }),
  ];
  return routes;
}

/** The page, and what its browser may load and run. */
interface Page {
  readonly html: string;
  readonly policy: string;
}

function pageAnswer({ html, policy }: Page): Response {
  return new Response(html, {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-cache",
    },
  });
}

function readPage(): Page {
  const html = readFileSync(new URL("src/app/http/docs.html", packageRoot()), "utf8");
  const hashOf = (tag: string) => {
    const [, inner = ""] = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html) ?? [];
    return `'sha256-${createHash("sha256").update(inner).digest("base64")}'`;
  };
  const policy = [
    "default-src 'none'",
    "connect-src 'self'",
    `script-src ${hashOf("script")}`,
    `style-src ${hashOf("style")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, policy };
}
