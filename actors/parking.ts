// Which tasks of a role wait for a person: they take no place of its actors.
// Invariant: a task is here only while it is in this process's hands.

/** Tasks that wait for a person, by role. */
export class Parking {
  readonly #parked = new Map<string, Set<string>>();

  park(role: string, taskId: string): void {
    const parked = this.#parked.get(role) ?? new Set();
    this.#parked.set(role, parked.add(taskId));
  }

  unpark(role: string, taskId: string): void {
    this.#parked.get(role)?.delete(taskId);
  }

  /** How many of a role's tasks wait. */
  count(role: string): number {
    return this.#parked.get(role)?.size ?? 0;
  }

  /** All tasks that wait. */
  get all(): readonly string[] {
    return [...this.#parked.values()].flatMap((ids) => [...ids]);
  }
}
