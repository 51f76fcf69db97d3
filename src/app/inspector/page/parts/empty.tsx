// What is shown where there is nothing to show: why, and what to do about it.
import type { ComponentChildren } from "preact";

/** An empty place, with the command that fills it. */
export function Empty(props: {
  readonly title: string;
  readonly command?: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children === undefined ? null : <p>{props.children}</p>}
      {props.command === undefined ? null : <code class="command">{props.command}</code>}
    </div>
  );
}

/** A place that is being read, or why it cannot be. */
export function Waiting({ error }: { readonly error: Error | null }) {
  return error === null ? (
    <div class="waiting" role="status">
      <span class="sr">Reading…</span>
      <span class="shimmer" />
      <span class="shimmer" />
      <span class="shimmer" />
    </div>
  ) : (
    <div class="empty" role="alert">
      <p class="empty-title">This could not be read.</p>
      <p>{error.message}</p>
    </div>
  );
}
