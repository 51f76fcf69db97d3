// What is known of one moment: prompt, code, error, console, tool call, approval, output and what it used.
// Invariant: text only; long things are folded, so that a timeline can be looked over; a task's end is told by its result.
import type { TaskFailure } from "../../../../core/task.ts";
import type { Moment, Prompt, ShownCode, ToolMoment } from "../../shapes.ts";
import { bytes, count, dollars, duration, tokenSum, tokenWords } from "../words.ts";
import { AnswerForm } from "./answer-form.tsx";
import { CodeExcerpt, CodeView } from "./code-view.tsx";
import { Subject } from "./subject.tsx";

/** Its figures, in a line. */
export function MomentFacts({ moment }: { readonly moment: Moment }) {
  const { model, tokens, costUsd, isReplayed, usage } = moment;
  const said = [
    model ?? "",
    tokens === undefined ? "" : `${count(tokenSum(tokens))} tokens`,
    costUsd === undefined || costUsd === null ? "" : dollars(costUsd),
    usage === undefined ? "" : `${duration(usage.cpuMs)} CPU · ${bytes(usage.memoryBytes)}`,
  ].filter((part) => part !== "");
  return (
    <span class="moment-facts quiet" title={tokens === undefined ? undefined : tokenWords(tokens)}>
      {isReplayed === true ? <span class="chip hue-ask">replayed</span> : null}
      {said.join(" · ")}
    </span>
  );
}

/** All else. */
export function MomentBody(props: {
  readonly moment: Moment;
  /** The latest code at this moment: errors are at its lines. */
  readonly code: ShownCode | null;
  readonly canAnswer: boolean;
}) {
  const { moment, code, canAnswer } = props;
  const { type, text, prompt, answer, error, tool, approval, output } = moment;
  const lines = moment.console ?? [];
  return (
    <div class="moment-body">
      {text === undefined || text === "" ? null : <p class="moment-text">{text}</p>}
      {prompt === undefined ? null : <PromptFold prompt={prompt} />}
      {moment.code === undefined ? null : <ShownCodeView code={moment.code} />}
      {answer === undefined ? null : (
        <details class="fold">
          <summary>The answer as it was</summary>
          <pre class="said-text">{answer}</pre>
        </details>
      )}
      {error === undefined || type === "finished" ? null : <Failure error={error} code={code} />}
      {lines.length === 0 ? null : (
        <figure class="code">
          <figcaption>Console</figcaption>
          <pre class="console">
            {lines.map(({ level, text: said }, index) => (
              <span key={index} class={`console-line level-${level}`}>
                {level === "log" ? "" : `${level}: `}
                {said}
                {"\n"}
              </span>
            ))}
          </pre>
        </figure>
      )}
      {tool === undefined ? null : <Tool tool={tool} />}
      {approval === undefined ? null : (
        <div class="approval-moment">
          {approval.answer === undefined ? <Subject subject={approval.subject} /> : null}
          {approval.answer === undefined ? null : (
            <p>
              <strong>{approval.answer.decision}</strong>
              {approval.answer.by === null ? "" : ` by ${approval.answer.by}`}
              {approval.answer.note === null ? "" : `: “${approval.answer.note}”`}
            </p>
          )}
          {canAnswer ? <AnswerForm approvalId={approval.approvalId} /> : null}
        </div>
      )}
      {output === undefined || output === "" || type === "finished" ? null : (
        <CodeView code={output} language="json" label="Output" />
      )}
    </div>
  );
}

function PromptFold({ prompt }: { readonly prompt: Prompt }) {
  const characters = prompt.messages.reduce((sum, { text }) => sum + text.length, 0);
  return (
    <details class="fold">
      <summary>
        Prompt <span class="quiet">{count(characters)} characters</span>
      </summary>
      {prompt.messages.map(({ role, text }, index) => (
        <div key={index} class="message">
          <span class="message-role">{role}</span>
          <pre class="said-text">{text}</pre>
        </div>
      ))}
      {prompt.note === null ? null : <p class="quiet">{prompt.note}</p>}
    </details>
  );
}

function ShownCodeView({ code }: { readonly code: ShownCode }) {
  const { text, language, attempt, previous } = code;
  if (language === "text") return <pre class="said-text">{text}</pre>;
  const label = attempt === 1 ? "Code" : `Code, try ${attempt}`;
  return <CodeView code={text} language="javascript" label={label} previous={previous} />;
}

function Failure({ error, code }: { readonly error: TaskFailure; readonly code: ShownCode | null }) {
  const { name, message, category, line, column } = error;
  return (
    <div class="failure-block">
      <p class="failure">
        <strong>{name}</strong> {message}
        <span class="quiet">
          {" "}
          {category}
          {line === undefined ? "" : `, line ${line}${column === undefined ? "" : `:${column}`}`}
        </span>
      </p>
      {line === undefined || code === null || code.language !== "javascript" ? null : (
        <CodeExcerpt code={code.text} place={{ line, column }} />
      )}
    </div>
  );
}

/** A call shows what went in, its return what came out. */
function Tool({ tool }: { readonly tool: ToolMoment }) {
  const { input, output, ok } = tool;
  if (output === undefined) return <CodeView code={input} language="json" label="Called with" />;
  return ok === false ? (
    <CodeView code={output} language="text" label="Failed with" />
  ) : (
    <CodeView code={output} language="json" label="Returned" />
  );
}
