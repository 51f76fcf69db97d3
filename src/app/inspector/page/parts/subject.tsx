// What an approval is asked for, as it would be done.
import type { ApprovalSubject } from "../../../../core/approval.ts";
import { CodeView } from "./code-view.tsx";

/** The code, the tool calls, or the budget. */
export function Subject({ subject }: { readonly subject: ApprovalSubject }) {
  switch (subject.type) {
    case "code":
      return <CodeView code={subject.code} language="javascript" label="The code that would run" />;
    case "tools":
      return (
        <ul class="calls">
          {subject.calls.map(({ callId, tool, input }) => (
            <li key={callId}>
              <CodeView code={readable(input)} language="json" label={`${tool} would be called with`} />
            </li>
          ))}
        </ul>
      );
    case "budget":
      return (
        <p>
          {subject.message}{" "}
          <span class="quiet">
            {subject.budget}: {subject.wanted} more {subject.measure}
          </span>
        </p>
      );
  }
}

/** Of several lines, where it is JSON. */
function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
