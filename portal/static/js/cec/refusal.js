// How a check ends when it does not pass: the input is invalid, a step refuses it, or this browser cannot check it.

/** What is checked, in order (docs/formats.md, "Proof file"). */
export const STEPS = Object.freeze(['decode', 'record', 'path', 'anchor', 'keys', 'header', 'commit', 'genesis']);

/** Bytes that are not what they must be. The reason says which rule they break; the caller knows at which step. */
export class Invalid extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(reason);
    this.name = 'Invalid';
    this.reason = reason;
  }
}

/** A step of a proof does not hold. */
export class Refusal extends Error {
  /**
   * @param {string} step One of `STEPS`.
   * @param {string} reason What does not hold.
   */
  constructor(step, reason) {
    super(`Proof refused at step “${step}”: ${reason}`);
    this.name = 'Refusal';
    this.step = step;
    this.reason = reason;
  }
}

/** This browser lacks what a check needs. Never a pass and never a refusal: the proof may hold, check it elsewhere. */
export class CannotCheck extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(reason);
    this.name = 'CannotCheck';
    this.reason = reason;
  }
}
