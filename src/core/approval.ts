// Approvals: what a task may wait for a person to allow, and what that person answered.
// Invariant: plain data; an approval is answered once, and what it was asked for is shown as it would be done.

import type { Measure, ScopeName } from "./budget.ts";

/** A tool call that waits to be allowed. */
export interface HeldCall {
  readonly callId: string;
  readonly tool: string;
  /** The input, encoded. */
  readonly input: string;
}

/** What is asked for. */
export type ApprovalSubject =
  /** To run code that a model wrote. */
  | { readonly type: "code"; readonly code: string }
  /** To make tool calls of a run that was put away; they are allowed or refused together. */
  | { readonly type: "tools"; readonly calls: readonly HeldCall[] }
  /** To go on past a budget. */
  | {
      readonly type: "budget";
      /** Whose, as `agent:coder`. */
      readonly budget: ScopeName;
      readonly measure: Measure;
      /** How much more is asked for, in the unit of the measure. */
      readonly wanted: number;
      readonly message: string;
    };

/** What a task's chart asks an approver. */
export interface ApprovalRequest {
  /** `<taskId>-a<n>`, n from 1: the same after a restart. */
  readonly approvalId: string;
  readonly taskId: string;
  readonly subject: ApprovalSubject;
}

/** The id of a task's n-th approval, n from 1. */
export function approvalIdOf(taskId: string, number: number): string {
  return `${taskId}-a${number}`;
}

/** What came of it; `expired` where nobody answered in the time that the agent sets. */
export interface ApprovalAnswer {
  readonly decision: "approved" | "rejected" | "expired";
  /** Who answered; null where nobody did or said so. */
  readonly by: string | null;
  readonly note: string | null;
}

/** An approval as it is listed. */
export interface Approval extends ApprovalRequest {
  readonly role: string;
  /** The task in plain language. */
  readonly task: string;
  readonly status: "pending" | ApprovalAnswer["decision"];
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  /** When it expires; null for never. */
  readonly expiresAt: number | null;
  readonly answeredAt: number | null;
  readonly by: string | null;
  readonly note: string | null;
}

/** What an agent's runs need to be allowed: each code, each tool call, or neither (tools can ask for themselves). */
export type ApprovalPolicy = "code" | "tools" | "never";
