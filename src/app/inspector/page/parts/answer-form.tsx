// Where a person approves or rejects, with a note if they like.
import { useState } from "preact/hooks";
import { mesh, readApprovals } from "../live.ts";
import { perform } from "../notices.ts";
import { useObservable } from "../observable.ts";
import { Icon } from "./icon.tsx";

/** The note and the two buttons. */
export function AnswerForm({ approvalId }: { readonly approvalId: string }) {
  const seen = useObservable(mesh);
  const [note, setNote] = useState("");
  const [isBusy, setBusy] = useState(false);
  if (seen?.can.approve !== true) return null;
  const answer = async (decision: "approve" | "reject") => {
    setBusy(true);
    const path = `approvals/${encodeURIComponent(approvalId)}/${decision}`;
    const done = await perform(
      path,
      decision === "approve" ? "Approved." : "Rejected.",
      note === "" ? {} : { note },
    );
    setBusy(false);
    if (!done) return;
    // The buttons go: who answered by keys stays on the page.
    document.getElementById("main")?.focus({ preventScroll: true });
    await readApprovals().catch(() => undefined);
  };
  return (
    <form class="answer" onSubmit={(event) => event.preventDefault()}>
      <input
        type="text"
        aria-label={`Note on ${approvalId}`}
        placeholder="Note, if you like"
        value={note}
        onInput={(event) => setNote(event.currentTarget.value)}
      />
      <button type="button" class="main" disabled={isBusy} onClick={() => void answer("approve")}>
        <Icon name="check" />
        Approve
      </button>
      <button type="button" class="danger" disabled={isBusy} onClick={() => void answer("reject")}>
        <Icon name="close" />
        Reject
      </button>
    </form>
  );
}
