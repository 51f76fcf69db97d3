// One task as it goes on: its detail as read, and what the stream adds to it.
// Invariant: moments are in the order of their indices without a gap; where one is missing, the whole is read again.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Moment, TaskDetail } from "../shapes.ts";
import { watch } from "./live.ts";
import { useEvents, useReading } from "./reading.ts";
import type { RequestError } from "./server.ts";

/** A task, and the text that its model is writing. */
export interface TaskReading {
  readonly detail: TaskDetail | null;
  readonly error: RequestError | null;
  readonly writing: string;
}

/** Reads a task and follows it. */
export function useTask(taskId: string): TaskReading {
  const { value, error, change, again } = useReading<TaskDetail>(`tasks/${encodeURIComponent(taskId)}`);
  const [writing, setWriting] = useState("");
  // What came before the detail was there.
  const early = useRef<Moment[]>([]);
  useEffect(() => {
    watch({ task: taskId });
    return () => watch({});
  }, [taskId]);
  useEvents(
    (event) => {
      if (event.type === "moment" && event.taskId === taskId) {
        early.current.push(event.moment);
        if (event.moment.type.startsWith("model-")) setWriting("");
        change((now) => added(now, [event.moment]));
      } else if (event.type === "task" && event.task.taskId === taskId) {
        change((now) => ({ ...now, task: event.task, result: event.result ?? now.result }));
      } else if (event.type === "text" && event.taskId === taskId) {
        setWriting((now) => (event.isVoid ? "" : now + event.text));
      }
    },
    [taskId],
  );
  const detail = useMemo(() => (value === null ? null : added(value, early.current)), [value]);
  const hasGap = detail !== null && early.current.some(({ index }) => index > detail.moments.length);
  useEffect(() => {
    if (hasGap) again();
  }, [hasGap]);
  return { detail, error, writing: detail?.result === null ? writing : "" };
}

/** The detail with further moments: those that follow, and those that are told anew. */
function added(detail: TaskDetail, further: readonly Moment[]): TaskDetail {
  let moments = detail.moments;
  for (const moment of further) {
    if (moment.index === moments.length) moments = [...moments, moment];
  }
  return moments === detail.moments ? detail : { ...detail, moments };
}
