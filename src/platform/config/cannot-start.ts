/**
 * Something that a person has to put right before the program can run. The message is for them: one sentence that names the
 * part and the way out, without a stack and without a secret. Whatever else stops a start is a bug and shows its stack.
 */
export class CannotStart extends Error {
  override readonly name: string = 'CannotStart';
}
