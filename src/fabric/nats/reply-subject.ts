// Where an answer may go. A node answers with its own rights to a subject that its client chose: so no answer goes where
// servers or meshes act on what they are sent.

const ACTED_ON = /^(?:\$|fettle\.|agents\.)/;

/** Whether something would act on an answer sent there. */
export function isActedOn(reply: string | undefined): boolean {
  return reply !== undefined && ACTED_ON.test(reply);
}
