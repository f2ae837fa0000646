/** What was, and what was undone. */

export const MOST = 200;

/**
 * @template T
 */
export class History {
  /** @param {T} first */
  constructor(first) {
    /** @type {T[]} */
    this.past = [];
    this.present = first;
    /** @type {T[]} */
    this.future = [];
    /** @type {string | null} */
    this.kind = null;
  }

  /**
   * Go on to a new state. Changes of one kind in a row, such as letters of one text, are one step.
   *
   * @param {T} next
   * @param {string | null} [kind]
   */
  push(next, kind = null) {
    const joined = kind !== null && kind === this.kind && this.past.length > 0;
    if (!joined) this.past = [...this.past, this.present].slice(-MOST);
    this.present = next;
    this.future = [];
    this.kind = kind;
  }

  /** The next change is a step of its own, whatever its kind. */
  part() {
    this.kind = null;
  }

  /** @returns {boolean} whether there was something to undo */
  undo() {
    const before = this.past.at(-1);
    if (before === undefined) return false;
    this.future = [this.present, ...this.future];
    this.past = this.past.slice(0, -1);
    this.present = before;
    this.kind = null;
    return true;
  }

  /** @returns {boolean} whether there was something to do again */
  redo() {
    if (this.future.length === 0) return false;
    this.past = [...this.past, this.present];
    [this.present, ...this.future] = this.future;
    this.kind = null;
    return true;
  }
}
