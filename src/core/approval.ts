// Approvals: what a task may wait for a person to allow, and what that person answered.
// Invariant: plain data; an approval is answered once, and what it was asked for is shown as it would be done.

import type { Measure, ScopeName } from "./budget.ts";

/** A tool call that waits to be allowed. */
export interface HeldCall {
  /** Which call it is: the same once it is allowed and made. */
  readonly callId: string;
  /** The tool's name, as `group.name` in a group. */
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
  /** The task that waits. */
  readonly taskId: string;
  /** What is to be allowed. */
  readonly subject: ApprovalSubject;
}

/** The id of a task's n-th approval, n from 1. */
export function approvalIdOf(taskId: string, number: number): string {
  return `${taskId}-a${number}`;
}

/** What came of it; `expired` where nobody answered in the time that the agent sets. */
export interface ApprovalAnswer {
  /** What was decided. */
  readonly decision: "approved" | "rejected" | "expired";
  /** Who answered; null where nobody did or said so. */
  readonly by: string | null;
  /** Why, in that person's words; null where nothing was said. */
  readonly note: string | null;
}

/** An approval as it is listed. */
export interface Approval extends ApprovalRequest {
  /** The role of the agent whose task waits. */
  readonly role: string;
  /** The task in plain language. */
  readonly task: string;
  /** Whether it waits, or what was decided. */
  readonly status: "pending" | ApprovalAnswer["decision"];
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  /** When it expires; null for never. */
  readonly expiresAt: number | null;
  /** When it was answered, in milliseconds since 1970; null while it waits. */
  readonly answeredAt: number | null;
  /** Who answered; null while it waits, or where nobody said so. */
  readonly by: string | null;
  /** Why, in that person's words; null where nothing was said. */
  readonly note: string | null;
}

/** What an agent's runs need to be allowed: each code, each tool call, or neither (tools can ask for themselves). */
export type ApprovalPolicy = "code" | "tools" | "never";
