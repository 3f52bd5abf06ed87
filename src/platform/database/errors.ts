import { CannotStart } from '../config/cannot-start.js';

/**
 * What can be wrong with the database in a way that a person can put right.
 */
export class DatabaseUnusable extends CannotStart {
  override readonly name = 'DatabaseUnusable';
}
