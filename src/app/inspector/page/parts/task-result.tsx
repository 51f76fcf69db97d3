// How a task ended: what it gave, or why it failed.
import type { TaskEnd } from "../../shapes.ts";
import { duration, stateWords } from "../words.ts";
import { CodeView } from "./code-view.tsx";

/** The result. */
export function TaskResult({ result }: { readonly result: TaskEnd }) {
  const { status, output, error, isReused, functionId, model, executionTime } = result;
  const hue = status === "success" ? "hue-good" : status === "failure" ? "hue-bad" : "hue-idle";
  return (
    <section class={`card result ${hue}`} aria-labelledby="result">
      <header>
        <h2 id="result">{status === "success" ? "Result" : stateWords(status)}</h2>
        <span class="quiet">{duration(executionTime * 1000)} at work</span>
        {isReused ? <span class="quiet">by proven code</span> : null}
        {model === null ? null : <span class="quiet">{model}</span>}
        {functionId === null ? null : <span class="quiet">kept as {functionId}</span>}
      </header>
      {error === null ? null : (
        <p class="failure">
          <strong>{error.name}</strong> {error.message}
        </p>
      )}
      {output === "" ? null : <CodeView code={output} language={looksLikeJson(output)} label="Output" />}
    </section>
  );
}

function looksLikeJson(text: string): "json" | "text" {
  return /^\s*(?:[[{"\d-]|true\b|false\b|null\b)/.test(text) ? "json" : "text";
}
