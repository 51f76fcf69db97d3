// How much is measured: enough for a p99 in the full form, a few seconds in the short one.

export const FULL = Object.freeze({
  rounds: 100,
  warmUp: 5,
  burst: 20,
  windows: 5,
  windowMs: 2000,
  toolRounds: 20,
  toolCalls: 250,
  taskRounds: 40,
  programRounds: 15,
  waiting: 1000,
  durableRounds: 25,
  byteTasks: 500,
  unfinished: 10_000,
});

export const SHORT = Object.freeze({
  rounds: 2,
  warmUp: 1,
  burst: 2,
  windows: 1,
  windowMs: 100,
  toolRounds: 1,
  toolCalls: 20,
  taskRounds: 2,
  programRounds: 1,
  waiting: 20,
  durableRounds: 2,
  byteTasks: 4,
  unfinished: 20,
});
