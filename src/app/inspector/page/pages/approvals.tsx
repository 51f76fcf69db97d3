// All that waits for a person: what would be done, and the answer.
import type { Approval } from "../../../../core/approval.ts";
import { approvals } from "../live.ts";
import { useObservable } from "../observable.ts";
import { AnswerForm } from "../parts/answer-form.tsx";
import { Empty } from "../parts/empty.tsx";
import { Subject } from "../parts/subject.tsx";
import { useNow } from "../reading.ts";
import { hrefOf } from "../route.ts";
import { ago, duration, plural } from "../words.ts";

/** The page. */
export function ApprovalsPage() {
  const waiting = useObservable(approvals);
  return (
    <article class="page narrow">
      <header class="page-head">
        <h1>Approvals</h1>
        <p class="quiet">
          {waiting.length === 0 ? "" : `${plural(waiting.length, "task")} held until you answer`}
        </p>
      </header>
      {waiting.length === 0 ? (
        <Empty
          title="Nothing waits for you."
          command={'defineAgent({ role: "coder", approval: "tools", … })'}
        >
          An agent asks before it runs code or calls tools where its definition says so.
        </Empty>
      ) : (
        <ul class="cards single">
          {waiting.map((approval) => (
            <Card key={approval.approvalId} approval={approval} />
          ))}
        </ul>
      )}
    </article>
  );
}

const WANTS = {
  code: "wants to run code",
  tools: "wants to call tools",
  budget: "wants to go past its budget",
} as const;

function Card({ approval }: { readonly approval: Approval }) {
  const now = useNow();
  const { approvalId, taskId, role, task, subject, askedAt, expiresAt } = approval;
  return (
    <li class="card approval" data-approval={approvalId}>
      <header>
        <h2>
          {role} <span class="regular">{WANTS[subject.type]}</span>
        </h2>
        <span class="quiet">
          {ago(askedAt, now)}
          {expiresAt === null ? "" : ` · expires in ${duration(Math.max(0, expiresAt - now))}`}
        </span>
      </header>
      <p>
        <a href={hrefOf("tasks", taskId)}>{task}</a>
      </p>
      <Subject subject={subject} />
      <AnswerForm approvalId={approvalId} />
    </li>
  );
}
